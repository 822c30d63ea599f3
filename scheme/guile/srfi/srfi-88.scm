;;; SRFI 88: keyword objects.

(define-module (srfi srfi-88)
  #:re-export (keyword?)
  #:export (keyword->string string->keyword))

(define (keyword->string keyword)
  "Return the name of KEYWORD."
  (symbol->string (keyword->symbol keyword)))

(define (string->keyword string)
  "Return the keyword whose name is STRING."
  (symbol->keyword (string->symbol string)))
