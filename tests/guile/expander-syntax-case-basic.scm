;; Procedural macros by pattern.
(define (show x) (write x) (newline))
(define-syntax swap!
  (lambda (stx)
    (syntax-case stx ()
      ((_ a b) #'(let ((tmp a)) (set! a b) (set! b tmp))))))
(define x 1) (define tmp 2) (swap! x tmp) (show (list x tmp))
(define-syntax describe
  (lambda (stx)
    (syntax-case stx ()
      ((_ name) (identifier? #'name) #''identifier)
      ((_ (a . b)) #''pair)
      ((_ lit) (string? (syntax->datum #'lit)) #''string)
      ((_ lit) (number? (syntax->datum #'lit)) #''number)
      (_ #''other))))
(show (list (describe x) (describe (a b)) (describe "s") (describe 12) (describe #\c) (describe)))
(define-syntax reversed
  (lambda (stx) (syntax-case stx () ((_ e ...) (datum->syntax stx (cons 'list (reverse (syntax->datum #'(e ...)))))))))
(show (reversed 1 2 3))
(define-syntax-rule (k) 'k)
(show (k))
