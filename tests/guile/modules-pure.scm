;; A pure module sees only what it asks for.
(define-module (pure one) #:pure #:use-module ((guile) #:select (define quote lambda list + write newline car)))
(define (f x) (list 'pure (+ x 1)))
(write (f 1)) (newline)
(write (car '(a b))) (newline)
