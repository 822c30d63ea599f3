;; Syntax templates with holes.
(define (show x) (write x) (newline))
(define-syntax add-all
  (lambda (stx) (syntax-case stx () ((_ e ...) #`(+ #,@#'(e ...) 0)))))
(show (add-all 1 2 3))
(define-syntax at-expansion
  (lambda (stx) (syntax-case stx () ((_ n) #`(list n #,(* 2 (syntax->datum #'n)))))))
(show (at-expansion 21))
(define-syntax letify
  (lambda (stx)
    (syntax-case stx ()
      ((_ (n v) ... body)
       #`(let #,(map (lambda (n v) #`(#,n #,v)) #'(n ...) #'(v ...)) body)))))
(show (letify (a 1) (b 2) (+ a b)))
(define-syntax vec (lambda (stx) (syntax-case stx () ((_ a b) #`#(a #,(syntax->datum #'b) c)))))
(show (vec 1 2))
(define-syntax nested (lambda (stx) (syntax-case stx () ((_ x) #`(quote (1 #,@(list #'x #'x) . #,(datum->syntax stx 'end)))))))
(show (nested y))
