;;; Guile's own transducers.

(define-module (srfi srfi-171 gnu)
  #:use-module (srfi srfi-171)
  #:use-module (srfi srfi-171 meta)
  #:export (tbatch tfold))

(define tbatch
  (case-lambda
    "Return a transducer that reduces with REDUCER, through TRANSDUCER if there is
one, until that ends; hands the result on; and begins again."
    ((reducer) (tbatch identity reducer))
    ((transducer reducer)
     (lambda (next)
       (let* ((batch (transducer reducer))
              (state (batch)))
         (case-lambda
           (() (next))
           ((result)
            (if (equal? state (batch))
                (next result)
                (let ((last (next result (batch state))))
                  (next (if (reduced? last) (unreduce last) last)))))
           ((result input)
            (let ((step (batch state input)))
              (if (reduced? step)
                  (let ((done (batch (unreduce step))))
                    (set! batch (transducer reducer))
                    (set! state (batch))
                    (next result done))
                  (begin
                    (set! state step)
                    result))))))))))

(define* (tfold reducer #:optional (seed (reducer)))
  "Return a transducer that hands on every intermediate result of REDUCER, which
begins with SEED."
  (lambda (next)
    (let ((state seed))
      (case-lambda
        (() (next))
        ((result) (next result))
        ((result input)
         (set! state (reducer state input))
         (if (reduced? state)
             (ensure-reduced (next result (reducer (unreduce state))))
             (next result state)))))))
