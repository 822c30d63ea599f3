;; Code that runs while the program is expanded.
(define (show x) (write x) (newline))
(eval-when (expand load eval)
  (define (make-doubled x) (* 2 x)))
(define-syntax doubled
  (lambda (stx) (syntax-case stx () ((_ n) (make-doubled (syntax->datum #'n))))))
(show (doubled 21))
(show (make-doubled 4))
(eval-when (expand load eval) (define table '((a . 1) (b . 2))))
(define-syntax lookup
  (lambda (stx) (syntax-case stx () ((_ k) (datum->syntax stx (assq-ref table (syntax->datum #'k)))))))
(show (list (lookup a) (lookup b)))
(eval-when (load eval) (define later 'later))
(show later)
(show (eval-when (expand load eval) 'value))
