;; Names without a value.
(define (show x) (write x) (newline))
(define (attempt thunk) (catch #t thunk (lambda (key who fmt args data) (list key fmt args data))))
(show (attempt (lambda () no-such-variable)))
(show (attempt (lambda () (no-such-procedure 1 2))))
(show (attempt (lambda () (set! never-defined 1))))
(show (attempt (lambda () (eval 'nowhere (current-module)))))
(define later (lambda () defined-later)) (show (car (attempt later))) (define defined-later 5) (show (later))
(show (defined? 'no-such-variable))
