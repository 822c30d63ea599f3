;;; R6RS sorting.

(define-module (rnrs sorting)
  #:version (6)
  #:export (list-sort vector-sort vector-sort!))

(define (list-sort before? list)
  "Return the elements of LIST, none of which is BEFORE? the one before it; equal
ones keep their order."
  (stable-sort list before?))

(define (vector-sort before? vector)
  "Return a vector of the elements of VECTOR, none of which is BEFORE? the one
before it; equal ones keep their order."
  (list->vector (stable-sort (vector->list vector) before?)))

(define (vector-sort! before? vector)
  "Sort VECTOR in place, so that no element is BEFORE? the one before it."
  (let loop ((elements (stable-sort (vector->list vector) before?)) (index 0))
    (unless (null? elements)
      (vector-set! vector index (car elements))
      (loop (cdr elements) (+ index 1)))))
