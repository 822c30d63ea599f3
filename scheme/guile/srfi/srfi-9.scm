;;; SRFI 9: define-record-type.

(define-module (srfi srfi-9)
  #:re-export (define-record-type))
