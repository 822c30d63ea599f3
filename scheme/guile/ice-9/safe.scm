;;; Modules in which nothing outside can be reached.
;;;
;;; Source: GNU Guile reference manual, "Evaluating Untrusted Code"; (ice-9 safe-r5rs).

(define-module (ice-9 safe)
  #:export (safe-environment make-safe-module))

(define (safe-environment n)
  "Return the interface of the bindings of R5RS, N being 5, without files."
  (unless (eqv? n 5)
    (scm-error 'misc-error "safe-environment" "~A is not a valid version" (list n) '()))
  (resolve-interface '(ice-9 safe-r5rs)))

(define (make-safe-module)
  "Return a module that sees nothing but the safe bindings of R5RS."
  (let ((module (make-module 1)))
    (module-use! module (resolve-interface '(ice-9 safe-r5rs)))
    module))
