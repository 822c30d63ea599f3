;; not yet: Guile prints (0 1 0 1.5707963267948966 0 0.7853981633974483 0.78539816339, we print (0 1 0 1.5707963267948966 0.0 0.7853981633974483 0.785398163
;; Roots, powers, exponentials and angles.
(define (show x) (write x) (newline))
(show (list (sqrt 16) (sqrt 2) (sqrt 1/4) (sqrt 0) (sqrt 15.9) (sqrt -1)))
(show (list (expt 2 10) (expt 2.0 3) (expt 2 -1) (expt 0 0) (expt 4 1/2) (expt 1/2 3) (expt 2 0.5)))
(show (list (exp 0) (exp 1) (log 1) (log 100) (log10 1000) (log 8)))
(show (list (sin 0) (cos 0) (tan 0) (asin 1) (acos 1) (atan 1) (atan 1 1) (atan -1 0)))
(show (call-with-values (lambda () (exact-integer-sqrt 20)) list))
(show (list (sinh 0) (cosh 0) (tanh 0)))
(show (map (lambda (x) (/ (round (* x 1000)) 1000)) (list (sin 1) (cos 1) (tan 1))))
(show (list (exp 0.0) (expt 10 -3) (expt 10. 2) (expt -2 3) (expt -2 4)))
(show (list (number->string (expt 10 25)) (sqrt (expt 10 40))))
(show (expt 2.5 2))
