;; not yet: an R6RS library on the load path is not found by its name
;; Libraries of R6RS, imported in parts.
(import (rnrs base) (rnrs io simple) (prefix (modules-area stack) s:) (only (srfi :1) last)
        (rename (modules-area stack) (size how-many)))
(define s (s:make-stack))
(s:push! s 1) (s:push! s 2) (s:push! s 3)
(write (s:size s)) (newline)
(write (s:pop! s)) (newline)
(write (how-many s)) (newline)
(write (s:empty? s)) (newline)
(write (empty? (make-stack))) (newline)
(write (last '(1 2 3))) (newline)
