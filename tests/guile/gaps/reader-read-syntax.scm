;; not yet: `read-syntax` is not there
;; Reading syntax objects with their source.
(define (show x) (write x) (newline))
(use-modules (system syntax))
(define port (open-input-string "(a b\n 12)"))
(set-port-filename! port "s.scm")
(define stx (read-syntax port))
(show (syntax->datum stx))
(show (syntax? stx))
(show (syntax-source stx))
(show (eof-object? (read-syntax port)))
