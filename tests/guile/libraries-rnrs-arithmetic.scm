;; Fixnums, flonums and bitwise operations of R6RS.
(import (rnrs))
(define (show x) (write x) (newline))
(show (list (fx+ 1 2) (fx- 5 3) (fx* 2 3) (fx=? 1 1) (fx<? 1 2) (fxmax 1 5 3) (fxzero? 0) (fxand 12 10) (fxarithmetic-shift-left 1 4) (fxdiv 7 2) (fxmod -7 2)))
(show (list (fl+ 1.0 2.0) (fl* 2.0 1.5) (fl<? 1.0 2.0) (flsqrt 4.0) (flfloor 1.5) (flabs -1.0) (flmax 1.0 2.0) (fixnum->flonum 3) (flinteger? 2.0) (flnan? +nan.0)))
(show (list (bitwise-and 12 10) (bitwise-ior 12 10) (bitwise-xor 12 10) (bitwise-not 0) (bitwise-arithmetic-shift 1 8) (bitwise-bit-count 255) (bitwise-length 256) (bitwise-bit-set? 5 0) (bitwise-first-bit-set 8) (bitwise-bit-field 214 2 5)))
(show (list (fixnum? 5) (fixnum? (expt 2 100)) (flonum? 1.5) (flonum? 1)))
(show (list (number->string 3.5) (exact 3.0) (div 7 -2) (mod 7 -2) (div0 8 3) (mod0 8 3)))
