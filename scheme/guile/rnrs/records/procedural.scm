;;; R6RS records, by procedures.  A record-type descriptor is one of Guile's
;;; record types; what R6RS wants to know of it besides is in a table.

(define-module (rnrs records procedural)
  #:version (6)
  #:use-module (srfi srfi-9)
  #:re-export (record-predicate)
  #:export (make-record-type-descriptor record-type-descriptor?
            make-record-constructor-descriptor)
  #:replace (record-constructor record-accessor record-mutator))

(define-record-type <extras>
  (make-extras uid sealed? opaque? fields first)
  extras?
  (uid     extras-uid)         ;symbol or #f
  (sealed? extras-sealed?)
  (opaque? extras-opaque?)
  (fields  extras-fields)      ;own fields: list of (mutable NAME), (immutable NAME)
  (first   extras-first))      ;how many fields come from the parent

(define extras (make-weak-key-hash-table))   ;record type -> extras
(define types-by-uid (make-hash-table))      ;symbol -> record type

(define (extras-of type)
  (hashq-ref extras type))

(define (record-type-descriptor? object)
  "Return whether OBJECT is a record-type descriptor."
  (and (hashq-ref extras object) #t))

(define (complain procedure message . irritants)
  (scm-error 'misc-error procedure message irritants #f))

;; R6RS: an assertion has been violated.
(define (refuse procedure message . irritants)
  (raise-exception
   (make-exception (make-assertion-failure)
                   (make-exception-with-origin procedure)
                   (make-exception-with-message message)
                   (make-exception-with-irritants irritants))))

(define (make-record-type-descriptor name parent uid sealed? opaque? fields)
  "Return a new record-type descriptor called NAME, a kind of PARENT unless that
is #f.  FIELDS is a vector of (mutable NAME) and (immutable NAME).  A type whose UID
is not #f is made once; a SEALED? type has no kinds; OPAQUE? ones do not show what
they are."
  (let ((fields (map (lambda (field) (list (car field) (cadr field)))
                     (vector->list fields)))
        (old (and uid (hashq-ref types-by-uid uid))))
    (when (and parent (extras-of parent) (extras-sealed? (extras-of parent)))
      (complain "make-record-type-descriptor"
                "parent type is sealed: ~S" parent))
    (cond
     (old
      (unless (and (equal? (extras-fields (extras-of old)) fields)
                   (eq? (record-type-parent old) parent))
        (refuse "make-record-type-descriptor"
                "type with this uid exists and differs" uid))
      old)
     (else
      (let ((type (make-record-type name fields
                                    #:parent parent
                                    #:extensible? #t
                                    #:allow-duplicate-field-names? #t))
            (first (if parent (length (record-type-fields parent)) 0)))
        (hashq-set! extras type
                    (make-extras uid sealed?
                                 (or opaque?
                                     (and parent (extras-of parent)
                                          (extras-opaque? (extras-of parent))))
                                 fields first))
        (when uid (hashq-set! types-by-uid uid type))
        type)))))

;;; Constructors

(define-record-type <constructor-descriptor>
  (make-constructor-descriptor type parent protocol)
  record-constructor-descriptor?
  (type     descriptor-type)
  (parent   descriptor-parent)       ;constructor descriptor or #f
  (protocol descriptor-protocol))    ;procedure or #f

(define (make-record-constructor-descriptor type parent-descriptor protocol)
  "Return a description of how records of TYPE are made: by PROTOCOL, or the
default one when that is #f, and for the parent's fields by PARENT-DESCRIPTOR."
  (make-constructor-descriptor
   type
   (or parent-descriptor
       (let ((parent (record-type-parent type)))
         (and parent
              (make-record-constructor-descriptor parent #f #f))))
   protocol))

(define (own-field-count type)
  (length (extras-fields (extras-of type))))

;; The constructor that DESCRIPTOR describes, which calls FINISH with a list of
;; the values of all fields, the parents' first.
(define (constructor descriptor finish)
  (let* ((type (descriptor-type descriptor))
         (parent (descriptor-parent descriptor))
         (count (own-field-count type))
         (check (lambda (own)
                  (unless (= (length own) count)
                    (scm-error 'wrong-number-of-args #f
                               "Wrong number of arguments to ~A"
                               (list (record-type-name type)) #f)))))
    (if parent
        (let ((protocol (or (descriptor-protocol descriptor)
                            (default-protocol count))))
          (protocol
           (lambda parent-arguments
             (lambda own
               (check own)
               (apply (constructor parent
                                   (lambda (inherited)
                                     (finish (append inherited own))))
                      parent-arguments)))))
        (let ((make (lambda own (check own) (finish own))))
          (if (descriptor-protocol descriptor)
              ((descriptor-protocol descriptor) make)
              make)))))

;; The last COUNT arguments are the type's own fields, the others the parent's.
(define (default-protocol count)
  (lambda (new)
    (lambda arguments
      (let ((inherited (- (length arguments) count)))
        (apply (apply new (list-head arguments inherited))
               (list-tail arguments inherited))))))

(define (record-constructor descriptor)
  "Return a procedure that makes records as DESCRIPTOR, a constructor descriptor
or a record type, describes."
  (if (record-constructor-descriptor? descriptor)
      (let* ((type (descriptor-type descriptor))
             (make ((@ (guile) record-constructor) type)))
        (if (and (not (descriptor-parent descriptor))
                 (not (descriptor-protocol descriptor)))
            make
            (constructor descriptor (lambda (fields) (apply make fields)))))
      ((@ (guile) record-constructor) descriptor)))

;;; Fields

(define (field-name type index procedure)
  (let ((fields (extras-fields (extras-of type))))
    (unless (and (exact-integer? index) (< -1 index (length fields)))
      (scm-error 'out-of-range procedure "Value out of range: ~S"
                 (list index) (list index)))
    (list-ref fields index)))

(define (record-accessor type index)
  "Return a procedure that returns the value of the field of TYPE at INDEX, not
counting the parents' fields, of a record."
  (if (symbol? index)
      ((@ (guile) record-accessor) type index)
      (let ((field (field-name type index "record-accessor")))
        ((@ (guile) record-accessor)
         type (+ index (extras-first (extras-of type)))))))

(define (record-mutator type index)
  "Return a procedure that sets the field of TYPE at INDEX, not counting the
parents' fields, of a record."
  (let ((field (field-name type index "record-mutator")))
    (when (eq? (car field) 'immutable)
      (refuse "record-mutator" "field is immutable" (cadr field)))
    (record-modifier type (+ index (extras-first (extras-of type))))))
