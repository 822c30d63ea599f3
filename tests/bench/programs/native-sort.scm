;; A million integers sorted.
(define (numbers count)
  (let loop ((i 0) (seed 42) (result '()))
    (if (= i count)
        result
        (loop (+ i 1)
              (modulo (+ (* seed 1103515245) 12345) 2147483648)
              (cons seed result)))))
(define sorted (sort (numbers 1000000) <))
(display (list (car sorted) (cadr sorted) (length sorted)))
(newline)
