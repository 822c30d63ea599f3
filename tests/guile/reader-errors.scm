;; What the reader refuses, as data.
(define (show x) (write x) (newline))
(define (attempt text)
  (catch #t
    (lambda () (list 'read (call-with-input-string text read)))
    (lambda (key . args) (list key (car args) (cadr args) (caddr args)))))
(for-each
 (lambda (text) (show (attempt text)))
 '("(1 2" ")" "\"abc" "#<foo>" "#\\nosuchname" "#|open" "'" "#vu8(256)" "#(1 2"))
