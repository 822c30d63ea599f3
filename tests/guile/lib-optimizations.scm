;; A program that hands the compiler's options on.
(use-modules (system base optimize) (language tree-il optimize) (language cps optimize))
(define (keywords? options) (let loop ((o options)) (or (null? o) (and (keyword? (car o)) (loop (cddr o))))))
(write (map keywords? (map optimizations-for-level '(0 1 2 3)))) (newline)
(write (list? (available-optimizations))) (newline)
(write (list? (tree-il-optimizations))) (newline)
(write (list? (cps-optimizations))) (newline)
