;; cut, cute and case-lambda.
(use-modules (srfi srfi-16) (srfi srfi-26))
(define (show x) (write x) (newline))
(show ((cut + 1 <>) 5)) (show ((cut list <> 'x <>) 1 2)) (show ((cut list 1 <...>) 2 3)) (show ((cut <> 1 2) +)) (show ((cut list)))
(show (map (cut * 2 <>) '(1 2 3))) (show (map (cut expt <> 2) '(1 2 3)))
(define n 0) (define (next!) (set! n (+ n 1)) n)
(define f (cut list (next!) <>)) (show (list (f 'a) (f 'b))) (define g (cute list (next!) <>)) (show (list (g 'a) (g 'b)))
(show (let ((x 10)) ((cute + x <>) 1))) (show ((cut apply + <> <...>) 1 '(2 3)))
(define plus (case-lambda (() 0) ((x) x) ((x y) (+ x y)) ((x y . z) (apply + x y z)))) (show (list (plus) (plus 1) (plus 1 2) (plus 1 2 3)))
