;; Curly infix expressions, switched on by the directive.
(define (show x) (write x) (newline))
(define (read-last text)
  (call-with-input-string text
    (lambda (port)
      (let loop ((x (read port)) (last #f))
        (if (eof-object? x) last (loop (read port) x))))))
(show (read-last "#!curly-infix {1 + 2}"))
(show (read-last "#!curly-infix {a * {b + c}}"))
(show (read-last "#!curly-infix {1 + 2 + 3}"))
(show (read-last "#!curly-infix {x}"))
(show (read-last "#!curly-infix {}"))
(show (read-last "#!curly-infix {- x}"))
(show (read-last "#!curly-infix {a + b * c}"))
