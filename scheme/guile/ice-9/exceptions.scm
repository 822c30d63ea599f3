;;; Structured exceptions.  They are the ones that the language itself raises.

(define-module (ice-9 exceptions)
  #:re-export (&error &external-error &implementation-restriction &irritants
               &lexical &message &non-continuable &origin &programming-error
               &quit-exception &syntax &undefined-variable &warning &exception
               &assertion-failure assertion-failure? define-exception-type
               error? exception-accessor exception-args exception-irritants
               exception-kind exception-message exception-origin
               exception-predicate exception-type? exception-with-irritants?
               exception-with-message? exception-with-origin? exception?
               external-error? guard implementation-restriction-error?
               lexical-error? make-assertion-failure make-error make-exception
               make-exception-type make-exception-with-irritants
               make-exception-with-message make-exception-with-origin
               make-external-error make-implementation-restriction-error
               make-lexical-error make-non-continuable-error
               make-programming-error make-quit-exception make-syntax-error
               make-undefined-variable-error make-warning
               non-continuable-error? programming-error? quit-exception?
               raise-continuable raise-exception simple-exceptions
               syntax-error-form syntax-error-subform syntax-error?
               undefined-variable-error? warning? with-exception-handler))
