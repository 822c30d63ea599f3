;;; Structs and vtables, as records of a type of ours: a struct holds its vtable,
;;; a vector of fields and, when it is a vtable itself, its name.
;;; The fields of records can be asked for as those of structs, too.

(define vtable-index-layout 0)
(define vtable-index-printer 3)
(define vtable-offset-user 8)
(define standard-vtable-fields "pwuhuhpwphuhuhuh")

(define <%struct>
  (make-record-type 'struct '(vtable fields name)))

(define (%print-struct struct port)
  (let* ((vtable (struct-vtable struct))
         (printer (and (not (eq? vtable <standard-vtable>))
                       (struct-ref vtable vtable-index-printer))))
    (if (procedure? printer)
        (printer struct port)
        (begin
          (display "#<" port)
          (if (struct-vtable-name vtable)
              (begin
                (display (struct-vtable-name vtable) port)
                (display " " port))
              (begin
                (display "struct:" port)
                (display (number->string (object-address vtable) 16) port)
                (display " " port)))
          (if (not (eq? vtable <standard-vtable>))
              (begin
                (display (%layout-of vtable) port)
                (display " " port)))
          (display (number->string (object-address struct) 16) port)
          (display ">" port)))))

(define <standard-vtable>
  (let ((vtable (%record <%struct> #f (make-vector 8 #f) '<standard-vtable>)))
    ;; Only now: the printer asks for this very vtable.
    (set-record-type-printer! <%struct> %print-struct)
    (%set-record-field! vtable 0 vtable)
    (vector-set! (%record-field vtable 1) vtable-index-layout
                 (string->symbol standard-vtable-fields))
    vtable))

(define <applicable-struct-vtable> (make-vtable standard-vtable-fields))
(define <applicable-struct-with-setter-vtable> (make-vtable standard-vtable-fields))

(define (%plain-struct? object)
  (%record-is-a? object <%struct>))

(define (struct? object)
  "Return whether OBJECT is a struct; records are."
  (or (record? object) (%plain-struct? object)))

(define (struct-vtable? object)
  "Return whether OBJECT is a vtable."
  (or (record-type? object)
      (and (%plain-struct? object)
           (string-prefix? standard-vtable-fields
                           (symbol->string (%layout-of (%record-field object 0)))))))

(define (%check-struct name struct)
  (if (not (struct? struct))
      (scm-error 'wrong-type-arg name
                 "Wrong type argument in position ~A (expecting ~A): ~S"
                 (list 1 "struct" struct) (list struct))))

(define (%check-vtable name vtable)
  (if (not (struct-vtable? vtable))
      (scm-error 'wrong-type-arg name
                 "Wrong type argument in position ~A (expecting ~A): ~S"
                 (list 1 "vtable" vtable) (list vtable))))

(define (make-struct-layout fields)
  "Return the layout that FIELDS, a string such as \"pwpr\", describes."
  (if (not (string? fields))
      (scm-error 'wrong-type-arg "make-struct-layout"
                 "Wrong type argument in position ~A (expecting ~A): ~S"
                 (list 1 "string" fields) (list fields)))
  (if (odd? (string-length fields))
      (scm-error 'misc-error "make-struct-layout" "odd length field specification: ~S"
                 (list fields) #f))
  (let loop ((index 0))
    (if (< index (string-length fields))
        (let ((type (string-ref fields index))
              (access (string-ref fields (+ index 1))))
          (if (not (memv type '(#\p #\u)))
              (scm-error 'misc-error "make-struct-layout"
                         "unrecognized field type: ~S" (list type) #f))
          (if (not (memv access '(#\w #\h #\r)))
              (scm-error 'misc-error "make-struct-layout"
                         "unrecognized ref specification: ~S" (list access) #f))
          (loop (+ index 2)))))
  (string->symbol fields))

(define* (make-vtable fields #:optional (printer #f))
  "Return a vtable for structs with FIELDS, which PRINTER prints."
  (let ((vtable (%record <%struct> <standard-vtable> (make-vector 8 #f) #f)))
    (vector-set! (%record-field vtable 1) vtable-index-layout
                 (make-struct-layout fields))
    (vector-set! (%record-field vtable 1) vtable-index-printer printer)
    vtable))

(define (struct-layout struct)
  "Return the layout of STRUCT."
  (%layout-of (struct-vtable struct)))

(define (%layout-of vtable)
  (if (record-type? vtable)
      (string->symbol
       (string-concatenate (map (lambda (field) "pw") (record-type-fields vtable))))
      (vector-ref (%record-field vtable 1) vtable-index-layout)))

(define (%field-count vtable)
  (quotient (string-length (symbol->string (%layout-of vtable))) 2))

(define (%unboxed? vtable index)
  (and (not (record-type? vtable))
       (let ((layout (symbol->string (%layout-of vtable))))
         (and (< (* 2 index) (string-length layout))
              (char=? (string-ref layout (* 2 index)) #\u)))))

(define (%hidden? vtable index)
  (char=? (string-ref (symbol->string (%layout-of vtable)) (+ (* 2 index) 1)) #\h))

(define (%check-unboxed name vtable index value)
  (if (and (%unboxed? vtable index)
           (not (exact-integer? value)))
      (scm-error 'wrong-type-arg name "Wrong type argument in position ~A: ~S"
                 (list (+ index 1) value) (list value))))

(define (make-struct/no-tail vtable . fields)
  "Return a struct of VTABLE with FIELDS."
  (%check-vtable "make-struct/no-tail" vtable)
  (if (record-type? vtable)
      (apply %record vtable fields)
      (let ((slots (make-vector (%field-count vtable) #f)))
        (let loop ((index 0) (fields fields))
          (if (< index (vector-length slots))
              (begin
                (if (and (pair? fields) (not (%hidden? vtable index)))
                    (begin
                      (%check-unboxed "make-struct/no-tail" vtable index (car fields))
                      (vector-set! slots index (car fields)))
                    (if (%unboxed? vtable index)
                        (vector-set! slots index 0)))
                (loop (+ index 1)
                      (if (and (pair? fields) (not (%hidden? vtable index)))
                          (cdr fields)
                          fields)))))
        (let ((struct (%record <%struct> vtable slots #f)))
          (if (and (struct-vtable? struct)
                   (string? (vector-ref slots vtable-index-layout)))
              (vector-set! slots vtable-index-layout
                           (make-struct-layout (vector-ref slots vtable-index-layout))))
          struct))))

(define (make-struct/simple vtable . fields)
  "Return a struct of VTABLE with FIELDS."
  (apply make-struct/no-tail vtable fields))

(define (allocate-struct vtable count)
  "Return a struct of VTABLE whose COUNT fields are not set yet."
  (%check-vtable "allocate-struct" vtable)
  (if (record-type? vtable)
      (apply %record vtable (make-list count #f))
      (%record <%struct> vtable (make-vector count #f) #f)))

(define (struct-vtable struct)
  "Return the vtable of STRUCT."
  (%check-struct "struct-vtable" struct)
  (cond ((%plain-struct? struct) (%record-field struct 0))
        ((record-type? struct) <standard-vtable>)
        (else (record-type-descriptor struct))))

(define (%struct-size struct)
  (if (%plain-struct? struct)
      (vector-length (%record-field struct 1))
      (length (record-type-fields (record-type-descriptor struct)))))

(define (%check-field name struct index)
  (%check-struct name struct)
  (if (not (exact-integer? index))
      (scm-error 'wrong-type-arg name "Wrong type argument in position ~A: ~S"
                 (list 2 index) (list index)))
  (if (not (and (>= index 0)
                (or (record-type? struct) (< index (%struct-size struct)))))
      (scm-error 'out-of-range name "Argument ~A out of range: ~S"
                 (list 2 index) (list index))))

(define (struct-ref struct index)
  "Return field INDEX of STRUCT."
  (%check-field "struct-ref" struct index)
  (cond ((%plain-struct? struct) (vector-ref (%record-field struct 1) index))
        ((record-type? struct)
         (and (eqv? index vtable-index-layout) (%layout-of struct)))
        (else (%record-field struct index))))

(define (struct-set! struct index value)
  "Make VALUE field INDEX of STRUCT."
  (%check-field "struct-set!" struct index)
  (if (%plain-struct? struct)
      (begin
        (%check-unboxed "struct-set!" (struct-vtable struct) index value)
        (vector-set! (%record-field struct 1) index value))
      (%set-record-field! struct index value))
  value)

(define (struct-ref/unboxed struct index)
  "Return field INDEX of STRUCT, a number."
  (struct-ref struct index))

(define (struct-set!/unboxed struct index value)
  "Make VALUE, a number, field INDEX of STRUCT."
  (struct-set! struct index value))

(define (struct-vtable-name vtable)
  "Return the name of VTABLE, or #f."
  (%check-vtable "struct-vtable-name" vtable)
  (if (record-type? vtable)
      (record-type-name vtable)
      (%record-field vtable 2)))

(define (set-struct-vtable-name! vtable name)
  "Make NAME the name of VTABLE."
  (%check-vtable "set-struct-vtable-name!" vtable)
  (if (not (record-type? vtable))
      (%set-record-field! vtable 2 name)))

(define (record-type-vtable type)
  "Return the vtable of record type TYPE, which is TYPE."
  type)
