;;; R6RS mutable pairs.

(define-module (rnrs mutable-pairs)
  #:re-export (set-car! set-cdr!))
