;; The shape of wrong-type errors.
(define (add . numbers) (apply + numbers))
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(try (car 5)) (try (cdr '())) (try (vector-ref 'x 0)) (try (add 1 'a)) (try (add 'a 1))
(try (string-append "a" 5)) (try (symbol->string 5)) (try (string->symbol 'a)) (try (length 'x)) (try (reverse 5))
(try (list-ref 5 0)) (try (apply + 5)) (try (hash-ref 5 1)) (try (string-upcase 5)) (try (char-upcase 5)) (try (number->string 'a))
(try (string->number 5)) (try (list->string '(1))) (try (even? 'a)) (try (sqrt 'x)) (try (exact->inexact "1")) (try (string-length 'a))
(try (symbol-append 'a 5)) (try (map car 5)) (try (keyword->symbol 'a)) (try (string=? "a" 5)) (try (append '(1 . 2) '(3)))
