;; Assignment through a variable transformer.
(define (show x) (write x) (newline))
(define storage 5)
(define-syntax watched
  (make-variable-transformer
   (lambda (stx)
     (syntax-case stx (set!)
       ((set! _ e) #'(begin (display "set ") (set! storage e)))
       ((_ arg ...) #'(list 'called storage arg ...))
       (id (identifier? #'id) #'storage)))))
(show watched)
(set! watched 7) (newline)
(show watched)
(show (watched 1 2))
(show (list watched watched))
