;; not yet: Guile prints #f, we print #t
;; Importing some names, with renames.
(define (show x) (write x) (newline))
(use-modules ((modules-area shapes) #:select (area (perimeter . around))))
(show (area 3 4))
(show (around 3 4))
(show (defined? 'perimeter))
(show (defined? 'area))
(use-modules ((srfi srfi-1) #:select (fold (reduce . srfi-reduce))))
(show (fold + 0 '(1 2 3)))
(show (srfi-reduce max 0 '(3 9 2)))
(show (defined? 'reduce))
