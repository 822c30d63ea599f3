;; not yet: Guile prints 2, we print read-error
;; Pairs and improper lists in text.
(define (show x) (write x) (newline))
(show '(1 . 2))
(show '(1 2 . 3))
(show '(1 . (2 . (3 . ()))))
(show '((a . b) . (c . d)))
(show '(1 .5))
(show '(a.b c))
(show '(a . #(b)))
(define (key-of text)
  (catch #t
    (lambda () (call-with-input-string text read))
    (lambda (key . args) key)))
(show (key-of "(1 . 2 3)"))
(show (key-of "(1 . )"))
(show (key-of "( . 2)"))
(show (key-of "(1 . 2)"))
