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
                           (extensible? (not final?)) (opaque? 'inherit)
                           (allow-duplicate-field-names? #f))
  "Return a new record type called NAME with FIELDS, symbols or
(mutable NAME) and (immutable NAME); with UID, the type that was made with it."
  (let* ((name (if (string? name) (string->symbol name) name))
         (opaque? (if (eq? opaque? 'inherit)
                      (and parent (record-type-opaque? parent))
                      opaque?))
         (names (map %checked-field-name fields))
         (all (append (if parent (record-type-fields parent) '()) names))
         (known (and uid (hashq-ref %record-types-by-uid uid #f))))
    (cond
     ((and parent (not (record-type-extensible? parent)))
      (scm-error 'misc-error #f "parent type is final" '() #f))
     ((and parent (record-type-opaque? parent) (not opaque?))
      (scm-error 'misc-error #f "can't make non-opaque subtype of opaque type ~S"
                 (list parent) #f))
     ((and (not allow-duplicate-field-names?) (%first-duplicate all))
      => %duplicate-field)
     ((not known)
      (let ((type (%make-record-type name names (map %field-mutable? fields)
                                     printer parent)))
        (%set-record-type-properties! type
                                      (append (if extensible? '() '((final . #t)))
                                              (if opaque? '((opaque . #t)) '())
                                              (if uid (list (cons 'uid uid)) '())))
        (if uid (hashq-set! %record-types-by-uid uid type))
        type))
     ((and (eq? (record-type-name known) name)
           (equal? (record-type-fields known) all)
           (eq? (record-type-parent known) parent)
           (eq? (record-type-extensible? known) (and extensible? #t))
           (not printer))
      known)
     (else
      (scm-error 'misc-error #f "prefab record type declaration incompatible with previous"
                 '() #f)))))

(define %record-types-by-uid (make-hash-table))

(define (%first-duplicate items)
  (let loop ((items items))
    (cond ((null? items) #f)
          ((memq (car items) (cdr items)) (car items))
          (else (loop (cdr items))))))

(define (%duplicate-field field)
  (scm-error 'misc-error #f "duplicate field ~S" (list field) #f))

(define (%checked-field-name field)
  (cond ((symbol? field) field)
        ((and (list? field)
              (eqv? (length field) 2)
              (memq (car field) '(mutable immutable))
              (symbol? (cadr field)))
         (cadr field))
        (else
         (scm-error 'misc-error #f "bad field declaration ~S" (list field) #f))))

(define (%record-type-property type key)
  (assq-ref (%record-type-properties type) key))

(define (record-type-extensible? type)
  "Return whether other types may have TYPE for parent."
  (not (%record-type-property type 'final)))

(define (record-type-opaque? type)
  "Return whether the type of TYPE's records is kept secret."
  (and (%record-type-property type 'opaque) #t))

(define (record-type-uid type)
  "Return what TYPE is known by everywhere, or #f."
  (%record-type-property type 'uid))

(define (record-type-properties type)
  "Return the association list of TYPE's properties."
  '())

(define (record-type-parents type)
  "Return a vector of the types that TYPE extends, the first one first."
  (let loop ((type (record-type-parent type)) (parents '()))
    (if type
        (loop (record-type-parent type) (cons type parents))
        (list->vector parents))))

(define (record-type-has-parent? type parent)
  "Return whether TYPE extends PARENT."
  (and (memq parent (vector->list (record-type-parents type))) #t))

(define (record-type-constructor type)
  "Return the procedure that makes records of TYPE."
  (record-constructor type))

(define (record-type-mutable-fields type)
  "Return an integer with a bit for each field of TYPE, set when it can be changed."
  (let loop ((flags (%record-type-mutable type)) (bit 1) (bits 0))
    (if (pair? flags)
        (loop (cdr flags) (* 2 bit) (if (car flags) (+ bits bit) bits))
        bits)))

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

(define (%field-index type field)
  (if (not (record-type? type))
      (error 'not-a-record-type type))
  (let* ((fields (record-type-fields type))
         (count (length fields)))
    ;; Of fields of one name, the last counts: those before it are of parents.
    (let loop ((names (reverse fields)) (index (- count 1)))
      (cond ((and (exact-integer? field) (<= 0 field) (< field count)) field)
            ((null? names) (error 'no-such-field field))
            ((eq? (car names) field) index)
            (else (loop (cdr names) (- index 1)))))))

(define (record-accessor type field)
  "Return a procedure that returns FIELD of a record of TYPE."
  (%make-accessor type (%field-index type field) "record-accessor"))

(define (record-modifier type field)
  "Return a procedure that changes FIELD of a record of TYPE."
  (let ((index (%field-index type field)))
    (if (not (list-ref (%record-type-mutable type) index))
        (scm-error 'misc-error #f "field is immutable ~S ~S" (list type field) #f))
    (%make-modifier type index "record-modifier")))
