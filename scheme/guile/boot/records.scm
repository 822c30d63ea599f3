;;; Records: what define-record-type expands to, and the procedures that
;;; make types at run time.
;;;
;;; Accessors and their like are closures over a datum that names type and
;;; field, so that set-fields can ask an accessor which field it reads.

(define (%make-accessor type index name)
  (let ((data (%access-data type index name)))
    (lambda (record)
      (%access record data))))

(define (%make-modifier type index name)
  (let ((data (%access-data type index name)))
    (lambda (record value)
      (%modify record data value))))

(define (%make-updater type index name)
  (let ((data (%access-data type index name)))
    (lambda (record value)
      (%access record data)
      (%record-with record index value))))

(define (%record-update record accessors value)
  (if (null? accessors)
      value
      (let* ((accessor (car accessors))
             (inner (%record-update (accessor record) (cdr accessors) value)))
        (%record-with record (%accessor-index accessor) inner))))

(define* (make-record-type name fields #:optional (printer #f)
                           #:key (parent #f) (uid #f) (final? #t)
                           (extensible? #t) (opaque? #f)
                           (allow-duplicate-field-names? #t))
  "Return a new record type called NAME with FIELDS, symbols or
(mutable NAME) and (immutable NAME)."
  (%make-record-type (if (string? name) (string->symbol name) name)
                     (map %field-name fields)
                     (map %field-mutable? fields)
                     printer
                     parent))

(define (%field-name field)
  (if (pair? field) (cadr field) field))

(define (%field-mutable? field)
  (if (pair? field) (eq? (car field) 'mutable) #t))

(define* (record-constructor type #:optional fields)
  "Return a procedure that makes a record of TYPE from the values of FIELDS, all
of them by default."
  (if fields
      (let ((all (record-type-fields type)))
        (lambda arguments
          (apply %record type
                 (map (lambda (field)
                        (let loop ((fields fields) (arguments arguments))
                          (cond ((null? fields) #f)
                                ((eq? (car fields) field) (car arguments))
                                (else (loop (cdr fields) (cdr arguments))))))
                      all))))
      (let ((count (length (record-type-fields type))))
        (lambda arguments
          (if (= (length arguments) count)
              (apply %record type arguments)
              (scm-error 'wrong-number-of-args #f
                         "Wrong number of arguments to ~A"
                         (list (record-type-name type)) #f))))))

(define (record-predicate type)
  "Return a procedure that tells whether an object is a record of TYPE."
  (lambda (object)
    (%record-is-a? object type)))

(define (%field-index type field procedure)
  (if (integer? field)
      field
      (let loop ((fields (reverse (record-type-fields type)))
                 (index (- (length (record-type-fields type)) 1)))
        (cond ((null? fields)
               (scm-error 'misc-error procedure "no such field: ~S"
                          (list field) #f))
              ((eq? (car fields) field) index)
              (else (loop (cdr fields) (- index 1)))))))

(define (record-accessor type field)
  "Return a procedure that returns FIELD of a record of TYPE."
  (%make-accessor type (%field-index type field "record-accessor") field))

(define (record-modifier type field)
  "Return a procedure that changes FIELD of a record of TYPE."
  (%make-modifier type (%field-index type field "record-modifier") field))
