;;; Definitions in curried form: (define ((f x) y) BODY) makes F a procedure of
;;; X that returns a procedure of Y.

(define-module (ice-9 curried-definitions)
  #:replace (define define* define-public define*-public))

(define-syntax define
  (syntax-rules ()
    ((_ ((head . inner) . outer) body body* ...)
     (define (head . inner) (lambda outer body body* ...)))
    ((_ head . rest)
     ((@ (guile) define) head . rest))))

(define-syntax define*
  (syntax-rules ()
    ((_ ((head . inner) . outer) body body* ...)
     (define* (head . inner) (lambda* outer body body* ...)))
    ((_ head . rest)
     ((@ (guile) define*) head . rest))))

(define-syntax define-public
  (syntax-rules ()
    ((_ ((head . inner) . outer) body body* ...)
     (define-public (head . inner) (lambda outer body body* ...)))
    ((_ head . rest)
     ((@ (guile) define-public) head . rest))))

(define-syntax define*-public
  (syntax-rules ()
    ((_ ((head . inner) . outer) body body* ...)
     (define*-public (head . inner) (lambda* outer body body* ...)))
    ((_ head . rest)
     ((@ (guile internal) define*-public) head . rest))))
