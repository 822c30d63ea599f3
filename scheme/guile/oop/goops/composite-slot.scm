;;; Slots that stand for slots of the objects in other slots.

(define-module (oop goops composite-slot)
  #:use-module (ice-9 match)
  #:use-module (oop goops)
  #:export (<composite-class>))

;; A class whose slots may have #:allocation #:propagated and #:propagate-to, a list of
;; slots' names, or of such names with that of the slot there.  What is written goes to
;; all of them, what is read comes from the first.
(define-class <composite-class> (<class>))

(define-method (compute-get-n-set (class <composite-class>) slot)
  (if (eq? (slot-definition-allocation slot) #:propagated)
      (let ((places (map (match-lambda
                           ((? symbol? owner) (cons owner (slot-definition-name slot)))
                           ((owner part) (cons owner part)))
                         (get-keyword #:propagate-to (slot-definition-options slot) '()))))
        (when (null? places)
          (goops-error "Propagation not specified for slot `~S'" (slot-definition-name slot)))
        (list (lambda (object)
                (match places
                  (((owner . part) . _) (slot-ref (slot-ref object owner) part))))
              (lambda (object value)
                (for-each (match-lambda
                            ((owner . part) (slot-set! (slot-ref object owner) part value)))
                          places))))
      (next-method)))
