;;; R6RS control structures.

(define-module (rnrs control)
  #:version (6)
  #:re-export (case-lambda do unless when))
