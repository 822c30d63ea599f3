;;; R6RS evaluation.

(define-module (rnrs eval)
  #:version (6)
  #:re-export (eval)
  #:export (environment))

(define (environment . names)
  "Return a module that sees the modules NAMES, and nothing else."
  (let ((module (make-module)))
    (for-each (lambda (name)
                (module-use! module (resolve-r6rs-interface name)))
              names)
    module))
