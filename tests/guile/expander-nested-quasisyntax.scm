;; Macros that write macros with syntax-case.
(define (show x) (write x) (newline))
(define-syntax define-record-macro
  (lambda (stx)
    (syntax-case stx ()
      ((_ name (field default) ...)
       (with-syntax ((maker (datum->syntax #'name (symbol-append 'make- (syntax->datum #'name)))))
         #'(define-syntax maker
             (syntax-rules (field ...)
               ((_ (k v) (... ...)) (let ((given (list (cons 'k v) (... ...))))
                                      (list 'name (cons 'field (or (assq-ref given 'field) default)) ...))))))))))
(define-record-macro point (x 0) (y 0))
(show (make-point (x 5)))
(show (make-point (y 1) (x 2)))
(show (make-point))
(define-syntax define-op
  (lambda (stx)
    (syntax-case stx ()
      ((_ name op)
       #'(define-syntax name
           (lambda (s)
             (syntax-case s ()
               ((_ a (... ...)) #'(op a (... ...)))
               (id (identifier? #'id) #'op))))))))
(define-op plus +)
(show (plus 1 2 3))
(show (map plus '(1 2) '(10 20)))
