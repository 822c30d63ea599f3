;; Calls of a procedure of one argument, and small integers.
(define (fib n)
  (if (< n 2)
      n
      (+ (fib (- n 1)) (fib (- n 2)))))
(display (fib 29))
(newline)
