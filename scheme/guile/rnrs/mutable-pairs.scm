;;; R6RS mutable pairs.

(define-module (rnrs mutable-pairs)
  #:version (6)
  #:re-export (set-car! set-cdr!))
