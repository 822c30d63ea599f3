;; Lazy and eager promises in constant space.
(use-modules (srfi srfi-45))
(define (show x) (write x) (newline))
(define (loop n) (if (= n 0) (lazy (delay 'done)) (lazy (loop (- n 1))))) (show (force (loop 10000)))
(define count 0) (define p (delay (begin (set! count (+ count 1)) count))) (show (list (force p) (force p))) (show (force (eager 5))) (show (force (lazy (eager 'x)))) (show (promise? p))
(define q (let ((f #f)) (delay (if f 1 (begin (set! f #t) 2))))) (show (force q)) (define r (delay (begin (set! count (+ count 1)) (if (> count 5) count (force r))))) (show (force r)) (set! count 10) (show (force r))
(define-syntax-rule (stream-cons a b) (eager (cons a (delay b)))) (define (ints n) (lazy (stream-cons n (force (ints (+ n 1)))))) (show (car (force (ints 5))))
