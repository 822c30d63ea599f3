;; Let with many values.
(use-modules (srfi srfi-71))
(define (show x) (write x) (newline))
(show (let ((a b (values 1 2)) (c 3)) (list a b c))) (show (let* ((a b (values 1 2)) (c d (values b a))) (list c d))) (show (let (((values a . rest) (values 1 2 3))) (list a rest))) (show (letrec ((ev? (lambda (n) (or (= n 0) (od? (- n 1))))) (od? (lambda (n) (and (> n 0) (ev? (- n 1)))))) (ev? 10)))
(show (let loop ((i 0) (acc '())) (if (= i 3) acc (loop (+ i 1) (cons i acc))))) (show (call-with-values (lambda () (unlist '(1 2 3))) list)) (show (call-with-values (lambda () (uncons '(1 . 2))) list)) (show (values->list (values 1 2))) (show (values->vector (values 1 2)))
