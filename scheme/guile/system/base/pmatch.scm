;;; A small pattern matcher.

(define-module (system base pmatch)
  ;; Not what is behind (guile), where `guard' is a keyword.
  #:pure
  #:use-module (guile)
  #:export (pmatch))

(define-syntax pmatch
  ;; The value of the first clause (PATTERN [(guard TEST ...)] BODY ...) that fits.
  ;; In a pattern, `,NAME' is anything, and `_' and `,_' as well.
  (syntax-rules (else guard)
    ((_ expression clause ...)
     (let ((value expression)) (pmatch-clauses value clause ...)))))

(define-syntax pmatch-clauses
  (syntax-rules (else guard)
    ((_ value) (if #f #f))
    ((_ value (else body ...)) (let () body ...))
    ((_ value (pattern (guard test ...) body ...) clause ...)
     (let ((next (lambda () (pmatch-clauses value clause ...))))
       (pmatch-pattern value pattern
                       (if (and test ...) (let () body ...) (next))
                       (next))))
    ((_ value (pattern body ...) clause ...)
     (let ((next (lambda () (pmatch-clauses value clause ...))))
       (pmatch-pattern value pattern (let () body ...) (next))))))

(define-syntax pmatch-pattern
  (syntax-rules (unquote _)
    ((_k value (unquote _) yes no) yes)
    ((_k value (unquote name) yes no) (let ((name value)) yes))
    ((_k value () yes no) (if (null? value) yes no))
    ((_k value (first . rest) yes no)
     (if (pair? value)
         (let ((head (car value)) (tail (cdr value)))
           (pmatch-pattern head first (pmatch-pattern tail rest yes no) no))
         no))
    ((_k value _ yes no) yes)
    ((_k value datum yes no) (if (equal? value 'datum) yes no))))
