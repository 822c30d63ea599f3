;; Macros by example.
(define (show x) (write x) (newline))
(define-syntax swap!
  (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))
(define-syntax my-or
  (syntax-rules () ((_) #f) ((_ e) e) ((_ e r ...) (let ((t e)) (if t t (my-or r ...))))))
(define-syntax while-list
  (syntax-rules () ((_ (name list) body ...) (for-each (lambda (name) body ...) list))))
(define x 1) (define y 2)
(swap! x y) (show (list x y))
(let ((tmp 5) (other 6)) (swap! tmp other) (show (list tmp other)))
(show (my-or)) (show (my-or #f 3))
(let ((t 5)) (show (my-or #f t)))
(while-list (i '(1 2 3)) (display i)) (newline)
(define-syntax ten (syntax-rules () ((_) 10)))
(show (+ (ten) (ten)))
