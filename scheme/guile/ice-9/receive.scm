;;; (ice-9 receive): SRFI 8's receive.

(define-module (ice-9 receive)
  #:re-export (receive))

(cond-expand-provide (current-module) '(srfi-8))
