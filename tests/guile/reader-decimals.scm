;; Decimals, exponents, infinities and not-a-number.
(define (show x) (write x) (newline))
(show '(1.0 .5 5. -.25 +1.5 0.0 -0.0))
(show '(1e3 1E3 1.5e-3 1e21 1e22 1e100 123456789.123))
(show '(1e-7 0.0001 0.001 12345678901234567890.0))
(show '(+inf.0 -inf.0 +nan.0))
(show '(1s2 1f2 1d2 1l2))
(show (map inexact? '(1. 1.5 1e2)))
(show '(3.14159265358979 0.1 0.2 0.30000000000000004))
