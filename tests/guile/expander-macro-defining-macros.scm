;; Macros that define macros and variables.
(define (show x) (write x) (newline))
(define-syntax define-getter
  (syntax-rules () ((_ name value) (define-syntax name (syntax-rules () ((_) value))))))
(define-getter get-seven 7)
(show (get-seven))
(define-syntax define-pair
  (syntax-rules () ((_ (a b) e) (begin (define a (car e)) (define b (cdr e))))))
(define-pair (left right) '(1 . 2))
(show (list left right))
(define-syntax define-counter
  (syntax-rules () ((_ next! reset!) (begin (define n 0) (define (next!) (set! n (+ n 1)) n) (define (reset!) (set! n 0))))))
(define-counter next-a! reset-a!)
(define-counter next-b! reset-b!)
(next-a!) (next-a!) (next-b!)
(show (list (next-a!) (next-b!)))
(reset-a!) (show (next-a!))
(define-syntax define-constants (syntax-rules () ((_ (n v) ...) (begin (define n v) ...))))
(define-constants (one 1) (two 2) (three 3))
(show (list one two three))
(let () (define-pair (p q) (cons 'x 'y)) (show (list q p)))
