;; not yet: Guile prints 1, we print wrong-type-arg
;; The shape of range errors.
(define (show x) (write x) (newline))
(define-syntax-rule (key-of e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show key))))
(key-of (vector-ref #(1 2) 5)) (key-of (string-ref "ab" 9)) (key-of (list-ref '(1) 3)) (key-of (list-tail '(1 2) 5))
(key-of (substring "abc" 2 9)) (key-of (integer->char -1)) (key-of (make-string -1 #\a)) (key-of (string->number "1" 99))
(key-of (ash 1 (expt 2 100))) (key-of (exact->inexact 'a)) (key-of (list-head '(1 2) 5)) (key-of (number->string 10 1))
(key-of (string-pad "a" -1)) (key-of (vector-set! (vector 1) 1 0)) (key-of (array-ref (make-array 0 2 2) 2 2)) (key-of (inexact->exact +nan.0))
(define-syntax-rule (data-of e) (catch 'out-of-range (lambda () (show e)) (lambda (key who fmt args data) (show (list key data)))))
(data-of (list-ref '(1 2) 2)) (data-of (substring "abc" 2 9))
