;;; Structured exceptions.
;;;
;;; An exception is a record of a type below `&exception', or a compound of
;;; several.  What `throw' and Guile's own procedures raise is kept as key and
;;; arguments; it is taken for the compound that Guile would make of it only
;;; when somebody looks.

(define-module (ice-9 exceptions)
  #:re-export (raise-exception raise-continuable with-exception-handler guard
               exception-kind exception-args)
  #:export (&exception exception? exception-type?
            make-exception simple-exceptions
            make-exception-type exception-predicate exception-accessor
            define-exception-type

            &message make-exception-with-message exception-with-message?
            exception-message
            &irritants make-exception-with-irritants
            exception-with-irritants? exception-irritants
            &origin make-exception-with-origin exception-with-origin?
            exception-origin
            &warning make-warning warning?
            &error make-error error?
            &external-error make-external-error external-error?
            &quit-exception make-quit-exception quit-exception?
            &programming-error make-programming-error programming-error?
            &assertion-failure make-assertion-failure assertion-failure?
            &non-continuable make-non-continuable-error non-continuable-error?
            &implementation-restriction
            make-implementation-restriction-error
            implementation-restriction-error?
            &lexical make-lexical-error lexical-error?
            &syntax make-syntax-error syntax-error?
            syntax-error-form syntax-error-subform
            &undefined-variable make-undefined-variable-error
            undefined-variable-error?))

