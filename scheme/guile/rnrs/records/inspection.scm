;;; R6RS records: looking at them and their types.

(define-module (rnrs records inspection)
  #:version (6)
  #:use-module (rnrs records procedural)
  #:re-export (record-type-name record-type-parent)
  #:export (record-rtd record-type-generative? record-type-sealed?
            record-field-mutable?)
  #:replace (record? record-type-field-names record-type-uid record-type-opaque?))

(define extras-of (@@ (rnrs records procedural) extras-of))
(define extras-uid (@@ (rnrs records procedural) extras-uid))
(define extras-sealed? (@@ (rnrs records procedural) extras-sealed?))
(define extras-opaque? (@@ (rnrs records procedural) extras-opaque?))
(define extras-fields (@@ (rnrs records procedural) extras-fields))

(define (record? object)
  "Return whether OBJECT is a record whose type is not opaque."
  (and ((@ (guile) record?) object)
       (let ((extras (extras-of (record-type-descriptor object))))
         (not (and extras (extras-opaque? extras))))))

(define (record-rtd record)
  "Return the record-type descriptor of RECORD."
  (unless (record? record)
    (scm-error 'wrong-type-arg "record-rtd" "Wrong type argument: ~S"
               (list record) (list record)))
  (record-type-descriptor record))

(define (record-type-field-names type)
  "Return the names of the fields of TYPE, without its parents', as a vector."
  (list->vector
   (let ((extras (extras-of type)))
     (if extras
         (map cadr (extras-fields extras))
         (record-type-fields type)))))

(define (record-type-uid type)
  "Return the uid of TYPE, or #f."
  (let ((extras (extras-of type)))
    (and extras (extras-uid extras))))

(define (record-type-generative? type)
  "Return whether TYPE was made without a uid."
  (not (record-type-uid type)))

(define (record-type-sealed? type)
  "Return whether TYPE can have no kinds."
  (let ((extras (extras-of type)))
    (and extras (extras-sealed? extras) #t)))

(define (record-type-opaque? type)
  "Return whether records of TYPE do not show what they are."
  (let ((extras (extras-of type)))
    (and extras (extras-opaque? extras) #t)))

(define (record-field-mutable? type index)
  "Return whether the field of TYPE at INDEX can be changed."
  (let ((extras (extras-of type)))
    (or (not extras)
        (eq? 'mutable (car (list-ref (extras-fields extras) index))))))
