;; Sources of random bits.
(use-modules (srfi srfi-27))
(define (show x) (write x) (newline))
(define s (make-random-source)) (show (random-source? s)) (random-source-pseudo-randomize! s 1 2)
(define int (random-source-make-integers s)) (define real (random-source-make-reals s))
(define (all? p n) (or (= n 0) (and (p) (all? p (- n 1)))))
(show (all? (lambda () (let ((x (int 10))) (and (exact? x) (<= 0 x 9)))) 50)) (show (all? (lambda () (< 0 (real) 1)) 50))
(define state (random-source-state-ref s)) (define a (int 1000000)) (random-source-state-set! s state) (show (= a (int 1000000)))
(show (<= 0 (random-integer 5) 4)) (show (< 0 (random-real) 1))