(define (make-exception-type name parent fields)
  "Return a new type of exceptions called NAME, a kind of PARENT, with FIELDS, a
list of symbols, besides PARENT's."
  (make-record-type name fields #:parent parent #:extensible? #t))

(define &exception
  (make-record-type '&exception '() #:extensible? #t))

(define &compound-exception
  (make-exception-type '&compound-exception &exception '(components)))

(define make-compound (record-constructor &compound-exception))
(define compound? (record-predicate &compound-exception))
(define compound-components (record-accessor &compound-exception 'components))

(define exception-record? (record-predicate &exception))

;; Whether OBJECT was made by throwing a key and arguments.
(define (thrown? object)
  (not (eq? (exception-kind object) '%exception)))

(define (exception? object)
  "Return whether OBJECT is an exception."
  (or (exception-record? object) (thrown? object)))

(define (exception-type? object)
  "Return whether OBJECT is a type of exceptions."
  (let loop ((type object))
    (or (eq? type &exception)
        (and (%record-type? type)
             (record-type-parent type)
             (loop (record-type-parent type))))))

(define (%record-type? object)
  (false-if-exception (begin (record-type-parent object) #t)))

(define (make-exception . exceptions)
  "Return an exception that is all of EXCEPTIONS."
  (let ((simple (append-map simple-exceptions exceptions)))
    (if (and (pair? simple) (null? (cdr simple)))
        (car simple)
        (make-compound simple))))

(define (append-map f list)
  (apply append (map f list)))

(define (simple-exceptions exception)
  "Return the list of what EXCEPTION is made of."
  (cond ((compound? exception) (compound-components exception))
        ((exception-record? exception) (list exception))
        ((thrown? exception) (thrown-components exception))
        (else
         (scm-error 'wrong-type-arg "simple-exceptions"
                    "not an exception: ~S" (list exception) (list exception)))))

(define (find satisfies? list)
  (cond ((null? list) #f)
        ((satisfies? (car list)) (car list))
        (else (find satisfies? (cdr list)))))

(define (exception-predicate type)
  "Return a procedure that tells whether an object is, or is made of, an exception
of TYPE."
  (let ((direct? (record-predicate type)))
    (lambda (object)
      (or (direct? object)
          (and (exception? object)
               (find direct? (simple-exceptions object))
               #t)))))

(define (exception-accessor type accessor)
  "Return a procedure that calls ACCESSOR with the exception of TYPE that its
argument is, or is made of."
  (let ((direct? (record-predicate type)))
    (lambda (object)
      (if (direct? object)
          (accessor object)
          (let ((part (and (exception? object)
                           (find direct? (simple-exceptions object)))))
            (if part
                (accessor part)
                (scm-error 'wrong-type-arg #f
                           "object is not an exception of the right type ~S ~S"
                           (list object type) (list object))))))))

(define-syntax-rule (define-exception-type type parent constructor predicate
                      (field accessor) ...)
  ;; Define TYPE, a kind of PARENT, with what makes and recognizes it and the
  ;; accessors of its fields.
  (begin
    (define type (make-exception-type 'type parent '(field ...)))
    (define constructor (record-constructor type))
    (define predicate (exception-predicate type))
    (define accessor (exception-accessor type (record-accessor type 'field)))
    ...))

(define-exception-type &message &exception
  make-exception-with-message exception-with-message?
  (message exception-message))

(define-exception-type &irritants &exception
  make-exception-with-irritants exception-with-irritants?
  (irritants exception-irritants))

(define-exception-type &origin &exception
  make-exception-with-origin exception-with-origin?
  (origin exception-origin))

(define-exception-type &warning &exception make-warning warning?)

(define-exception-type &error &exception make-error error?)

(define-exception-type &external-error &error
  make-external-error external-error?)

(define-exception-type &quit-exception &exception
  make-quit-exception quit-exception?
  (code quit-exception-code))

(define-exception-type &programming-error &error
  make-programming-error programming-error?)

(define-exception-type &assertion-failure &programming-error
  make-assertion-failure assertion-failure?)

(define-exception-type &non-continuable &programming-error
  make-non-continuable-error non-continuable-error?)

(define-exception-type &implementation-restriction &programming-error
  make-implementation-restriction-error implementation-restriction-error?)

(define-exception-type &lexical &programming-error
  make-lexical-error lexical-error?)

(define-exception-type &syntax &programming-error
  make-syntax-error syntax-error?
  (form syntax-error-form)
  (subform syntax-error-subform))

(define-exception-type &undefined-variable &programming-error
  make-undefined-variable-error undefined-variable-error?)

;;; What has been thrown

;; Key and arguments, as Guile keeps them in the exceptions that it makes.
(define-exception-type &exception-with-kind-and-args &exception
  make-exception-with-kind-and-args exception-with-kind-and-args?
  (kind kind-of)
  (args args-of))

(define (thrown-components exception)
  (let* ((key (exception-kind exception))
         (args (exception-args exception))
         (kept (list (make-exception-with-kind-and-args key args))))
    ;; What most of Guile's own errors are thrown with:
    ;; procedure, message, arguments of the message, data.
    (define (common kind)
      (if (and (list? args) (>= (length args) 3) (string? (cadr args)))
          (append (list kind)
                  (if (car args) (list (make-exception-with-origin (car args))) '())
                  (list (make-exception-with-message (cadr args))
                        (make-exception-with-irritants (or (caddr args) '())))
                  kept)
          (other kind)))
    (define (other kind)
      (append (list kind (make-exception-with-irritants args)) kept))
    (case key
      ((wrong-type-arg out-of-range wrong-number-of-args bad-format
        numerical-overflow keyword-argument-error)
       (common (make-assertion-failure)))
      ((unbound-variable)
       (common (make-undefined-variable-error)))
      ((read-error)
       (common (make-lexical-error)))
      ((system-error host-not-found try-again no-recovery no-data
        getaddrinfo-error)
       (common (make-external-error)))
      ((%non-continuable)
       (common (make-non-continuable-error)))
      ((syntax-error)
       (if (and (list? args) (>= (length args) 5))
           (append
            (if (car args) (list (make-exception-with-origin (car args))) '())
            (list (make-exception-with-message (cadr args))
                  (make-syntax-error (cadddr args) (list-ref args 4)))
            kept)
           (other (make-syntax-error #f #f))))
      ((quit)
       (cons (make-quit-exception
              (if (and (pair? args) (pair? (cdr args))) (cadr args) 0))
             kept))
      (else
       (common (make-error))))))
