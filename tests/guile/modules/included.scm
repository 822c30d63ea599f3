;; Included by expander-include.scm, at the top and inside a body.
(define included-value 'from-the-file)
(define (included-procedure n) (* n 100))
