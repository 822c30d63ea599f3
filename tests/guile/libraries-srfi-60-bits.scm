;; Integers as bits, the srfi way.
(use-modules (srfi srfi-60))
(define (show x) (write x) (newline))
(show (list (bitwise-and 12 10) (bitwise-ior 12 10) (bitwise-xor 12 10) (bitwise-not 5) (arithmetic-shift 1 4) (arithmetic-shift 256 -4) (bit-count 255) (integer-length 256)))
(show (list (bit-set? 1 5) (any-bits-set? 4 6) (bit-field 214 2 5) (copy-bit 0 0 #t) (log2-binary-factors 24) (first-set-bit 40))) (show (integer->list 10)) (show (list->integer '(#t #f #t))) (show (booleans->integer #t #t #f)) (show (rotate-bit-field 6 1 0 4)) (show (reverse-bit-field 6 0 4)) (show (bitwise-if 12 10 5))
