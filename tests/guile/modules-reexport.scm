;; Names passed on from another module.
(define (show x) (write x) (newline))
(use-modules (modules-area facade))
(show (area 2 5))
(show (renamed-perimeter 2 5))
(show (own 1))
(show (defined? 'perimeter))
(show (eq? area (@ (modules-area shapes) area)))
