;;; SRFI 16: `case-lambda'.  Guile's core has it.

(define-module (srfi srfi-16)
  #:re-export (case-lambda))
