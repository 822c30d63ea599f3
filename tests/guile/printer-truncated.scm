;; truncated-print at every width.
(use-modules (ice-9 pretty-print))
(define data
  (list '(a b #(c d e) f . g) "The quick brown fox" (iota 20) #(1 (2 3) "four" five)
        (bitvector #t #f #f #t #t #f #t #t) '(((deep) nest) (of lists)) 'symbol #vu8(1 2 3 4)
        (make-typed-array 's32 0 3 3) (make-array 'foo '(-1 3)) '(a . b) '() #\x 12345678))
(for-each
 (lambda (object)
   (for-each
    (lambda (width)
      (display width) (display ": ")
      (truncated-print object #:width width) (newline))
    '(3 5 8 12 20 40))
   (truncated-print object #:width 12 #:breadth-first? #t) (newline)
   (truncated-print object #:width 12 #:display? #t) (newline))
 data)
