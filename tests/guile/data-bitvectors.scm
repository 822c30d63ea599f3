;; Vectors of bits.
(define (show x) (write x) (newline))
(define b (make-bitvector 5 #f))
(show b) (bitvector-set! b 1 #t) (show b)
(show (list (bitvector? b) (bitvector-length b) (bitvector-ref b 1))) (show (bitvector #t #f #t))
(show (list->bitvector '(#t #t #f))) (show (bitvector->list #*101)) (show (bitvector-count #*10111)) (show (bitvector-position #*0010 #t))
(bitvector-fill! b #t) (show b) (show (bitvector-count-bits #*1110 #*0111)) (bitvector-flip-all-bits! b) (show b)
(define c (bitvector-copy #*1100)) (bitvector-set-bits! c #*0010) (show c) (bitvector-clear-bits! c #*1000) (show c)
