;; The escaped ellipsis and an ellipsis of one's own.
(define (show x) (write x) (newline))
(define-syntax quote-dots (syntax-rules () ((_ x) '(x (... ...)))))
(show (quote-dots a))
(define-syntax be-like-begin
  (syntax-rules ()
    ((_ name) (define-syntax name (syntax-rules () ((_ e (... ...)) (begin e (... ...))))))))
(be-like-begin sequence)
(show (sequence 1 2 3))
(define-syntax my-list (syntax-rules ::: () ((_ x :::) (list x :::))))
(show (my-list 1 2 3))
(define-syntax dots-as-data (syntax-rules ::: () ((_ x :::) '(x ::: ...))))
(show (dots-as-data 1 2))
(define-syntax def-list-macro
  (syntax-rules ::: () ((_ name f) (define-syntax name (syntax-rules () ((_ a ...) (f a ...)))))))
(def-list-macro adder +)
(show (adder 1 2 3))
