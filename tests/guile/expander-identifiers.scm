;; Comparing identifiers free and bound.
(define (show x) (write x) (newline))
(define-syntax same-free?
  (lambda (stx) (syntax-case stx () ((_ a b) (if (free-identifier=? #'a #'b) #'#t #'#f)))))
(show (same-free? car car)) (show (same-free? car cdr))
(show (let ((car 1)) (same-free? car car)))
(define-syntax same-bound?
  (lambda (stx) (syntax-case stx () ((_ a b) (if (bound-identifier=? #'a #'b) #'#t #'#f)))))
(show (same-bound? x x)) (show (same-bound? x y))
(define-syntax through (syntax-rules () ((_ x) (same-bound? x y))))
(show (through y))
(define-syntax id? (lambda (stx) (syntax-case stx () ((_ x) (if (identifier? #'x) #'#t #'#f)))))
(show (list (id? a) (id? (a)) (id? 1) (id? "s") (id? #:k)))
(define-syntax unique-names?
  (lambda (stx)
    (syntax-case stx ()
      ((_ n ...)
       (let loop ((l #'(n ...)))
         (cond ((null? l) #'#t)
               ((let mem ((r (cdr l))) (and (pair? r) (or (bound-identifier=? (car l) (car r)) (mem (cdr r))))) #'#f)
               (else (loop (cdr l)))))))))
(show (list (unique-names? a b c) (unique-names? a b a)))
