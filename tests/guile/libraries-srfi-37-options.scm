;; Program arguments folded.
(use-modules (srfi srfi-37))
(define (show x) (write x) (newline))
(define options
  (list (option '(#\v "verbose") #f #f (lambda (opt name arg . seeds) (cons (list 'verbose name arg) (car seeds))))
        (option '(#\o "output") #t #f (lambda (opt name arg seed) (cons (list 'output name arg) seed)))
        (option '(#\d "debug") #f #t (lambda (opt name arg seed) (cons (list 'debug name arg) seed)))))
(define (run args)
  (reverse (args-fold args options (lambda (opt name arg seed) (cons (list 'unknown name) seed)) (lambda (operand seed) (cons (list 'operand operand) seed)) '())))
(show (run '("-v" "--output=file" "name"))) (show (run '("-vo" "out" "--debug" "--debug=3" "-d2"))) (show (run (list "-o" "x" "--" "-v"))) (show (run '("-x" "--nope=1" "plain"))) (show (run '()))
