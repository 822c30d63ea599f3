;; not yet: #nil is the empty list, and true
;; Predicates of every kind over things of every kind.
(define (show x) (write x) (newline))
(define things (list 1 1.5 'a "s" #\c #t '() '(1) #(1) car #:k (if #f #f) (make-parameter 1) (delay 1)))
(define-syntax-rule (table p ...) (begin (show (cons 'p (map p things))) ...))
(table number? symbol? string? char? boolean? null? pair? list? vector? procedure? keyword? unspecified? promise? parameter?)
(show (map (lambda (x) (if x 'true 'false)) (list 0 "" '() #f #nil 'nil)))
(show (eq? (if #f #f) *unspecified*))
