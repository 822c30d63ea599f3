;; Exceptions thrown and caught, and handlers that are never called.
(define (risky n)
  (if (odd? n) (throw 'odd-number n) n))
(let loop ((i 0) (sum 0))
  (if (< i 30000)
      (loop (+ i 1)
            (+ sum (catch 'odd-number
                     (lambda () (risky i))
                     (lambda (key n) 1))))
      (begin (display sum) (newline))))
