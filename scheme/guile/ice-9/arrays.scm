;;; (ice-9 arrays): copies of arrays.

(define-module (ice-9 arrays)
  #:export (array-copy))

(define (array-copy array)
  "Return a fresh array with the elements of ARRAY."
  (let ((new (apply make-typed-array (array-type array) *unspecified*
                    (array-shape array))))
    (array-copy! array new)
    new))
