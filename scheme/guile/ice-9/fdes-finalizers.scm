;;; Procedures that are called when a file descriptor is closed.
;;;
;;; Source: what Guile 3.0.8 does; its manual does not tell of them.

(define-module (ice-9 fdes-finalizers)
  #:export (add-fdes-finalizer! remove-fdes-finalizer!))

;; By descriptor, the procedures that were added, newest first.
(define finalizers (make-hash-table))

(define (added-to fdes)
  (unless (exact-integer? fdes)
    (scm-error 'wrong-type-arg #f "Wrong type (expecting ~A): ~S"
               (list "exact integer" fdes) (list fdes)))
  (hashv-ref finalizers fdes '()))

(define (finalize fdes)
  ;; One that fails does not keep the others from being called.
  (let ((procedures (added-to fdes)))
    (hashv-remove! finalizers fdes)
    (for-each (lambda (procedure)
                (catch #t
                  (lambda () (procedure fdes))
                  (lambda (key . arguments)
                    (print-exception (current-error-port) #f key arguments))))
              procedures)))

(define (add-fdes-finalizer! fdes finalizer)
  "Call FINALIZER with FDES, a number, when the program closes that descriptor, before it is
closed.  A procedure is called as often as it was added, the newest first."
  (%listen-for-closing! finalize)
  (hashv-set! finalizers fdes (cons finalizer (added-to fdes)))
  (if #f #f))

(define (remove-fdes-finalizer! fdes finalizer)
  "Do not call FINALIZER once more when FDES is closed."
  (hashv-set! finalizers fdes (delq1! finalizer (list-copy (added-to fdes))))
  (if #f #f))
