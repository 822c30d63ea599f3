;;; (srfi srfi-9 gnu): what Guile adds to SRFI 9.

(define-module (srfi srfi-9 gnu)
  #:re-export (set-record-type-printer!
               define-immutable-record-type
               set-field set-fields))
