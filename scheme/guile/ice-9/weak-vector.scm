;;; Weak vectors, which keep their elements here.

(define-module (ice-9 weak-vector)
  #:use-module (srfi srfi-9)
  #:export (make-weak-vector list->weak-vector weak-vector weak-vector?
            weak-vector-ref weak-vector-set!))

(define-record-type <weak-vector>
  (wrap elements)
  weak-vector?
  (elements elements))

(define* (make-weak-vector size #:optional fill)
  "Return a weak vector of SIZE elements, each FILL."
  (wrap (make-vector size fill)))

(define (list->weak-vector list)
  "Return a weak vector of the elements of LIST."
  (wrap (list->vector list)))

(define (weak-vector . elements)
  "Return a weak vector of ELEMENTS."
  (list->weak-vector elements))

(define (weak-vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (vector-ref (elements vector) index))

(define (weak-vector-set! vector index element)
  "Make ELEMENT the element of VECTOR at INDEX."
  (vector-set! (elements vector) index element))
