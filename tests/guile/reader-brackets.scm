;; Square brackets are parentheses.
(define (show x) (write x) (newline))
(show '[1 2 3])
(show (let ([x 1] [y 2]) (+ x y)))
(show '(a [b (c [d])]))
(show '[a . b])
(show (cond [#f 1] [else 2]))
(define (mismatch text)
  (catch 'read-error
    (lambda () (call-with-input-string text read))
    (lambda (key . args) key)))
(show (mismatch "(1 2]"))
(show (mismatch "[1 2)"))
(show (mismatch "[1 2]"))
