;; not yet: the error of a bad directive differs
;; Tables, nested iteration and errors of format.
(use-modules (ice-9 format))
(define (show x) (write x) (newline))
(for-each (lambda (r) (format #t "~10a ~6,2f ~4d~%" (car r) (cadr r) (caddr r))) '(("apple" 1.5 10) ("banana" 22.333 5) ("fig" 0.1 1000)))
(show (format #f "~{~a: ~{~a~^ ~}~%~}" '("x" (1 2) "y" (3))))
(show (format #f "~2{~a ~}" '(1 2 3)))
(show (format #f "~{~}" "~a" '(1)))
(show (format #f "~#[none~;one~;two~]" 1 2))
(show (format #f "~v,'xd" 6 42)) (show (format #f "~#,'xd" 42))
(show (catch #t (lambda () (format #f "~a")) (lambda (k . a) k)))
(show (catch #t (lambda () (format #f "~!" 1)) (lambda (k . a) k)))
(show (format #f "~a and more" 1 )) (show (format #f "line ~
     continued"))
(show (format #f "~i" 1+2i))
(show (format #f "~,3f" 2))
(show (format #f "~,0f" 2.5))
(show (format #f "~6,1,,,f" -3.14159))
(show (format #f "~,2f ~,2f" 0.005 99.995)) (show (format #f "~+5,2f" 3.1))
