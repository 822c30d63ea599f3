;;; SRFI 35: conditions, which are exceptions under other names.

(define-module (srfi srfi-35)
  #:export (make-condition-type condition-type? make-condition condition?
            condition-has-type? condition-ref make-compound-condition
            extract-condition define-condition-type condition
            &serious serious-condition? error?)
  #:re-export ((&exception . &condition) &message
               (exception-with-message? . message-condition?)
               (exception-message . condition-message))
  #:replace (&error))

(define &serious (@ (guile) &error))
(define &error &external-error)

(define serious-condition? (exception-predicate &serious))
(define error? (exception-predicate &error))

(define (complain message . irritants)
  (scm-error 'misc-error #f message irritants #f))

(define condition-type? exception-type?)

(define (make-condition-type id parent fields)
  "Return a new condition type called ID, below PARENT, with FIELDS of its own."
  (unless (exception-type? parent)
    (complain "parent is not a exception type ~S" parent))
  (make-exception-type id parent fields))

(define (make-condition type . fields+values)
  "Return a condition of TYPE; FIELDS+VALUES alternate names and values."
  (%condition (list type) (%fields->alist fields+values)))

(define (%fields->alist plist)
  (if (null? plist)
      '()
      (cons (cons (car plist) (cadr plist))
            (%fields->alist (cddr plist)))))

;; A condition with one component for each of TYPES, filled from ALIST.
(define (%condition types alist)
  (let* ((fields (map record-type-fields types))
         (known (apply append fields)))
    (for-each (lambda (given)
                (unless (memq (car given) known)
                  (complain "unknown field ~S" (car given))))
              alist)
    (apply make-exception
           (map (lambda (type fields)
                  (apply (record-constructor type)
                         (map (lambda (field)
                                (let ((given (assq field alist)))
                                  (if given
                                      (cdr given)
                                      (complain "field not specified ~S" field))))
                              fields)))
                types fields))))

(define (condition? object)
  "Return whether OBJECT is a condition."
  (exception? object))

(define (condition-has-type? condition type)
  "Return whether CONDITION has a component of TYPE."
  (and ((exception-predicate type) condition) #t))

(define (condition-ref condition field)
  "Return the value of FIELD in the first component of CONDITION that has it."
  (let loop ((components (simple-exceptions condition)))
    (if (null? components)
        (complain "invalid field name ~S" field)
        (let ((type (record-type-descriptor (car components))))
          (if (memq field (record-type-fields type))
              ((record-accessor type field) (car components))
              (loop (cdr components)))))))

(define (make-compound-condition . conditions)
  "Return a condition with the components of CONDITIONS."
  (apply make-exception conditions))

(define (extract-condition condition type)
  "Return the component of CONDITION that is of TYPE, or #f."
  (let ((of-type? (exception-predicate type)))
    (let loop ((components (simple-exceptions condition)))
      (cond ((null? components) #f)
            ((of-type? (car components)) (car components))
            (else (loop (cdr components)))))))

(define-syntax define-condition-type
  ;; A type, its predicate, and the readers of its fields.
  (syntax-rules ()
    ((_ type parent predicate (field accessor) ...)
     (begin
       (define type (make-condition-type 'type parent '(field ...)))
       (define predicate (exception-predicate type))
       (define accessor
         (exception-accessor type (record-accessor type 'field)))
       ...))))

(define-syntax condition
  ;; A condition with a component for each TYPE.
  (syntax-rules ()
    ((_ (type (field value) ...) ...)
     (%condition (list type ...)
                 (append (list (cons 'field value) ...) ...)))))
