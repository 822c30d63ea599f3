;; The vector library.
(use-modules (srfi srfi-43))
(define (show x) (write x) (newline))
(show (vector-unfold (lambda (i) (* i i)) 4)) (show (vector-unfold-right (lambda (i x) (values x (+ x 1))) 3 0)) (show (vector-append #(1) #(2 3) #())) (show (vector-concatenate '(#(1) #(2))))
(show (vector-map (lambda (i x) (+ i x)) #(10 20))) (show (vector-fold (lambda (i acc x) (+ acc (* i x))) 0 #(5 6 7))) (show (vector-fold-right (lambda (i acc x) (cons x acc)) '() #(1 2))) (show (vector-count (lambda (i x) (even? x)) #(1 2 4)))
(vector-for-each (lambda (i x) (display (list i x))) #(a b)) (newline) (show (vector-index even? #(1 3 4))) (show (vector-index-right even? #(2 3 4 5))) (show (vector-skip even? #(2 3))) (show (vector-any even? #(1 2))) (show (vector-every even? #(2 4)))
(show (vector-binary-search #(1 3 5 7) 5 -)) (define v (vector 1 2 3 4 5)) (vector-swap! v 0 4) (show v) (vector-reverse! v) (show v) (show (vector-reverse-copy #(1 2 3))) (show (vector-copy #(1 2 3) 1)) (show (vector-empty? #()))
(define w (vector 0 0 0 0)) (vector-copy! w 1 #(7 8)) (show w) (show (reverse-vector->list #(1 2 3))) (show (reverse-list->vector '(1 2))) (show (vector= eq? #(a b) #(a b))) (vector-map! (lambda (i x) (* x 2)) w) (show w) (vector-reverse-copy! w 0 #(1 2 3)) (show w) (vector-fill! w 'x 1 2) (show w)
