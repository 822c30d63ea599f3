;; Errors that a macro raises by itself.
(define (show x) (write x) (newline))
(define-syntax only-numbers
  (lambda (stx)
    (syntax-case stx ()
      ((_ n) (if (number? (syntax->datum #'n)) #'n (syntax-violation 'only-numbers "not a number" stx #'n))))))
(show (only-numbers 5))
(define (attempt form)
  (catch 'syntax-error
    (lambda () (eval form (current-module)))
    (lambda (key who message where form subform) (list key who message form subform))))
(show (attempt '(only-numbers 5)))
(show (attempt '(only-numbers x)))
(define-syntax-rule (refuse x) (syntax-error "refused because" x))
(show (attempt '(refuse 12)))
(show (attempt '(syntax-error "plain message")))
(define-syntax two (syntax-rules () ((_ a b) '(a b))))
(show (attempt '(two 1)))
