;; Too many and too few arguments.
(define (show x) (write x) (newline))
(define-syntax-rule (try e) (catch 'wrong-number-of-args (lambda () (show e)) (lambda (key . rest) (show key))))
(define (two a b) (list a b)) (define (some a . r) (list a r)) (define* (opt a #:optional b) (list a b))
(try (two 1)) (try (two 1 2)) (try (two 1 2 3)) (try (some)) (try (some 1)) (try (some 1 2 3))
(try (opt)) (try (opt 1)) (try (opt 1 2)) (try (opt 1 2 3)) (try ((lambda () 1) 2)) (try ((lambda (x) x)))
(try (car)) (try (cons 1)) (try (apply two '(1 2 3))) (try (map two '(1) '(2) '(3))) (try ((case-lambda ((a) 1) ((a b c) 3)) 1 2))
(try (call-with-values (lambda () (values 1 2 3)) two)) (try (for-each (lambda () 1) '(1))) (try (vector-ref #(1)))
(show (catch #t (lambda () (two 1)) (lambda (key who fmt args data) (list key fmt data))))
