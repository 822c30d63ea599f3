;;; R6RS procedural macros.

(define-module (rnrs syntax-case)
  #:version (6)
  #:use-module ((ice-9 exceptions) #:select (make-exception make-syntax-error make-exception-with-origin
                 make-exception-with-message))
  #:re-export (bound-identifier=? datum->syntax free-identifier=?
               generate-temporaries identifier? make-variable-transformer
               quasisyntax syntax syntax->datum syntax-case unsyntax
               unsyntax-splicing with-syntax)
  #:replace (syntax-violation))

(define* (syntax-violation who message form #:optional subform)
  "Raise a condition of type &syntax with WHO, unless #f, MESSAGE, FORM and
SUBFORM."
  (let ((parts (list (make-exception-with-message message)
                     (make-syntax-error form subform))))
    (raise-exception
     (apply make-exception
            (if who
                (cons (make-exception-with-origin who) parts)
                parts)))))
