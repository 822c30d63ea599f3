;;; Evaluation in the scope of some other place.

(define-module (ice-9 local-eval)
  #:export (local-eval local-compile)
  #:re-export (the-environment))

(define (local-eval expression environment)
  "Evaluate EXPRESSION where the form (the-environment) that gave ENVIRONMENT
stands, or in ENVIRONMENT when that is a module."
  (%local-eval expression environment))

(define* (local-compile expression environment #:key (opts '()))
  "Evaluate EXPRESSION as local-eval does; everything is compiled."
  (%local-eval expression environment))
