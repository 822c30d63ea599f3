;; not yet: `#:autoload` brings no names
;; Modules loaded when a name is first used.
(define-module (test autoloads)
  #:autoload (modules-area shapes) (area perimeter)
  #:autoload (srfi srfi-1) (last-pair first))
(define (show x) (write x) (newline))
(show (area 3 4))
(show (perimeter 1 1))
(show (first '(1 2 3)))
(define other (make-fresh-user-module))
(module-autoload! other '(modules-area shapes) '(area perimeter))
(show (eval '(area 3 4) other))
(show (eval '(perimeter 3 4) other))
