;;; SRFI 10: #,(NAME ARGUMENT …) in a text reads as what NAME makes of the data.

(define-module (srfi srfi-10)
  #:use-module (ice-9 rdelim)
  #:export (define-reader-ctor))

(define constructors (make-hash-table))

(define (define-reader-ctor name procedure)
  "Let #,(NAME ARGUMENT …) read as what PROCEDURE returns for the arguments."
  (hashq-set! constructors name procedure))

(define (construct char port)
  (let ((form (read port)))
    (unless (and (list? form) (pair? form) (symbol? (car form)))
      (error "bad #, form" form))
    (let ((constructor (hashq-ref constructors (car form))))
      (unless constructor
        (error "no reader constructor" (car form)))
      (apply constructor (cdr form)))))

(read-hash-extend #\, construct)
