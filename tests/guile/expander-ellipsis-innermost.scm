;; A pattern variable under more ellipses than its depth goes with the innermost,
;; and a template or pattern that can never do is refused where it is defined.
(define (show x) (write x) (newline))
(define-syntax table
  (syntax-rules () ((_ (c ...) (r v ...) ...) '((r (c v) ...) ...))))
(show (table (x y) (a 1 2) (b 3 4)))
(define-syntax each-with-all (syntax-rules () ((_ (a ...) b ...) '((a b ...) ...))))
(show (each-with-all (1 2) x y))
(define-syntax squares (syntax-rules () ((_ (a ...)) '((a a ...) ...))))
(show (squares (1 2 3)))
(define-syntax outer-inside
  (syntax-rules () ((_ (a b ...) ...) '((a b ... a ...) ...))))
(show (outer-inside (1 2) (3 4 5)))
(define-syntax all-for-each
  (syntax-rules () ((_ (a ...) (b c ...) ...) '((a (b c ...) ...) ...))))
(show (all-for-each (1 2) (3 4 5) (6)))
(show (catch 'syntax-error
        (lambda ()
          (eval '(define-syntax vectors
                   (syntax-rules () ((_ (a ...) (b c ...) ...) '(#(a b ...) ... (b . #(a ...)) ...))))
                (interaction-environment))
          (eval '(vectors (1 2) (3 4) (6 7)) (interaction-environment)))
        list))
(show (syntax->datum
       (with-syntax (((a ...) #'(1 2)) (((b c ...) ...) #'((x 1 2) (y 2 3))))
         #`((b (a c) ... #,(+ 1 1)) ...))))
(show (syntax->datum
       (with-syntax (((a ...) #'(1 2)))
         #`((a #,@(list 1 2 3) a ...) ...))))

(define (try form)
  (show (catch #t
          (lambda () (eval form (interaction-environment)) 'fine)
          (lambda (key . rest)
            (if (eq? key 'syntax-error)
                (list (car rest) (cadr rest) (cadddr rest))
                (list key (car rest) (cadr rest)))))))
(define-syntax two (syntax-rules () ((_ (a ...) (b ...)) '((a b) ...))))
(for-each try
          '((two (1 2) (3))
            (define-syntax bad (syntax-rules () ((_ a ...) a)))
            (define-syntax bad (syntax-rules () ((_ a) (a ...))))
            (define-syntax bad (syntax-rules () ((_ a) (b ...))))
            (define-syntax bad (syntax-rules () ((_ a) (... a b))))
            (define-syntax bad (syntax-rules () ((_ a) ...)))
            (define-syntax bad (syntax-rules () ((_ a b) (a . ...))))
            (define-syntax bad (syntax-rules () ((_ a) (... (a ...)))))
            (define-syntax bad (syntax-rules () ((_ (a ...) (b ...)) '(((a b) ...) ...))))
            (define-syntax bad (syntax-rules () ((_ a a) a)))
            (define-syntax bad (syntax-rules () ((_ a ... b ...) a)))
            (define-syntax bad (syntax-rules () (_ 1)))
            (define-syntax bad (syntax-rules () (5 1)))
            (define-syntax bad (syntax-rules () ((_ a) 1 2)))
            (define-syntax good (syntax-rules (a a _) ((_ a) 1)))
            (define-syntax good (syntax-rules () (((a) b) 1)))
            (define-syntax-rule (bad a ...) a)
            (lambda (x) (syntax-case x () ((_ a ...) #'a)))
            (lambda (x) (syntax-case x () ((_ a ...) #'(a a))))
            (lambda (x) (syntax-case x () ((_ (a ...)) #'(a ... ...))))))
