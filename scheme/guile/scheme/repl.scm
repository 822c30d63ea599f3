;;; R7RS interaction environment.

(define-module (scheme repl)
  #:re-export (interaction-environment))
