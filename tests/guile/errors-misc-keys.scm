;; Keys of errors from many places.
(define (show x) (write x) (newline))
(define-syntax-rule (key-of e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show key))))
(key-of (error "x")) (key-of (car 1)) (key-of (vector-ref #() 0)) (key-of nope) (key-of (/ 1 0)) (key-of (exit-not-there))
(key-of (string->symbol 1)) (key-of (open-input-file "none")) (key-of (read (open-input-string "(")))
(key-of (eval '(if) (current-module))) (key-of (throw 'custom)) (key-of (raise-exception 'obj)) (key-of (list-ref '(1) 1))
(key-of (hash-set! 1 2 3)) (key-of (apply car '(1 2))) (key-of ((lambda (x) x))) (key-of (string-ref "" 0))
(key-of (resolve-interface '(no module))) (key-of (symbol->keyword "a")) (key-of (modulo 5 0)) (key-of (exact->inexact 'x))
(key-of (call-with-input-string "#<" read)) (key-of (regexp-exec 1 "x")) (key-of (make-regexp "(")) (key-of (scm-error 'k #f "m" '() #f))
