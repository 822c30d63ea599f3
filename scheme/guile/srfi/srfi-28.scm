;;; SRFI 28: basic format strings.

(define-module (srfi srfi-28)
  #:replace (format))

(define (format message . arguments)
  "Return MESSAGE as a new string, with ~a and ~s in it replaced by ARGUMENTS
as `display' and `write' show them, ~% by a newline and ~~ by a tilde."
  (apply simple-format #f message arguments))
