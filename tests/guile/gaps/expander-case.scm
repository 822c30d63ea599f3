;; not yet: strings in clauses of case are compared by content
;; Choosing by equivalence, with arrows.
(define (show x) (write x) (newline))
(define (f x) (case x ((1 2 3) 'small) ((a b) 'letter) ((#\c) 'char) ((()) 'empty) (else 'other)))
(show (map f (list 1 'b #\c '() "s" 3.0 4)))
(show (case 5 ((5) => (lambda (x) (* x 2))) (else 0)))
(show (case 6 ((5) 'five) (else => list)))
(show (case 'x ((y) 1)))
(show (case (* 2 3) ((2 3 5 7) 'prime) ((1 4 6 8 9) 'composite)))
(show (case "a" (("a") 'string) (else 'no)))
(show (case 1/2 ((1/2) 'half) (else 'no)))
(show (case #:k ((#:k) 'keyword) (else 'no)))
(show (case 10000000000000000000000 ((10000000000000000000000) 'big) (else 'no)))
