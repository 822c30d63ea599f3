;; Case, categories and normal forms of (rnrs unicode).
(import (rnrs))
(define (show x) (write x) (newline))
(show (list (char-upcase #\i) (char-downcase #\I) (char-titlecase #\a) (char-foldcase #\A) (string-upcase "Hi") (string-downcase "HI") (string-foldcase "HeLLo") (string-titlecase "kNock KNoCK")))
(show (list (char-alphabetic? #\a) (char-numeric? #\1) (char-whitespace? #\space) (char-general-category #\A) (char-title-case? #\a)))
(show (list (string-ci=? "Straße" "STRAßE") (char-ci=? #\a #\A) (string-ci<? "a" "B")))
(show (map string-length (list (string-normalize-nfd "é") (string-normalize-nfc "é"))))
(show (list-sort string<? '("b" "A" "a"))) (show (list-sort char<? (string->list "hello")))
