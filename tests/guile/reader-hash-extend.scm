;; A reader extension for a character after the hash.
(define (show x) (write x) (newline))
(eval-when (expand load eval)
  (read-hash-extend #\? (lambda (char port) (list 'asked (read port)))))
(define (read-text text) (call-with-input-string text read))
(show (read-text "#?foo"))
(show (read-text "(1 #?(2 3) 4)"))
(read-hash-extend #\? #f)
(show (catch 'read-error (lambda () (read-text "#?foo")) (lambda (key . _) key)))
