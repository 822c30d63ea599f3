;;; GOOPS: the words for defining.

(define (visible name)
  (let ((variable (module-variable (current-module) name)))
    (and variable (variable-bound? variable) (variable-ref variable))))

;; The generic function called NAME in the current module, made where there is none.
(define (own-generic! name ensure)
  (let* ((old (visible name))
         (generic (cond ((eq? old (@ (guile) write)) %write)
                        ((eq? old (@ (guile) display)) %display)
                        (else (ensure old name)))))
    (unless (eq? old generic)
      (module-define! (current-module) name generic))
    generic))

;; The same, without the methods that it may have had.
(define (fresh-generic! name ensure make)
  (let ((old (visible name)))
    (if (and old (generic? old))
        (module-define! (current-module) name (make name))
        (own-generic! name ensure))))

(define-syntax define-generic
  (lambda (form)
    (syntax-case form ()
      ((_ name) #'(fresh-generic! 'name ensure-generic make-generic)))))

(define-syntax define-accessor
  (lambda (form)
    (syntax-case form ()
      ((_ name) #'(fresh-generic! 'name ensure-accessor make-accessor)))))

(define-syntax-rule (define-extended-generic name procedures)
  (define name (make-extended-generic procedures 'name)))

(define-syntax define-extended-generics
  (lambda (form)
    (syntax-case form ()
      ((_ (name ...) #:prefix prefix)
       (with-syntax (((old ...)
                      (map (lambda (name)
                             (datum->syntax name
                                            (symbol-append (syntax->datum #'prefix)
                                                           (syntax->datum name))))
                           #'(name ...))))
         #'(begin (define name (make-extended-generic old 'name)) ...))))))

;; Whether `next-method' occurs in DATUM; a macro may put the word together.
(define (mentions-next? datum)
  (cond ((symbol? datum) (eq? datum 'next-method))
        ((pair? datum) (or (mentions-next? (car datum)) (mentions-next? (cdr datum))))
        ((vector? datum) (mentions-next? (vector->list datum)))
        (else #f)))

;; (method-of context (argument …) body …): `next-method' means what it says in CONTEXT.
(define-syntax method-of
  (lambda (form)
    (syntax-case form ()
      ((_ context arguments body ...)
       (let loop ((rest #'arguments) (names '()) (classes '()))
         (syntax-case rest ()
           (((name class) . more)
            (loop #'more (cons #'name names) (cons #'class classes)))
           ((name . more)
            (loop #'more (cons #'name names) (cons #'<top> classes)))
           (tail
            (with-syntax ((next-method (datum->syntax #'context 'next-method))
                          ((name ...) (reverse names))
                          ((class ...) (reverse classes))
                          (rest? (if (null? (syntax->datum #'tail)) #'#f #'#t))
                          (next? (if (mentions-next? (syntax->datum #'(body ...))) #'#t #'#f))
                          ((body ...) (if (null? #'(body ...)) #'(*unspecified*) #'(body ...))))
              #'(%make-method (list class ...) rest? next?
                              (lambda (next-method name ... . tail) body ...)
                              #f)))))))))

(define-syntax method
  (lambda (form)
    (syntax-case form ()
      ((context arguments body ...)
       #'(method-of context arguments body ...)))))

(define (make-method specializers procedure)
  "Return a method for arguments of the classes SPECIALIZERS, which PROCEDURE takes."
  (let loop ((rest specializers) (classes '()))
    (if (pair? rest)
        (loop (cdr rest) (cons (car rest) classes))
        (%make-method (reverse classes) (not (null? rest)) #f
                      (lambda (next-method . arguments) (apply procedure arguments))
                      #f))))

(define-syntax define-method
  (lambda (form)
    (syntax-case form (setter)
      ((context ((setter name) . arguments) body ...)
       #'(add-method! (setter (own-generic! 'name ensure-accessor))
                      (method-of context arguments body ...)))
      ((context (name . arguments) body ...)
       (identifier? #'name)
       #'(add-method! (own-generic! 'name ensure-generic)
                      (method-of context arguments body ...)))
      ((context (expression . arguments) body ...)
       #'(add-method! expression (method-of context arguments body ...))))))

;; A slot's definition as an expression: forms are kept, and also delayed.
(define-syntax slot-expression
  (lambda (form)
    (define (options list)
      (syntax-case list ()
        (() '())
        ((key value . more)
         (case (syntax->datum #'key)
           ((#:init-form)
            (cons* #'#:init-form #''value #'#:init-thunk #'(lambda () value)
                   (options #'more)))
           (else (cons* #'key #'value (options #'more)))))))
    (syntax-case form ()
      ((_ (name option ...))
       #`(list 'name #,@(options #'(option ...))))
      ((_ name) #''name))))

(define-syntax class
  (lambda (form)
    (syntax-case form ()
      ((_ supers item ...)
       (let loop ((items #'(item ...)) (slots '()))
         (syntax-case items ()
           ((key . options)
            (keyword? (syntax->datum #'key))
            #`(make-class (list . supers)
                          (list #,@(map (lambda (slot) #`(slot-expression #,slot))
                                        (reverse slots)))
                          key . options))
           ((slot . more) (loop #'more (cons #'slot slots)))
           (()
            #`(make-class (list . supers)
                          (list #,@(map (lambda (slot) #`(slot-expression #,slot))
                                        (reverse slots)))))))))))

(define-syntax define-class
  (lambda (form)
    ;; Names of accessors stand for generic functions of the module.
    (define (with-generics item)
      (syntax-case item ()
        ((slot option ...)
         #`(slot #,@(let loop ((options #'(option ...)))
                      (syntax-case options ()
                        ((key name . more)
                         (and (memq (syntax->datum #'key) '(#:getter #:setter #:accessor))
                              (identifier? #'name))
                         (cons* #'key
                                (if (eq? (syntax->datum #'key) #:accessor)
                                    #'(own-generic! 'name ensure-accessor)
                                    #'(own-generic! 'name ensure-generic))
                                (loop #'more)))
                        ((key value . more) (cons* #'key #'value (loop #'more)))
                        (rest #'rest)))))
        (name #'name)))
    (syntax-case form ()
      ((_ name supers item ...)
       #`(define name
           (named-class (class supers
                          #,@(let loop ((items #'(item ...)))
                               (syntax-case items ()
                                 ((key . more) (keyword? (syntax->datum #'key)) items)
                                 ((slot . more) (cons (with-generics #'slot) (loop #'more)))
                                 (() '()))))
                        'name))))))

(define (named-class class name)
  (when (eq? (%class-name class) 'unnamed)
    (set-class-name! class name))
  class)

(define (getter-method class slot)
  (%make-method (list class) #f #f (lambda (next-method object) (slot-ref object slot)) #f))

(define (setter-method class slot)
  (%make-method (list class <top>) #f #f
                (lambda (next-method object value) (slot-set! object slot value)) #f))
