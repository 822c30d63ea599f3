;; Deep ellipses in procedural templates.
(define (show x) (write x) (newline))
(define-syntax my-let-values*
  (lambda (stx)
    (syntax-case stx ()
      ((_ (((v ...) e) ...) b ...)
       (with-syntax ((((t ...) ...) (map generate-temporaries #'((v ...) ...))))
         #'(list '((v ...) ...) (length '(t ... ...)) b ...))))))
(show (my-let-values* (((a b) 1) ((c) 2)) 'body))
(define-syntax regroup
  (lambda (stx) (syntax-case stx () ((_ (k v ...) ...) #''((k ...) (v ... ...) ((v ... . k) ...))))))
(show (regroup (a 1 2) (b) (c 3)))
(define-syntax esc (lambda (stx) (syntax-case stx () ((_ x) #''(x (... ...))))))
(show (esc y))
(define-syntax tail (lambda (stx) (syntax-case stx () ((_ a ... b c) #''(b c a ...)))))
(show (tail 1 2 3 4))
(define-syntax vec (lambda (stx) (syntax-case stx () ((_ #((a b) ...)) #''(#(a ...) #(b ...))))))
(show (vec #((1 2) (3 4))))
