;; not yet: a space after #: is not skipped
;; Keywords and what they answer to.
(define (show x) (write x) (newline))
(show '(#:key #:another-key #:k1))
(show #:self-evaluating)
(show (keyword? #:a))
(show (keyword? 'a))
(show (keyword->symbol #:abc))
(show (symbol->keyword 'abc))
(show (eq? #:abc (symbol->keyword 'abc)))
(show (symbol? #:a))
(show '(#: a))
(show (list ':colon 'colon:))
(show '#:#{odd key}#)
