;; Bytes in and out of ports.
(use-modules (ice-9 binary-ports) (rnrs bytevectors))
(define (show x) (write x) (newline))
(define i (open-bytevector-input-port #vu8(1 2 3 4 5 6)))
(show (list (get-u8 i) (lookahead-u8 i) (get-u8 i))) (show (get-bytevector-n i 2)) (show (get-bytevector-all i)) (show (get-u8 i))
(show (get-bytevector-all i))
(call-with-values open-bytevector-output-port
  (lambda (port get) (put-u8 port 255) (put-bytevector port #vu8(1 2 3)) (put-bytevector port #vu8(9 8 7) 1 1) (show (get)) (show (get))))
(call-with-output-file "bytes" (lambda (p) (put-bytevector p #vu8(0 128 255))) #:binary #t)
(show (call-with-input-file "bytes" get-bytevector-all #:binary #t))
(define b (make-bytevector 4 0)) (show (get-bytevector-n! (open-bytevector-input-port #vu8(1 2)) b 1 3)) (show b)
(show (get-bytevector-some (open-bytevector-input-port #vu8(7 7))))
(define u (open-bytevector-input-port #vu8(1 2))) (get-u8 u) (unget-bytevector u #vu8(9 9)) (show (get-bytevector-all u))
