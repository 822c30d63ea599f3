;; Conditions that bind as they go.
(use-modules (srfi srfi-2))
(define (show x) (write x) (newline))
(show (and-let* ((x (assq 'b '((a . 1) (b . 2)))) (y (cdr x)) ((even? y))) (* y 10)))
(show (and-let* ((x #f) (y (error "not reached"))) y)) (show (and-let* () 5)) (show (and-let* ()))
(show (and-let* ((x 5)))) (show (and-let* ((x 1) ((> x 5))) 'big)) (define z 3) (show (and-let* (z ((odd? z))) 'odd))
(show (and-let* ((x 1) (x (+ x 1)) (x (* x 10))) x))
(use-modules (ice-9 and-let-star)) (show (and-let* ((p '(1 2)) (q (cdr p))) (car q)))
