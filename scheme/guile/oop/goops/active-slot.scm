;;; Slots that tell when they are read and written.

(define-module (oop goops active-slot)
  #:use-module (oop goops)
  #:export (<active-class>))

;; A class whose slots may have #:allocation #:active, and then #:before-slot-ref,
;; #:after-slot-ref, #:before-slot-set! and #:after-slot-set!.  A procedure that is called
;; before returns #f where nothing shall happen.
(define-class <active-class> (<class>))

(define-method (compute-get-n-set (class <active-class>) slot)
  (define (told key)
    (get-keyword key (slot-definition-options slot) (lambda arguments #t)))
  (define values (make-weak-key-hash-table))
  (define (value-of object)
    (let ((handle (hashq-get-handle values object)))
      (if handle
          (cdr handle)
          (slot-unbound class object (slot-definition-name slot)))))
  (if (eq? (slot-definition-allocation slot) #:active)
      (let ((before-ref (told #:before-slot-ref))
            (after-ref (told #:after-slot-ref))
            (before-set! (told #:before-slot-set!))
            (after-set! (told #:after-slot-set!)))
        (list (lambda (object)
                (if (before-ref object)
                    (let ((value (value-of object)))
                      (after-ref object)
                      value)
                    (slot-unbound class object (slot-definition-name slot))))
              (lambda (object value)
                (when (before-set! object value)
                  (hashq-set! values object value)
                  (after-set! object value)))))
      (next-method)))
