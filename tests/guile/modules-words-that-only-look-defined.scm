;; What a macro's use might have defined, and did not, means what is imported.
(use-modules (mistaken-definer) (srfi srfi-1))
(define (inside) (list (folding? (fold 1)) (folding? (filter 1))))
(write (inside)) (newline)
(write (folding? (fold 1))) (newline)
(write (map procedure? folder)) (newline)
(write (list (taking (sha256 "x")) (taking (md5 "x")))) (newline)
