;;; (ice-9 match): pattern matching, which the expander knows.

(define-module (ice-9 match)
  #:re-export (match match-lambda match-lambda* match-let match-let* match-letrec))
