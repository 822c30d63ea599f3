;; Numbers whose parts, sizes or signs are at the edge.
(define-syntax show
  (syntax-rules ()
    ((_ expression ...)
     (begin
       (begin (write (catch #t (lambda () expression) (lambda (key . rest) key))) (newline)) ...))))
(show 1+0i 1.0+0.0i (real? 1+0.0i) (/ +i 0.0) (/ 25 3+4i) (/ 1e200+1e200i) (* 0 1.0+1.0i))
(show (log -0.0) (log10 -0.0) (log (expt 10 400)) (log10 (expt 10 -400)) (log (- (expt 10 400))))
(show (sqrt (/ (expt 3 2001) (expt 2 2000))) (exact->inexact (/ 1 (expt 2 1074))) (exact->inexact (/ 3 (expt 2 1075))))
(show (max -0.0 0.0) (min 0.0 -0.0) (angle -0.0) (make-polar 0 1.5) (numerator -0.0) (denominator +inf.0))
(show (finite? +i) (inf? 1) (nan? 'a) (rationalize 3 +inf.0) (rationalize +inf.0 3) (modulo-expt 17 -23 47))
(show (floor-quotient 5 0.0) (floor/ 5 0) (expt 0 -1.0) (expt 0 +i) (truncate-remainder -7.5 2))
(show (string->number "1#/1") (string->number "1@0") (string->number "+InF.0") (string->number "1#.5"))
