;;; SRFI 6: basic string ports.  Guile's core has them.

(define-module (srfi srfi-6)
  #:re-export (open-input-string open-output-string get-output-string))
