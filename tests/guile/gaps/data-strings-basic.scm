;; not yet: the message of string-length differs
;; Making strings and looking into them.
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(define-syntax-rule (key-of e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show key))))
(show (list (string #\a #\b) (make-string 3 #\x) (string-append "a" "b" "c") (string-append) (string)))
(show (list (string-length "héllo") (string-ref "abc" 1) (substring "hello" 1 3) (substring "hello" 2)))
(show (list (string? "a") (string? 'a) (string-null? "") (string-null? "a")))
(show (list (string->list "abc") (string->list "abcd" 1) (string->list "abcd" 1 3) (list->string '(#\x #\y))))
(show (list (string-copy "abc") (string-copy "abcd" 1) (string-copy "abcd" 1 3)))
(show (list (string->symbol "a") (symbol->string 'b) (string->number "5") (number->string 5)))
(show (list (string=? "a" "a") (string=? "a" "b") (string<? "a" "b" "c") (string-ci=? "AbC" "aBc") (string>=? "b" "a")))
(show (list (equal? "a" "a") (eqv? "a" (string #\a))))
(show (list (string-upcase "hello") (string-downcase "HeLLo") (string-capitalize "hello world")))
(key-of (string-ref "abc" 3)) (try (substring "abc" 2 1)) (try (string-append "a" 'b)) (try (string-length 5))
(try (list->string '(1 2)))
(show (string-append/shared "x" "y"))
(show (string-concatenate '("a" "b" "c")))
