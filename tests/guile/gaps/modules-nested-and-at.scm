;; not yet: refused by the expander: @@: bad use of syntactic keyword
;; The forms @ and @@ anywhere.
(define (show x) (write x) (newline))
(show ((@ (srfi srfi-1) fold) cons '() '(1 2 3)))
(define f (@ (srfi srfi-1) filter-map))
(show (f (lambda (x) (and (even? x) (* x x))) '(1 2 3 4)))
(show (procedure? (@@ (srfi srfi-1) fold)))
(show (map (@ (srfi srfi-1) first) '((1 2) (3 4))))
(show (catch #t (lambda () (eval '(@ (modules-area shapes) secret) (current-module)) 'exported) (lambda (k . a) k)))
(set! (@@ (modules-area shapes) secret) 43)
(show (@@ (modules-area shapes) secret))
(show ((@ (modules-area shapes) area) 2 2))
