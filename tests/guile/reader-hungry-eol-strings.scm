;; The option that eats indentation after a continued line.
(define (show x) (write x) (newline))
(define text "\"one \\\n     two\"")
(show (call-with-input-string text read))
(read-enable 'hungry-eol-escapes)
(show (call-with-input-string text read))
(read-disable 'hungry-eol-escapes)
(show (call-with-input-string text read))
