;; The reader option for keywords before and after.
(define (show x) (write x) (newline))
(define (read-all text)
  (call-with-input-string text
    (lambda (port)
      (let loop ((x (read port)) (out '()))
        (if (eof-object? x) (reverse out) (loop (read port) (cons x out)))))))
(show (read-all ":a b: #:c"))
(read-set! keywords 'prefix)
(show (map keyword? (read-all ":a b: #:c")))
(read-set! keywords 'postfix)
(show (map keyword? (read-all ":a b: #:c")))
(read-set! keywords #f)
(show (map keyword? (read-all ":a b: #:c")))
