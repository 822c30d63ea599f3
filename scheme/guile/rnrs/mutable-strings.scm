;;; R6RS mutable strings.

(define-module (rnrs mutable-strings)
  #:re-export (string-fill! string-set!))
