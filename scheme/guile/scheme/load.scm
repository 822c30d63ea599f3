;;; R7RS load.

(define-module (scheme load)
  #:replace (load))

(define* (load file #:optional (environment (interaction-environment)))
  "Evaluate the expressions in FILE in ENVIRONMENT."
  (save-module-excursion
   (lambda ()
     (set-current-module environment)
     (primitive-load file))))
