;; Throws through several winds, fluids and ports.
(define (show x) (write x) (newline))
(define log '()) (define (note . x) (set! log (cons x log)))
(define f (make-fluid 'top)) (define p (make-parameter 'top))
(define-syntax-rule (wind name body ...) (dynamic-wind (lambda () (note 'in name)) (lambda () body ...) (lambda () (note 'out name))))
(show (catch 'deep
  (lambda () (wind 1 (with-fluids ((f 'in)) (wind 2 (parameterize ((p 'in)) (with-output-to-string (lambda () (display "lost") (wind 3 (throw 'deep (fluid-ref f) (p))))))))))
  (lambda (key . args) (list key args (fluid-ref f) (p)))))
(for-each show (reverse log)) (set! log '())
(show (catch 'first (lambda () (catch 'second (lambda () (dynamic-wind (lambda () #f) (lambda () (throw 'first 1)) (lambda () (note 'leaving)))) (lambda args 'wrong))) list))
(show log)
(show (list (fluid-ref f) (p)))
