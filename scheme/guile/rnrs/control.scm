;;; R6RS control structures.

(define-module (rnrs control)
  #:re-export (case-lambda do unless when))
