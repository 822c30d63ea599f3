;;; What the expander knows of syntax objects and of the place where a
;;; transformer is used.

(define-module (system syntax)
  #:use-module (system syntax internal)
  #:export (syntax-local-binding)
  #:re-export (syntax? syntax-source syntax-module
               syntax-locally-bound-identifiers
               (%syntax-sourcev . syntax-sourcev)))

(define* (syntax-local-binding identifier #:key (resolve-syntax-parameters? #t))
  "Return two values for what IDENTIFIER means where the transformer that runs
is used: the kind of binding, a symbol, and something that goes with it."
  (let ((found (%syntax-local-binding identifier resolve-syntax-parameters?)))
    (values (car found) (cdr found))))
