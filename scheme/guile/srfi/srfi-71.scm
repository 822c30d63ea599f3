;;; SRFI 71: `let' forms that bind several values.

(define-module (srfi srfi-71)
  #:export (uncons unlist unvector values->list values->vector)
  #:replace (let let* letrec))

(define-syntax let
  ;; As `let', but a clause may be (VARIABLE VARIABLE ... EXPRESSION), or
  ;; ((values VARIABLE ... . REST) EXPRESSION).
  (syntax-rules ()
    ((_ () body ...)
     ((@ (guile) let) () body ...))
    ((_ (clause ...) body ...)
     (%let () (clause ...) (body ...)))
    ((_ name (clause ...) body ...)
     (%named-let name () (clause ...) (body ...)))))

(define-syntax %let
  ;; Each clause is evaluated into temporaries, which are bound all at once.
  (syntax-rules (values)
    ((_ bindings () body)
     (%bind bindings body))
    ((_ bindings (((values . formals) expression) . clauses) body)
     (%receive bindings () formals expression clauses body))
    ((_ (binding ...) ((variable expression) . clauses) body)
     (%let (binding ... (variable expression)) clauses body))
    ((_ bindings ((variable0 variable1 . more) . clauses) body)
     (%split bindings () (variable0 variable1 . more) clauses body))))

(define-syntax %split
  ;; (VARIABLE ... EXPRESSION) as formals and expression.
  (syntax-rules ()
    ((_ bindings formals (expression) clauses body)
     (%receive bindings () formals expression clauses body))
    ((_ bindings (variable ...) (next . more) clauses body)
     (%split bindings (variable ... next) more clauses body))))

(define-syntax %receive
  ;; Give every formal a temporary.
  (syntax-rules ()
    ((_ (binding ...) ((formal temporary) ...) () expression clauses body)
     (call-with-values (lambda () expression)
       (lambda (temporary ...)
         (%let (binding ... (formal temporary) ...) clauses body))))
    ((_ bindings (pair ...) (formal . formals) expression clauses body)
     (%receive bindings (pair ... (formal temporary)) formals
               expression clauses body))
    ((_ (binding ...) ((formal temporary) ...) rest expression clauses body)
     (call-with-values (lambda () expression)
       (lambda (temporary ... . temporary-rest)
         (%let (binding ... (formal temporary) ... (rest temporary-rest))
               clauses body))))))

(define-syntax %bind
  (syntax-rules ()
    ((_ ((variable expression) ...) (body ...))
     ((@ (guile) let) ((variable expression) ...) body ...))))

(define-syntax %named-let
  (syntax-rules (values)
    ((_ name ((variable expression) ...) () (body ...))
     ((@ (guile) let) name ((variable expression) ...) body ...))
    ((_ name (binding ...) (((values variable) expression) . clauses) body)
     (%named-let name (binding ... (variable expression)) clauses body))
    ((_ name (binding ...) ((variable expression) . clauses) body)
     (%named-let name (binding ... (variable expression)) clauses body))))

(define-syntax let*
  ;; As `let', one clause after the other.
  (syntax-rules ()
    ((_ () body ...)
     ((@ (guile) let) () body ...))
    ((_ (clause) body ...)
     (let (clause) body ...))
    ((_ (clause . clauses) body ...)
     (let (clause) (let* clauses body ...)))))

(define-syntax letrec
  ;; As `let', every expression in the scope of every variable.
  (syntax-rules ()
    ((_ (clause ...) body ...)
     (%letrec () () (clause ...) (body ...)))))

(define-syntax %letrec
  (syntax-rules (values)
    ((_ ((variable initial) ...) (assignment ...) () (body ...))
     ((@ (guile) let) ((variable initial) ...)
      assignment ...
      ((@ (guile) let) () body ...)))
    ((_ bindings assignments (((values . formals) expression) . clauses) body)
     (%letrec-receive bindings assignments () formals expression clauses body))
    ((_ (binding ...) (assignment ...) ((variable expression) . clauses) body)
     (%letrec (binding ... (variable #f))
              (assignment ... (set! variable expression))
              clauses body))
    ((_ bindings assignments ((variable0 variable1 . more) . clauses) body)
     (%letrec-split bindings assignments () (variable0 variable1 . more)
                    clauses body))))

(define-syntax %letrec-split
  (syntax-rules ()
    ((_ bindings assignments formals (expression) clauses body)
     (%letrec-receive bindings assignments () formals expression clauses body))
    ((_ bindings assignments (variable ...) (next . more) clauses body)
     (%letrec-split bindings assignments (variable ... next) more clauses body))))

(define-syntax %letrec-receive
  (syntax-rules ()
    ((_ (binding ...) (assignment ...) ((formal temporary) ...) ()
        expression clauses body)
     (%letrec (binding ... (formal #f) ...)
              (assignment ...
               (call-with-values (lambda () expression)
                 (lambda (temporary ...) (set! formal temporary) ...)))
              clauses body))
    ((_ bindings assignments (pair ...) (formal . formals)
        expression clauses body)
     (%letrec-receive bindings assignments (pair ... (formal temporary)) formals
                      expression clauses body))
    ((_ (binding ...) (assignment ...) ((formal temporary) ...) rest
        expression clauses body)
     (%letrec (binding ... (formal #f) ... (rest #f))
              (assignment ...
               (call-with-values (lambda () expression)
                 (lambda (temporary ... . temporary-rest)
                   (set! formal temporary) ...
                   (set! rest temporary-rest))))
              clauses body))))

(define-syntax-rule (values->list expression)
  ;; The values of EXPRESSION as a list.
  (call-with-values (lambda () expression) list))

(define-syntax-rule (values->vector expression)
  ;; The values of EXPRESSION as a vector.
  (call-with-values (lambda () expression) vector))

(define (uncons pair)
  "Return the car and the cdr of PAIR as two values."
  (values (car pair) (cdr pair)))

(define (unlist list)
  "Return the elements of LIST as values."
  (apply values list))

(define (unvector vector)
  "Return the elements of VECTOR as values."
  (apply values (vector->list vector)))
