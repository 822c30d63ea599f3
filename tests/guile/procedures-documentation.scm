;;; What procedures say of themselves: by their text, by a clause, by a property.

(define (show value) (write value) (newline))

(define (described x) "Return X." x)
(show (procedure-documentation described))
(show (procedure-documentation (lambda* (#:optional x) "Take X." x)))
(show (procedure-documentation (lambda () "a value")))

(show (procedure-documentation (case-lambda ((x) "one" x) ((x y) y))))
(show (procedure-documentation (case-lambda ((x) x) ((x y) "two" y))))
(show (procedure-documentation (case-lambda* ((x) "one" x) ((x #:optional y) "two" y))))

(define (silent) #t)
(show (procedure-documentation silent))
(set-procedure-property! silent 'documentation "Say nothing.")
(show (procedure-documentation silent))
(set-procedure-property! described 'documentation #f)
(show (procedure-documentation described))
