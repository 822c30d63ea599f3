;; Two modules that use each other.
(define (show x) (write x) (newline))
(use-modules (modules-area ping))
(show (ping 3))
(show (ping 4))
(show ((@ (modules-area pong) pong) 3))
