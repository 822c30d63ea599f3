;; Boxes.
(use-modules (srfi srfi-111))
(define (show x) (write x) (newline))
(define b (box 1)) (show (box? b)) (show (unbox b)) (set-box! b 'two) (show (unbox b)) (show (box? 5)) (define c b) (set-box! c 3) (show (unbox b)) (show (eq? b c)) (show (eq? (box 1) (box 1)))
(show (map unbox (list (box 'a) (box 'b)))) (define (counter) (let ((n (box 0))) (lambda () (set-box! n (+ 1 (unbox n))) (unbox n)))) (define k (counter)) (k) (show (k)) (show (catch #t (lambda () (unbox 5)) (lambda (key . args) key)))
