;;; R6RS evaluation.

(define-module (rnrs eval)
  #:re-export (eval)
  #:export (environment))

(define (environment . names)
  "Return a module that sees the modules NAMES, and nothing else."
  (let ((module (make-module)))
    (for-each (lambda (name)
                (module-use! module (resolve-r6rs-interface name)))
              names)
    module))

(define (resolve-r6rs-interface name)
  (resolve-interface (if (and (pair? name)
                              (memq (car name) '(only except prefix rename library))
                              (pair? (cdr name))
                              (pair? (cadr name)))
                         (cadr name)
                         name)))
