;; not yet: #nil is the empty list
;; Objects that have no text of their own.
(define (show x) (write x) (newline))
(show (list (if #f #f)))
(show (unspecified? (if #f #f)))
(show (eq? *unspecified* (if #f #f)))
(show (vector #nil #t))
(show (eq? #nil (cdr '(1 . #nil))))
(show (call-with-input-string "" read))
(display (list #t #f '() #nil)) (newline)
