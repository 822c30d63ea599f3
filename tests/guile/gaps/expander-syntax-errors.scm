;; not yet: the messages of some malformed core forms differ
;; What the expander refuses, with key and message.
(define (show x) (write x) (newline))
(define (attempt form)
  (catch 'syntax-error
    (lambda () (eval form (current-module)))
    (lambda (key who message where form subform) (list key who message form subform))))
(show (attempt '(if)))
(show (attempt '(let ((x)) x)))
(show (attempt '(lambda)))
(show (attempt '(let ((x 1) (x 2)) x)))
(show (attempt '(lambda (a a) a)))
(show (attempt 'else))
(show (attempt '(let-syntax ((m (syntax-rules () ((_ a) a)))) (m))))
(show (attempt '(define)))
(show (attempt '(quote)))
(show (attempt '(set! 5 1)))
(show (attempt '()))
(show (attempt '(let () (define x 1))))
