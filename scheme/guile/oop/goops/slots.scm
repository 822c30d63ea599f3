;;; GOOPS: the slots of instances and classes.

;; Where OBJECT has the slot called NAME: the index of a field, a slot that is
;; elsewhere, or #f.
(define (slot-place object name)
  (cond ((%instance? object) (assq-ref (class-places (instance-class object)) name))
        ((class? object) (assq-ref (class-places (class-of object)) name))
        (else
         (scm-error 'wrong-type-arg "slot-ref" "Wrong type argument in position ~A: ~S"
                    (list 1 object) (list object)))))

;; What OBJECT has in SLOT, which is no field of its own.
(define (slot-value object slot)
  (cond ((slot-shared slot) => variable-ref)
        (else ((slot-option slot #:slot-ref #f) object))))

(define (slot-ref object name)
  "Return what OBJECT has in the slot called NAME."
  (let ((place (slot-place object name)))
    (if place
        (let ((value (if (number? place)
                         (vector-ref (instance-fields object) place)
                         (slot-value object place))))
          (if (eq? value unbound)
              (slot-unbound (class-of object) object name)
              value))
        (slot-missing (class-of object) object name))))

(define (slot-set! object name value)
  "Put VALUE into the slot of OBJECT that is called NAME."
  (let ((place (slot-place object name)))
    (cond ((number? place) (vector-set! (instance-fields object) place value))
          ((not place) (slot-missing (class-of object) object name value))
          ((slot-shared place) => (lambda (variable) (variable-set! variable value)))
          (else ((slot-option place #:slot-set! #f) object value)))))

(define (slot-bound? object name)
  "Return whether OBJECT has something in the slot called NAME."
  (let ((place (slot-place object name)))
    (cond ((number? place)
           (not (eq? (vector-ref (instance-fields object) place) unbound)))
          (place (not (eq? (slot-value object place) unbound)))
          (else (slot-missing (class-of object) object name)))))

(define (slot-exists? object name)
  "Return whether OBJECT has a slot called NAME."
  (and (slot-place object name) #t))

(define (class-slot class name)
  (let ((slot (class-slot-definition class name)))
    (or (and slot (slot-shared slot))
        (slot-missing class name))))

(define (class-slot-ref class name)
  "Return what CLASS has in its own slot called NAME."
  (variable-ref (class-slot class name)))

(define (class-slot-set! class name value)
  "Put VALUE into the slot of CLASS itself that is called NAME."
  (variable-set! (class-slot class name) value))
