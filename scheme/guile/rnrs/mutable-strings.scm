;;; R6RS mutable strings.

(define-module (rnrs mutable-strings)
  #:version (6)
  #:re-export (string-fill! string-set!))
