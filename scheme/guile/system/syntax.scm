;;; What the expander knows of syntax objects and of the place where a
;;; transformer is used.

(define-module (system syntax)
  #:use-module (system syntax internal)
  #:re-export (syntax? syntax-module syntax-sourcev syntax-session-id
               syntax-local-binding syntax-locally-bound-identifiers))
