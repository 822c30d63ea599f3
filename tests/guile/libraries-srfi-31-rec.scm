;; Recursive expressions.
(use-modules (srfi srfi-31))
(define (show x) (write x) (newline))
(show ((rec (fact n) (if (= n 0) 1 (* n (fact (- n 1))))) 10)) (show ((rec f (lambda (n) (if (= n 0) 'done (f (- n 1))))) 5))
(define ones (rec s (cons 1 (delay s)))) (show (car (force (cdr ones)))) (show (map (rec (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2))))) (iota 10)))
