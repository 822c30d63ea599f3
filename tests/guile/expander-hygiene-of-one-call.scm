;; What one call of a transformer introduces is one identity, wherever in the
;; transformer its templates stand.
(define-syntax-rule (show form) (begin (write form) (newline)))
(define-syntax by-helper
  (lambda (s)
    (define (reference) #'t)
    (syntax-case s () ((_ v) #`(let ((t v)) (list #,(reference) t))))))
(show (by-helper 1))
(define-syntax by-map
  (lambda (s)
    (syntax-case s ()
      ((_ v ...)
       (with-syntax (((use ...) (map (lambda (v) #`(+ x #,v)) #'(v ...))))
         #'(let ((x 100)) (list use ...)))))))
(show (by-map 1 2 3))
(define-syntax by-loop
  (lambda (s)
    (syntax-case s ()
      ((_ n)
       (let loop ((i 0) (body #'acc))
         (if (= i (syntax->datum #'n))
             #`(let ((acc '())) #,body)
             (loop (+ i 1) #`(let ((acc (cons #,i acc))) #,body))))))))
(show (by-loop 3))
(define-syntax by-let
  (lambda (s)
    (syntax-case s ()
      ((_ v) (let* ((name #'inner) (value #'(* 2 v))) #`(let ((#,name #,value)) #,(let ((y 1)) #'(list inner))))))))
(show (by-let 4))
(define-syntax by-lambda
  (lambda (s)
    (syntax-case s ()
      ((_ v) ((lambda (body) #`(lambda (p) #,body)) #'(cons p v))))))
(show ((by-lambda 5) 6))
(define-syntax defines
  (lambda (s)
    (syntax-case s ()
      ((_ name v) (with-syntax ((set #'(define hidden v)) (get #'(define (name) hidden))) #'(begin set get))))))
(defines first-name 1)
(defines second-name 2)
(show (list (first-name) (second-name)))
(define-syntax nested-quasi
  (lambda (s) (syntax-case s () ((_ v) #`(let ((a v)) #,#`(let ((b (+ a 1))) #,#`(list a b)))))))
(show (nested-quasi 1))
;; Two calls do not meet.
(define-syntax with-t
  (lambda (s) (syntax-case s () ((_ v body) #`(let ((t v)) (list t body))))))
(show (let ((t 'outer)) (with-t 'inner t)))
(show (with-t 1 (with-t 2 3)))
(define-syntax or-2
  (lambda (s) (syntax-case s () ((_ a b) (with-syntax ((test #'(if t t b))) #'(let ((t a)) test))))))
(show (let ((t 5)) (or-2 #f t)))
;; bound-identifier=? and free-identifier=?
(define-syntax compare
  (lambda (s)
    (define one #'x)
    (syntax-case s ()
      ((_ x*) (let ((two #'x))
                (datum->syntax s (list 'quote (list (bound-identifier=? one two) (free-identifier=? one two)
                                                    (bound-identifier=? one #'x*) (free-identifier=? one #'x*)))))))))
(show (compare x))
(show (let ((x 1)) (compare x)))
;; Lists of syntax are lists.
(define-syntax parts
  (lambda (s)
    (syntax-case s ()
      ((_ (name value) ...)
       (let ((pairs #'((name value) ...)) (dotted #'(name ... . end)))
         #`'(#,(list? pairs) #,(length pairs) #,(map (lambda (p) (syntax->datum (cadr p))) pairs)
             #,(map identifier? (list-head dotted 2)) #,(identifier? (cddr dotted))
             #,(map (lambda (p) (identifier? (car p))) pairs)))))))
(show (parts (a 1) (b (2 3))))
(define-syntax reversed
  (lambda (s) (syntax-case s () ((_ (a b ...) ...) #`'#,(map reverse #'((a b ...) ...))))))
(show (reversed (1 2 3) (4) (5 6)))
(define-syntax assq-like
  (lambda (s)
    (syntax-case s ()
      ((_ key (k v) ...)
       (let ((found (find-clause #'key #'((k v) ...)))) (if found (cadr found) #''none))))))
(define (find-clause key clauses)
  (cond ((null? clauses) #f) ((free-identifier=? key (car (car clauses))) (car clauses)) (else (find-clause key (cdr clauses)))))
(show (list (assq-like b (a 1) (b 2)) (assq-like c (a 1))))
