;;; SRFI 39: parameter objects.  Guile's core has them.

(define-module (srfi srfi-39)
  #:export (with-parameters*)
  #:re-export (make-parameter
               parameterize
               current-input-port current-output-port current-error-port))

(define (with-parameters* parameters values thunk)
  "Call THUNK while the PARAMETERS, a list, have VALUES, a list as long."
  (if (null? parameters)
      (thunk)
      (parameterize (((car parameters) (car values)))
        (with-parameters* (cdr parameters) (cdr values) thunk))))
