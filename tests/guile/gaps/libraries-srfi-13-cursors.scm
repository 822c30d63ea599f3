;; not yet: `string-xcopy!` is not there
;; The srfi-13 procedures with ranges.
(use-modules (srfi srfi-13))
(define (show x) (write x) (newline))
(show (list (string-pad "abc" 5 #\- 1) (string-take "abc" 2) (string-index "abcabc" #\b 2) (string-index "abcabc" #\b 2 4)))
(show (list (string-prefix? "bc" "abc" 0 2 1) (string-contains "abcabc" "c" 3) (string-upcase "abc" 1) (string-upcase "abc" 1 2)))
(show (list (string-join '("a" "b") "+" 'strict-infix) (string-concatenate/shared '("x" "y")) (substring/shared "hello" 1 3)))
(show (list (string-fold (lambda (c n) (+ n 1)) 0 "abcdef" 2) (string-count "abcabc" #\a 1) (string-delete #\a "banana" 2)))
(show (list (string-tokenize "a,b;c" (char-set-complement (char-set #\, #\;))) (string-filter #\a "banana") (string-map char-upcase "abc" 1)))
(show (list (string-skip "aab" #\a) (string-trim "xxabcxx" #\x) (string-trim-both "  x " char-set:whitespace) (string-every #\a "aaa") (string-any #\b "aab")))
(show (list (string= "abc" "bc" 1) (string< "abc" "abd" 0 2 0 2) (string-ci= "ABC" "abc") (string-null? "")))
(show (list (string-replace "abcdef" "XYZ" 1 4 0 2) (string-xcopy! (make-string 6 #\-) 0 "abc" 0 6) (xsubstring "abc" -1 4)))
