;;; SRFI 8: receive.

(define-module (srfi srfi-8)
  #:re-export (receive))
