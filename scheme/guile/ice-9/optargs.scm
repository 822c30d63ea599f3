;;; (ice-9 optargs): optional and keyword arguments.

(define-module (ice-9 optargs)
  #:re-export (lambda* define* defmacro* define*-public defmacro*-public)
  #:export (let-optional let-optional* let-keywords let-keywords*))

(define-syntax let-optional
  (syntax-rules ()
    ((_ rest (binding ...) body ...)
     (apply (lambda* (#:optional binding ... . ignored) body ...) rest))))

(define-syntax let-optional*
  (syntax-rules ()
    ((_ rest (binding ...) body ...)
     (apply (lambda* (#:optional binding ... . ignored) body ...) rest))))

(define-syntax let-keywords
  (syntax-rules ()
    ((_ rest #t (binding ...) body ...)
     (apply (lambda* (#:key binding ... #:allow-other-keys) body ...) rest))
    ((_ rest #f (binding ...) body ...)
     (apply (lambda* (#:key binding ...) body ...) rest))))

(define-syntax let-keywords*
  (syntax-rules ()
    ((_ rest allow? bindings body ...)
     (let-keywords rest allow? bindings body ...))))
