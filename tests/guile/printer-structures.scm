;; Records, procedures and other objects in print.
(use-modules (srfi srfi-9) (srfi srfi-9 gnu))
(define (show x) (write x) (newline))
(define-record-type point (make-point x y) point? (x point-x) (y point-y))
(show (make-point 1 2))
(show (list (make-point "a" 'b)))
(set-record-type-printer! point
  (lambda (p port) (format port "#<point ~a,~a>" (point-x p) (point-y p))))
(show (make-point 1 2))
(display (make-point 3 4)) (newline)
(show (object->string (vector (make-point 5 6))))
(show point)
