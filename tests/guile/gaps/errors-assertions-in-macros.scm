;; not yet: Guile prints unbound-variable, we print wrong-type-arg
;; Errors inside macros, maps and folds reach the caller.
(use-modules (srfi srfi-1))
(define (show x) (write x) (newline))
(define-syntax-rule (key-of e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show key))))
(key-of (map (lambda (x) (/ 10 x)) '(1 2 0)))
(key-of (fold (lambda (x acc) (car x)) 0 '(1)))
(key-of (for-each (lambda (x) (throw 'stop x)) '(1 2)))
(key-of (sort '(1 a 2) <))
(key-of (vector-map (lambda (x) x) 5))
(define-syntax-rule (safely e default) (catch #t (lambda () e) (lambda args default)))
(show (safely (car 5) 'default)) (show (safely (+ 1 2) 'default))
(show (map (lambda (x) (safely (/ 12 x) 'inf)) '(1 0 3)))
(define (try-all . thunks) (let loop ((t thunks)) (if (null? t) 'none (catch #t (car t) (lambda args (loop (cdr t)))))))
(show (try-all (lambda () (car 1)) (lambda () (error "x")) (lambda () 'third)))
