;; Recursion deeper than any stack that is not meant for it.
(define (depth n) (if (= n 0) 0 (+ 1 (depth (- n 1)))))
(let loop ((i 0))
  (when (< i 5)
    (display (depth 300000))
    (newline)
    (loop (+ i 1))))
