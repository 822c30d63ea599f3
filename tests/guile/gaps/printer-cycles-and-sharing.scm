;; not yet: truncated-print shortens nested lists earlier
;; Truncated printing through (ice-9 pretty-print).
(use-modules (ice-9 pretty-print))
(define (line x . rest) (apply truncated-print x rest) (newline))
(line '(1 2 3) #:width 20)
(line (iota 100) #:width 20)
(line (iota 100) #:width 40)
(line '(a (b (c (d (e (f (g)))))) h) #:width 16)
(line "a rather long string that will not fit" #:width 20)
(line #(1 2 3 4 5 6 7 8 9 10 11 12) #:width 20)
(line 'short #:width 20)
(line '(1 . 2) #:width 10)
