;; Prompts pass through dynamic-wind.
(define (show x) (write x) (newline))
(define tag (make-prompt-tag))
(define log '())
(define (note x) (set! log (cons x log)))
(define k
  (call-with-prompt tag
    (lambda ()
      (dynamic-wind (lambda () (note 'in)) (lambda () (note (abort-to-prompt tag)) 'result) (lambda () (note 'out))))
    (lambda (k) k)))
(show (reverse log))
(show (k 'first)) (show (reverse log))
(show (k 'second)) (show (reverse log))
(define p (make-parameter 'outer))
(define k2 (call-with-prompt tag (lambda () (parameterize ((p 'inner)) (abort-to-prompt tag) (p))) (lambda (k) k)))
(show (p)) (show (k2)) (show (p))
(show (call-with-prompt tag
  (lambda () (call-with-prompt (make-prompt-tag) (lambda () (abort-to-prompt tag 'through)) (lambda (k) 'inner)))
  (lambda (k x) x)))
