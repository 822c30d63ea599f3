;;; R6RS conditions: Guile's exceptions under their names in R6RS.

(define-module (rnrs conditions)
  #:version (6)
  #:use-module (ice-9 exceptions)
  #:re-export (&message &warning make-warning warning? &irritants
               &non-continuable &implementation-restriction &lexical &syntax)
  #:export (define-condition-type &condition &serious &violation &assertion
            &undefined &who condition condition? simple-conditions
            condition-predicate condition-accessor message-condition?
            make-message-condition condition-message serious-condition?
            make-serious-condition violation? make-violation
            assertion-violation? make-assertion-violation irritants-condition?
            make-irritants-condition condition-irritants who-condition?
            make-who-condition condition-who non-continuable-violation?
            make-non-continuable-violation
            implementation-restriction-violation?
            make-implementation-restriction-violation lexical-violation?
            make-lexical-violation syntax-violation? make-syntax-violation
            syntax-violation-form syntax-violation-subform
            undefined-violation? make-undefined-violation)
  #:replace (&error make-error error?))

(define &condition &exception)
(define &serious (@ (ice-9 exceptions) &error))
(define &error &external-error)
(define &violation &programming-error)
(define &assertion &assertion-failure)
(define &undefined &undefined-variable)
(define &who &origin)

(define (condition . conditions)
  "Return a condition that is all of CONDITIONS."
  (apply make-exception conditions))

(define condition? exception?)
(define simple-conditions simple-exceptions)
(define condition-predicate exception-predicate)
(define condition-accessor exception-accessor)

(define make-message-condition make-exception-with-message)
(define message-condition? exception-with-message?)
(define condition-message exception-message)

(define make-irritants-condition make-exception-with-irritants)
(define irritants-condition? exception-with-irritants?)
(define condition-irritants exception-irritants)

(define make-who-condition make-exception-with-origin)
(define who-condition? exception-with-origin?)
(define condition-who exception-origin)

(define make-serious-condition (@ (ice-9 exceptions) make-error))
(define serious-condition? (@ (ice-9 exceptions) error?))
(define make-error make-external-error)
(define error? external-error?)
(define make-violation make-programming-error)
(define violation? programming-error?)
(define make-assertion-violation make-assertion-failure)
(define assertion-violation? assertion-failure?)
(define make-non-continuable-violation make-non-continuable-error)
(define non-continuable-violation? non-continuable-error?)
(define make-implementation-restriction-violation
  make-implementation-restriction-error)
(define implementation-restriction-violation?
  implementation-restriction-error?)
(define make-lexical-violation make-lexical-error)
(define lexical-violation? lexical-error?)
(define make-syntax-violation make-syntax-error)
(define syntax-violation? syntax-error?)
(define syntax-violation-form syntax-error-form)
(define syntax-violation-subform syntax-error-subform)
(define make-undefined-violation make-undefined-variable-error)
(define undefined-violation? undefined-variable-error?)

(define-syntax-rule (define-condition-type type supertype constructor predicate
                      (field accessor) ...)
  ;; Define TYPE, a kind of SUPERTYPE, with what makes and recognizes it and the
  ;; accessors of its fields.
  (begin
    (define type (make-exception-type 'type supertype '(field ...)))
    (define constructor (record-constructor type))
    (define predicate (exception-predicate type))
    (define accessor (exception-accessor type (record-accessor type 'field)))
    ...))
