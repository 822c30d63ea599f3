;; not yet: #nil is the empty list
;; Booleans of both lengths, #nil, and what they compare to.
(define (show x) (write x) (newline))
(show '(#t #f #true #false))
(show '#nil)
(show (list (eq? #nil #f) (eq? #nil '()) (null? #nil) (not #nil)))
(show (if #nil 'true 'false))
(show (list (boolean? #t) (boolean? #f) (boolean? '())))
(show '(1 2 . #nil))
(show (list? '(1 2 . #nil)))
(show (length '(1 2 . #nil)))
(show (equal? #nil '()))
