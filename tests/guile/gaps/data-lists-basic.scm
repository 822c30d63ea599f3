;; not yet: some messages of wrong-type-arg differ
;; Building lists and taking them apart.
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(show (list (cons 1 2) (list 1 2) (cons* 1 2 '(3)) (make-list 3 'x) (iota 5) (iota 3 1) (iota 4 0 5)))
(define l '(1 2 3 4 5))
(show (list (length l) (list-ref l 2) (list-tail l 3) (list-head l 2) (last-pair l) (reverse l)))
(show (list (append l '(6)) (append) (append '(1)) (append '(1) 2) (append '() '() '(1 . 2))))
(show (list (caar '((1))) (cadr l) (cddr l) (caddr l) (cdddr l) (cadddr l) (cdadr '(1 (2 3)))))
(show (list (list? l) (list? '(1 . 2)) (pair? '()) (null? '())))
(show (list (memq 'c '(a b c d)) (member "b" '("a" "b")) (memv 1.5 '(1 1.5)) (memv 2 '(1 2 3))))
(show (list (list-copy l) (apply + l)))
(try (car '())) (try (cdr 5)) (try (list-ref l 10)) (try (length '(1 . 2))) (try (list-tail l 9))
(try (reverse '(1 . 2))) (try (length 5))
