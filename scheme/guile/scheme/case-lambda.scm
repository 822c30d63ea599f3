;;; R7RS case-lambda.

(define-module (scheme case-lambda)
  #:re-export (case-lambda))
