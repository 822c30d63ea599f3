;;; Syntax that is best said as patterns.

(define-syntax let/ec
  (syntax-rules ()
    ((_ k body ...)
     (call-with-escape-continuation (lambda (k) body ...)))))

(define-syntax-rule (define-private name value)
  (define name value))

(define-syntax-rule (defmacro-public name arguments body ...)
  (begin
    (defmacro name arguments body ...)
    (export name)))

(define-syntax-rule (start-stack tag expression)
  expression)

(define-syntax-rule (assert expression)
  (if expression #t (%assertion-failed 'expression)))

(define-syntax cut
  (syntax-rules ()
    ((_ slot ...)
     (%cut () () slot ...))))

(define-syntax %cut
  (syntax-rules (<> <...>)
    ((_ (name ...) (procedure argument ...))
     (lambda (name ...) (procedure argument ...)))
    ((_ (name ...) (procedure argument ...) <...>)
     (lambda (name ... . rest) (apply procedure argument ... rest)))
    ((_ (name ...) (part ...) <> slot ...)
     (%cut (name ... x) (part ... x) slot ...))
    ((_ (name ...) (part ...) expression slot ...)
     (%cut (name ...) (part ... expression) slot ...))))

(define-syntax cute
  (syntax-rules ()
    ((_ slot ...)
     (%cute () () () slot ...))))

(define-syntax %cute
  (syntax-rules (<> <...>)
    ((_ (name ...) (binding ...) (procedure argument ...))
     (let (binding ...)
       (lambda (name ...) (procedure argument ...))))
    ((_ (name ...) (binding ...) (procedure argument ...) <...>)
     (let (binding ...)
       (lambda (name ... . rest) (apply procedure argument ... rest))))
    ((_ (name ...) (binding ...) (part ...) <> slot ...)
     (%cute (name ... x) (binding ...) (part ... x) slot ...))
    ((_ (name ...) (binding ...) (part ...) expression slot ...)
     (%cute (name ...) (binding ... (value expression)) (part ... value) slot ...))))

(define-syntax require-extension
  (syntax-rules (srfi)
    ((_ (srfi number ...) ...)
     (begin (begin (use-modules (srfi number)) ...) ...))))

(define-syntax let-optional*
  (syntax-rules ()
    ((_ arguments () body ...)
     (let () body ...))
    ((_ arguments ((name default) binding ...) body ...)
     (let* ((given arguments)
            (name (if (pair? given) (car given) default))
            (left (if (pair? given) (cdr given) given)))
       (let-optional* left (binding ...) body ...)))
    ((_ arguments (name binding ...) body ...)
     (let-optional* arguments ((name #f) binding ...) body ...))))

(define-syntax let-optional
  (syntax-rules ()
    ((_ arguments bindings body ...)
     (let-optional* arguments bindings body ...))))

(define-syntax reset
  (syntax-rules ()
    ((_ body ...)
     (reset* (lambda () body ...)))))

(define-syntax shift
  (syntax-rules ()
    ((_ k body ...)
     (shift* (lambda (k) body ...)))))

(define-syntax %
  (syntax-rules ()
    ((_ expression)
     (call-with-prompt (default-prompt-tag)
                       (lambda () expression)
                       default-prompt-handler))
    ((_ expression handler)
     (call-with-prompt (default-prompt-tag)
                       (lambda () expression)
                       handler))
    ((_ tag expression handler)
     (call-with-prompt tag (lambda () expression) handler))))

(define (%assertion-failed expression)
  (scm-error 'assertion-violation #f "assertion failed: ~S" (list expression) #f))
