(define-module (broken in the middle)) (define a 1) (car a) (define b 2)
