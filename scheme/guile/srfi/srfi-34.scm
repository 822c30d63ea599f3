;;; SRFI 34: exceptions.

(define-module (srfi srfi-34)
  #:re-export (with-exception-handler raise guard))
