;; Ellipses within ellipses.
(define (show x) (write x) (newline))
(define-syntax my-let*-table
  (syntax-rules () ((_ (name (k v) ...) ...) '((name (k ...) (v ...)) ...))))
(show (my-let*-table (a (1 2) (3 4)) (b) (c (5 6))))
(define-syntax flatten2 (syntax-rules () ((_ (x ...) ...) '(x ... ...))))
(show (flatten2 (1 2) () (3) (4 5 6)))
(define-syntax flatten3 (syntax-rules () ((_ ((x ...) ...) ...) '(x ... ... ...))))
(show (flatten3 ((1 2) (3)) () ((4) () (5))))
(define-syntax distribute (syntax-rules () ((_ k (v ...)) '((k v) ...))))
(show (distribute a (1 2 3)))
(define-syntax pairs (syntax-rules () ((_ (a b ...) ...) '((a ...) ((b ... a) ...)))))
(show (pairs (1 2 3) (4) (5 6)))
