;; Identifiers that expand where they stand.
(define (show x) (write x) (newline))
(define cell (vector 1))
(define-syntax first (identifier-syntax (vector-ref cell 0)))
(show first) (show (+ first 1))
(vector-set! cell 0 10) (show first)
(define-syntax place
  (identifier-syntax (_ (vector-ref cell 0)) ((set! _ v) (vector-set! cell 0 (* 2 v)))))
(set! place 21) (show place) (show cell)
(define-syntax plus
  (lambda (stx) (syntax-case stx () ((_ a ...) #'(+ a ...)) (id (identifier? #'id) #''just-plus))))
(show (plus 1 2)) (show plus)
(define-syntax car-alias (identifier-syntax car))
(show (car-alias '(1 2)))
(show (map car-alias '((1) (2))))
(let-syntax ((here (identifier-syntax 'local))) (show here))
