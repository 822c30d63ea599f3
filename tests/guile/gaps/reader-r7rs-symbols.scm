;; not yet: |x| is read as R7RS does whether the option is on or not
;; Symbols between bars, once the option is on.
(define (show x) (write x) (newline))
(define (read-text text) (call-with-input-string text read))
(show (read-text "|a b|"))
(read-enable 'r7rs-symbols)
(show (read-text "|a b|"))
(show (symbol->string (read-text "|a\\x41;b|")))
(show (read-text "|foo|"))
(print-enable 'r7rs-symbols)
(show (string->symbol "two words"))
(print-disable 'r7rs-symbols)
(read-disable 'r7rs-symbols)
(show (string->symbol "two words"))
