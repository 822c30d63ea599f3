;; Deep recursion that throws comes back cleanly.
(define (show x) (write x) (newline))
(define (dive n) (if (= n 0) (throw 'bottom 'reached) (+ 1 (dive (- n 1)))))
(show (catch 'bottom (lambda () (dive 10000)) (lambda (k v) v)))
(define (count-up n) (catch 'none (lambda () (if (= n 0) 0 (+ 1 (count-up (- n 1))))) list))
(show (count-up 200))
(define results (let loop ((i 0) (acc '())) (if (= i 5) (reverse acc) (loop (+ i 1) (cons (catch 'odd (lambda () (if (odd? i) (throw 'odd i) i)) (lambda (k v) (list k v))) acc)))))
(show results)
