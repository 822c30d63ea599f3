;; Comparison procedures.
(use-modules (srfi srfi-67))
(define (show x) (write x) (newline))
(show (list (integer-compare 1 2) (integer-compare 2 2) (string-compare "b" "a") (boolean-compare #f #t) (char-compare #\a #\b) (symbol-compare 'a 'a) (real-compare 1.5 1)))
(show (list (list-compare '(1 2) '(1 3)) (vector-compare #(1 2) #(2)) (pair-compare '(1 . 2) '(1 . 3)) (default-compare 'a "b") (default-compare '(1 "a") '(1 "b")))) (show (if3 (integer-compare 1 2) 'less 'equal 'greater)) (show (list (<? integer-compare 1 2) (>=? integer-compare 1 2) (=? 3 3) (chain<? integer-compare 1 2 3) (min-compare integer-compare 3 1 2) (max-compare integer-compare 3 1 2) (kth-largest integer-compare 1 5 3 4)))
(show (list (pairwise-not=? integer-compare 1 2 3) (refine-compare 0 -1) (select-compare 5 (string? 1) (else 0)) (cond-compare (((> 1 2) #t) 1) (else -1)) (if<? -1 'y 'n)))
