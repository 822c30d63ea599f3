;; A tight loop.
(define (count limit)
  (let loop ((i 0) (sum 0))
    (if (= i limit)
        sum
        (loop (+ i 1) (+ sum i)))))
(display (count 3000000))
(newline)
