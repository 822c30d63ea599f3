;; The property `name` is what a procedure is called.
(define (area x) x)
(write (procedure-name area)) (newline)
(set-procedure-property! area 'name 'surface)
(write (procedure-name area)) (newline)
(write (procedure-property area 'name)) (newline)
(write (procedure-name car)) (newline)
(write (catch #t (lambda () (procedure-name 1)) (lambda (key . rest) key))) (newline)
