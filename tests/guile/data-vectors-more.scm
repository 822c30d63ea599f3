;; More on vectors: errors, nesting and equality.
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(show (equal? #(1 (2) "x") (vector 1 (list 2) "x")))
(show (eq? #(1) (vector 1)))
(show (vector? #(1))) (show (vector? '(1)))
(try (vector-ref #(1 2) 2)) (try (vector-ref #(1 2) -1)) (try (vector-ref '(1) 0)) (try (vector-ref #(1) 'a))
(try (vector-length "abc"))
(define g (make-vector 3)) (for-each (lambda (i) (vector-set! g i (make-vector 2 i))) '(0 1 2)) (show g)
(show (let ((v (vector 5 6 7))) (let loop ((i 0) (s 0)) (if (= i (vector-length v)) s (loop (+ i 1) (+ s (vector-ref v i)))))))
(show (vector->list (vector-copy #(1 2 3))))
