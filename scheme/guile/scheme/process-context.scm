;;; R7RS process context.

(define-module (scheme process-context)
  #:use-module (srfi srfi-98)
  #:re-export (command-line get-environment-variable get-environment-variables)
  #:export (emergency-exit)
  #:replace (exit))

(define (status object)
  (cond ((eq? object #t) 0)
        ((eq? object #f) 1)
        ((and (exact-integer? object) (<= 0 object 255)) object)
        (else 1)))

(define* (exit #:optional (object #t))
  "Leave the program, as a success if OBJECT is #t, as a failure if it is #f, with
OBJECT as its status if that is an integer."
  ((@ (guile) exit) (status object)))

(define* (emergency-exit #:optional (object #t))
  "Leave the program as `exit' does, but now."
  (primitive-_exit (status object)))
