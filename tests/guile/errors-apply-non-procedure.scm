;; Calling what cannot be called.
(define (show x) (write x) (newline))
(define (attempt thunk) (catch #t thunk (lambda (key who fmt args data) (list key fmt args data))))
(show (attempt (lambda () (5 1)))) (show (attempt (lambda () ("string")))) (show (attempt (lambda () ('symbol 1 2))))
(show (attempt (lambda () ((list 1 2) 0)))) (show (attempt (lambda () (apply 7 '(1))))) (show (attempt (lambda () (map 5 '(1)))))
(define not-a-procedure 'x) (show (attempt (lambda () (not-a-procedure))))
(show (attempt (lambda () ((if #f #f))))) (show (attempt (lambda () (#t))))
(show (car (attempt (lambda () (for-each #f '(1 2))))))
