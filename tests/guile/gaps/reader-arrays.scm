;; not yet: there are no arrays of several dimensions
;; Array literals of several ranks and bounds.
(define (show x) (write x) (newline))
(show #2((1 2) (3 4)))
(show (array-ref #2((1 2) (3 4)) 1 0))
(show (array-dimensions #2((1 2 3) (4 5 6))))
(show #1@2(a b c))
(show (array-ref #1@2(a b c) 3))
(show (array-rank #2((1))))
(show #2f64((1.0 2.0) (3.0 4.0)))
(show (array->list #2((1 2) (3 4))))
(show (array-shape #1@2(a b c)))
(show #0(7))
