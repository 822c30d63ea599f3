;; not yet: an R7RS library on the load path is not found by its name
;; Libraries of R7RS.
(import (scheme base) (scheme write) (modules-area queue))
(define q (make-queue))
(enqueue! q 'a) (enqueue! q 'b) (enqueue! q 'c)
(write (queue->list q)) (newline)
(write (string-map char-upcase "abc")) (newline)
(write (vector-map + #(1 2) #(10 20))) (newline)
(write (let-values (((a b) (values 1 2))) (list b a))) (newline)
(write (exact 2.0)) (newline)
(write (list-copy '(1 2))) (newline)
(write (call-with-port (open-input-string "xyz") read-char)) (newline)
(write (bytevector 1 2 3)) (newline)
(write (utf8->string (bytevector 104 105))) (newline)
