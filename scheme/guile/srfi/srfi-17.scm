;;; SRFI 17: generalized `set!'.
;;;
;;; `(set! (car x) v)' asks the procedure `car' for its setter.  The names
;;; exported here are procedures with setters that stand for Guile's own.

(define-module (srfi srfi-17)
  #:export (getter-with-setter)
  #:replace (setter
             car cdr
             caar cadr cdar cddr
             caaar caadr cadar caddr cdaar cdadr cddar cdddr
             caaaar caaadr caadar caaddr cadaar cadadr caddar cadddr
             cdaaar cdaadr cdadar cdaddr cddaar cddadr cdddar cddddr
             string-ref vector-ref))

(define core-setter (@ (guile) setter))

(define (getter-with-setter getter setter)
  "Return a procedure that does what GETTER does and whose setter is SETTER."
  (make-procedure-with-setter getter setter))

(define setter
  (getter-with-setter
   (lambda (procedure)
     "Return the setter of PROCEDURE."
     (core-setter procedure))
   (lambda (procedure setter)
     (set-procedure-property! procedure 'setter setter))))

(define-syntax-rule (define-accessors (name getter setter-name) ...)
  (begin
    (define name
      (getter-with-setter
       (@ (guile) getter)
       (lambda (pair value) (setter-name pair value))))
    ...))

(define-syntax-rule (define-pair-accessors (name set-end! path) ...)
  (begin
    (define name
      (getter-with-setter
       (@ (guile) name)
       (lambda (pair value) (set-end! ((@ (guile) path) pair) value))))
    ...))

(define-accessors
  (car car set-car!)
  (cdr cdr set-cdr!))

(define-pair-accessors
  (caar set-car! car) (cadr set-car! cdr)
  (cdar set-cdr! car) (cddr set-cdr! cdr)
  (caaar set-car! caar) (caadr set-car! cadr)
  (cadar set-car! cdar) (caddr set-car! cddr)
  (cdaar set-cdr! caar) (cdadr set-cdr! cadr)
  (cddar set-cdr! cdar) (cdddr set-cdr! cddr)
  (caaaar set-car! caaar) (caaadr set-car! caadr)
  (caadar set-car! cadar) (caaddr set-car! caddr)
  (cadaar set-car! cdaar) (cadadr set-car! cdadr)
  (caddar set-car! cddar) (cadddr set-car! cdddr)
  (cdaaar set-cdr! caaar) (cdaadr set-cdr! caadr)
  (cdadar set-cdr! cadar) (cdaddr set-cdr! caddr)
  (cddaar set-cdr! cdaar) (cddadr set-cdr! cdadr)
  (cdddar set-cdr! cddar) (cddddr set-cdr! cdddr))

(define string-ref
  (getter-with-setter
   (@ (guile) string-ref)
   (lambda (string index char) (string-set! string index char))))

(define vector-ref
  (getter-with-setter
   (@ (guile) vector-ref)
   (lambda (vector index value) (vector-set! vector index value))))
