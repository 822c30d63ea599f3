;; Loaded by modules-load.scm.
(define loaded-value 'fresh)
(define (loaded-procedure n) (list 'loaded n))
