;;; The outline of a program: its harnesses, parameters and steps, as far as the
;;; text tells them.
;;;
;;; Nothing is run.  The text is read as data, with those of the modules it imports,
;;; and walked from the body of a harness into the procedures that it calls.  A name
;;; that is computed is worked out where it is made of constants; a step in a loop or
;;; behind a condition is marked so, since nobody knows how often it comes.  What a
;;; macro would make of a text is not seen.

(define-module (fruix harness outline)
  #:use-module (fruix native program)
  #:use-module (fruix parameters)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (ice-9 textual-ports)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (program-outline
            outline-harnesses
            outline-parameters
            outline-complete?
            harness-name
            harness-doc
            harness-keys
            harness-steps
            harness-has-machine?
            step-depth
            step-name
            step-known?
            step-kind
            step-when))

(define-record-type <outline>
  (make-outline harnesses parameters complete?)
  outline?
  (harnesses   outline-harnesses)       ;list of <harness>
  (parameters  outline-parameters)      ;list of parameters
  (complete?   outline-complete?))      ;boolean: there can be no other parameters

(define-record-type <harness>
  (make-harness name doc keys body scope)
  harness?
  (name   harness-name)                 ;string, or the expression for it
  (doc    harness-doc)                  ;string or #f
  (keys   harness-keys)                 ;list of symbols
  (body   harness-body)                 ;list of expressions
  (scope  harness-scope))               ;<scope>

(define-record-type <step>
  (make-step depth name known? kind when)
  step?
  (depth   step-depth)                  ;integer: how many steps are around it
  (name    step-name)                   ;string: the name, or an expression
  (known?  step-known?)                 ;boolean: it is the name
  (kind    step-kind)                   ;symbol: result, effect or resource
  (when    step-when))                  ;#f, or symbol: loop or condition

(define-record-type <scope>
  ;; What the names in the text of one module mean.
  (make-scope definitions imports harness? carried? program?)
  scope?
  (definitions  scope-definitions)      ;hash table: symbol -> <procedure>, <constant>
  (imports      scope-imports set-scope-imports!)      ;list of <scope>
  (harness?     scope-harness? set-scope-harness?!)    ;boolean: it has the word
  (carried?     scope-carried?)                        ;boolean: fruix-scm's own text
  (program?     scope-program?))                       ;boolean: no module it imports

(define-record-type <procedure>
  (make-procedure parameters body scope env)
  procedure-definition?
  (parameters  procedure-parameters)    ;as in a lambda
  (body        procedure-body)          ;list of expressions
  (scope       procedure-scope)         ;<scope>
  (env         procedure-env))          ;as `walk' takes it

(define-record-type <constant>
  (make-constant expression scope)
  constant?
  (expression  constant-expression)
  (scope       constant-scope))

;;; Reading.

(define-record-type <reading>
  ;; What reading a program has found so far.
  (make-reading scopes harnesses parameters complete? seen)
  reading?
  (scopes      reading-scopes set-reading-scopes!)         ;alist: module name -> <scope>
  (harnesses   reading-harnesses set-reading-harnesses!)   ;the last first
  (parameters  reading-parameters set-reading-parameters!) ;the last first
  (complete?   reading-complete? set-reading-complete?!)
  (seen        reading-seen))

(define* (program-outline texts #:key (whole? #t))
  "Return the outline of the program whose files are TEXTS, an association list from
names of files to what is in them.  Without WHOLE?, modules that fruix-scm carries
are not looked into: what it needs to know parameters, and no steps."
  (let ((reading (make-reading '() '() '() #t whole?))
        (scope (make-scope (make-hash-table) '() #f #f #t)))
    (for-each (match-lambda
                ((file . text) (read-into! reading scope file text)))
              texts)
    (make-outline (reverse (reading-harnesses reading))
                  (delete-duplicates
                   (reverse (reading-parameters reading))
                   (lambda (one other)
                     (eq? (parameter-name one) (parameter-name other))))
                  (reading-complete? reading))))

(define (incomplete! reading)
  (set-reading-complete?! reading #f))

(define (read-into! reading scope file text)
  (for-each (lambda (form) (see! reading scope file form))
            (data-of reading text)))

(define (data-of reading text)
  "Return the data in TEXT, as far as it can be read."
  (call-with-input-string text
    (lambda (port)
      (let loop ((data '()))
        (let ((datum (catch #t
                       (lambda () (list (read port)))
                       (lambda _
                         (incomplete! reading)
                         #f))))
          (if (or (not datum) (eof-object? (car datum)))
              (reverse data)
              (loop (cons (car datum) data))))))))

(define (see! reading scope file form)
  "Add what FORM, at the top level of FILE, tells."
  (define (define! name definition)
    (hashq-set! (scope-definitions scope) name definition))
  (match form
    (('define-module _ . clauses)
     (let loop ((clauses clauses))
       (match clauses
         ((#:use-module specification . rest)
          (import! reading scope specification)
          (loop rest))
         ((_ . rest) (loop rest))
         (_ #t))))
    (((or 'use-modules 'import) specifications ...)
     (for-each (lambda (specification) (import! reading scope specification))
               specifications))
    (('begin forms ...)
     (for-each (lambda (form) (see! reading scope file form)) forms))
    ((? (lambda (form)
          (and (scope-carried? scope)
               (pair? form)
               (memq (car form) '(load include)))))
     #f)
    (((or 'load 'include 'primitive-load) (? string? name))
     (match (text-of-file (beside file name))
       (#f (incomplete! reading))
       (text (read-into! reading scope (beside file name) text))))
    (((or 'load 'include 'primitive-load 'load-from-path 'include-from-path) . _)
     (incomplete! reading))
    (('define-parameter (? symbol? name) . rest)
     (let ((parameter (parameter-of-form name rest scope)))
       (set-reading-parameters! reading
                                (cons parameter (reading-parameters reading)))
       (define! name (make-constant `(%parameter ,parameter) scope))))
    (((or 'define-syntax 'define-syntax-rule 'define-macro) . body)
     (when (and (not (scope-carried? scope))
                (mentions? body '(define-parameter harness run-harness)))
       (incomplete! reading)))
    (((or 'define 'define* 'define-public 'define*-public) (name . parameters) . body)
     (when (symbol? name)
       (define! name (make-procedure parameters body scope '())))
     (find-harnesses! reading scope body))
    (((or 'define 'define-public) (? symbol? name)
      ((or 'lambda 'lambda*) parameters . body))
     (define! name (make-procedure parameters body scope '()))
     (find-harnesses! reading scope body))
    (((or 'define 'define-public) (? symbol? name) expression)
     (define! name (make-constant expression scope))
     (find-harnesses! reading scope expression))
    (_ (find-harnesses! reading scope form))))

(define (find-harnesses! reading scope form)
  "Add every harness that is written somewhere in FORM, where that word has its
meaning; those of modules are not run."
  (match form
    ((? (lambda (form)
          (not (and (scope-program? scope) (scope-harness? scope)))))
     #f)
    (('quote . _) #f)
    (('harness name first . rest)
     (set-reading-harnesses! reading
                             (cons (harness-of-form name (cons first rest) scope)
                                   (reading-harnesses reading))))
    ((first . rest)
     (find-harnesses! reading scope first)
     (find-harnesses! reading scope rest))
    (_ #f)))

(define (harness-of-form name rest scope)
  (let loop ((rest rest) (doc #f) (keys '()))
    (match rest
      (((? string? doc) more . rest) (loop (cons more rest) doc keys))
      ((#:record (keys ...) . rest) (loop rest doc keys))
      (((? keyword?) _ . rest) (loop rest doc keys))
      (body (make-harness name doc keys (if (list? body) body '()) scope)))))

(define (parameter-of-form name rest scope)
  "Return the parameter that the form (define-parameter NAME . REST) declares."
  (define-values (doc options)
    (match rest
      (((? string? doc) . options) (values doc options))
      (options (values "" options))))
  (define (option keyword default)
    (match (and (list? options) (memq keyword options))
      ((_ value . _) value)
      (_ default)))
  (define default (option #:default (make-symbol "none")))
  (make-parameter-declaration
   name
   (let ((type (option #:type 'string)))
     (if (type-of-parameter? type) type 'string))
   doc
   (option #:unit #f)
   ;; Of the program it can use what is made of constants, and most use nothing.
   (and (not (and (symbol? default) (not (symbol-interned? default))))
        (lambda ()
          (match (value-of default '() scope)
            ((value) value)
            (_ (eval default (make-fresh-user-module))))))
   (object->string default)
   (option #:evidence? #t)))

(define (import! reading scope specification)
  (match specification
    ((or ((? (lambda (name) (and (list? name) (not (null? name)))) name) . _)
         ((or 'only 'except 'prefix 'rename) name . _)
         name)
     (when (equal? name '(fruix harness))
       (set-scope-harness?! scope #t))
     (cond ((find-scope reading name)
            => (lambda (import)
                 (set-scope-imports! scope (cons import (scope-imports scope)))))))))

(define (find-scope reading name)
  "Return the scope of the module called NAME, or #f when nothing in it matters."
  (define whole? (reading-seen reading))
  (cond ((assoc name (reading-scopes reading)) => cdr)
        ((not (and (list? name) (every symbol? name))) #f)
        (else
         (let* ((file (string-append
                       (string-join (map symbol->string name) "/") ".scm"))
                (own (%search-load-path file))
                (carried (and (not own) (%carried-text file)))
                (text (or (and own (text-of-file own)) carried)))
           (cond
            ((not text)
             ;; Modules of natives, and those of the language, have no such file.
             (unless (memq (car name) '(fruix ice-9 srfi rnrs scheme guile system
                                              sxml web oop texinfo language))
               (incomplete! reading))
             #f)
            ((and carried
                  (not (string-contains text "(define-parameter "))
                  (not (and whole? (memq (car name) '(fruix harness)))))
             #f)
            (else
             (let ((scope (make-scope (make-hash-table) '() #f
                                     (and carried (eq? (car name) 'fruix))
                                     #f)))
               (set-reading-scopes! reading
                                    (acons name scope (reading-scopes reading)))
               (read-into! reading scope (or own file) text)
               scope)))))))

(define (text-of-file file)
  (catch 'system-error
    (lambda () (call-with-input-file file get-string-all))
    (lambda _ #f)))

(define (beside file name)
  (if (absolute-file-name? name)
      name
      (string-append (dirname file) "/" name)))

(define (mentions? form words)
  (match form
    ((? symbol?) (and (memq form words) #t))
    ((first . rest) (or (mentions? first words) (mentions? rest words)))
    (_ #f)))

;;; Walking.

(define (harness-steps harness)
  "Return the steps of HARNESS, in the order of the text that is run."
  (let ((steps '()))
    (walk-harness harness
                  (lambda (step) (set! steps (cons step steps)))
                  (const #f))
    (reverse steps)))

(define (harness-has-machine? harness)
  "Return #t when HARNESS asks for a machine somewhere."
  (let ((machine? #f))
    (walk-harness harness (const #f) (lambda () (set! machine? #t)))
    machine?))

;; The names that matter; whatever does not lead to one of them is passed by.
(define %words '(step call-with-step %run-machine!))

(define (walk-harness harness step! machine!)
  (define matters? (make-finder))
  ;; An environment is an association list from local names to definitions, to
  ;; data in a list, or to #f for what is not known.
  (define (walk-body body env scope depth turns within)
    (let ((env (append (append-map (lambda (form) (local-definition form env scope))
                                   body)
                       env)))
      (for-each (lambda (form)
                  (match form
                    (((or 'define 'define*) (_ . _) . _) #f)
                    (('define name expression)
                     (walk expression env scope depth turns within))
                    (_ (walk form env scope depth turns within))))
                body)))
  (define (walk form env scope depth turns within)
    (define (again form) (walk form env scope depth turns within))
    (define (perhaps form) (walk form env scope depth (or turns 'condition) within))
    (define (often form) (walk form env scope depth 'loop within))
    (define (inline definition arguments)
      (cond ((not (procedure-definition? definition)) #f)
            ((memq definition within) #f)
            ((matters? definition)
             (walk-body (procedure-body definition)
                        (append (bind (procedure-parameters definition) arguments)
                                (procedure-env definition))
                        (procedure-scope definition)
                        depth turns (cons definition within)))))
    (match form
      ('%run-machine! (machine!))
      ((? symbol?) (inline (look-up form env scope) '()))
      (((or 'quote 'quasiquote 'define-syntax 'let-syntax) . _) #f)
      (('step name . rest)
       (call-with-values (lambda () (split-options rest))
         (lambda (options body)
           (emit-step! step! name env scope depth turns
                       (cond ((assq #:proof options) 'effect)
                             ((assq #:attach options) 'resource)
                             (else 'result)))
           (walk-body body env scope (+ depth 1) turns within))))
      (('call-with-step name thunk . options)
       (emit-step! step! name env scope depth turns
                   (cond ((memq #:proof options) 'effect)
                         ((memq #:attach options) 'resource)
                         (else 'result)))
       (walk thunk env scope (+ depth 1) turns within))
      (((or 'lambda 'lambda*) parameters . body)
       (when (list? body)
         (walk-body body (append (bind parameters '()) env) scope depth turns within)))
      (('let (? symbol? name) ((names values) ...) . body)
       (for-each again values)
       (walk-body body (append (map (lambda (name) (cons name #f)) names) env)
                  scope depth 'loop within))
      (((or 'let 'let* 'letrec 'letrec*) ((names values) ...) . body)
       (let loop ((names names) (values values) (env env))
         (match names
           (()
            (walk-body body env scope depth turns within))
           ((name . names)
            (walk (car values) env scope depth turns within)
            (loop names (cdr values)
                  (acons name (value-of (car values) env scope) env))))))
      (('if test . branches)
       (again test)
       (for-each perhaps branches))
      (((or 'when 'unless 'case 'match) test . body)
       (again test)
       (for-each perhaps body))
      (((or 'and 'or) first . rest)
       (again first)
       (for-each perhaps rest))
      (('cond . clauses)
       (for-each (lambda (clause) (walk-list clause perhaps)) clauses))
      (('for-each ('lambda ((? symbol? names) ...) . body) lists ...)
       (match (map (lambda (list) (value-of list env scope)) lists)
         ((((? list? lists)) ...)
          ;; Lists that are written down have so many turns.
          (apply for-each
                 (lambda elements
                   (walk-body body
                              (append (map (lambda (name element)
                                             (cons name (list element)))
                                           names elements)
                                      env)
                              scope depth turns within))
                 lists))
         (_
          (walk-body body (append (bind names '()) env) scope depth 'loop within))))
      (((or 'for-each 'map 'filter-map 'append-map 'do 'while) . rest)
       (walk-list rest often))
      (('catch key thunk . handlers)
       (again thunk)
       (walk-list handlers perhaps))
      (((? symbol? name) . arguments)
       (when (eq? name '%run-machine!) (machine!))
       (walk-list arguments again)
       (inline (look-up name env scope)
               (if (list? arguments)
                   (map (lambda (argument)
                          (if (keyword? argument)
                              argument
                              (value-of argument env scope)))
                        arguments)
                   '())))
      ((first . rest)
       (again first)
       (walk-list rest again))
      (_ #f)))
  (walk-body (harness-body harness) '() (harness-scope harness) 0 #f '()))

(define (walk-list forms proc)
  "Call PROC with each of FORMS, which may end in something else than a list."
  (match forms
    ((form . rest)
     (proc form)
     (walk-list rest proc))
    (_ #f)))

(define (split-options rest)
  "Return the options before the body of a step and the body."
  (let loop ((rest rest) (options '()))
    (match rest
      (((? keyword? keyword) value . rest)
       (loop rest (acons keyword value options)))
      (body (values options (if (list? body) body '()))))))

(define (emit-step! step! name env scope depth turns kind)
  (match (value-of name env scope)
    (((? string? name)) (step! (make-step depth name #t kind turns)))
    (_ (step! (make-step depth (object->string name) #f kind turns)))))

(define (local-definition form env scope)
  "Return what FORM defines for the body it stands in."
  (match form
    (((or 'define 'define*) ((? symbol? name) . parameters) . body)
     (list (cons name (make-procedure parameters body scope env))))
    (('define (? symbol? name) expression)
     (list (cons name (value-of expression env scope))))
    (_ '())))

(define (look-up name env scope)
  "Return the definition that NAME has, a list of its value, or #f."
  (cond ((assq name env) => cdr)
        ((hashq-ref (scope-definitions scope) name))
        (else
         (any (lambda (import) (hashq-ref (scope-definitions import) name))
              (scope-imports scope)))))

(define (bind parameters arguments)
  "Return the environment of a procedure with PARAMETERS, as in a lambda*, that is
called with ARGUMENTS, what `value-of' gives."
  (define (given keyword)
    (match (memq keyword arguments)
      ((_ value . _) value)
      (_ #f)))
  (let loop ((parameters parameters) (arguments arguments) (keys? #f) (env '()))
    (match parameters
      ((#:key . rest) (loop rest arguments #t env))
      (((? keyword?) . rest) (loop rest arguments keys? env))
      (((or (? symbol? name) ((? symbol? name) . _)) . rest)
       (cond (keys?
              (loop rest arguments #t
                    (acons name (given (symbol->keyword name)) env)))
             ((or (null? arguments) (keyword? (car arguments)))
              (loop rest arguments #f (acons name #f env)))
             (else
              (loop rest (cdr arguments) #f (acons name (car arguments) env)))))
      ((? symbol? name) (acons name #f env))
      (_ env))))

(define (value-of form env scope)
  "Return a list of the value of FORM, a procedure's definition, or #f when it is
not known without running something."
  (define (all forms)
    (let ((values (map (lambda (form) (value-of form env scope)) forms)))
      (and (every pair? values) (map car values))))
  (match form
    ((or (? string?) (? number?) (? boolean?) (? char?)) (list form))
    ((? symbol?)
     (match (look-up form env scope)
       ((? constant? constant)
        (value-of (constant-expression constant) '() (constant-scope constant)))
       (other other)))
    (('quote datum) (list datum))
    (('lambda parameters . body) (make-procedure parameters body scope env))
    (('%parameter parameter)
     (catch #t
       (lambda ()
         (call-with-values (lambda () (parameter-lookup parameter))
           (lambda (value origin) (list value))))
       (lambda _ #f)))
    (((and name (or 'string-append 'list 'format 'number->string 'symbol->string 'basename
                    'path))
      . arguments)
     (and (list? arguments)
          (not (look-up name env scope))
          (match (all arguments)
            (#f #f)
            (values
             (catch #t
               (lambda ()
                 (list (apply (case name
                                ((string-append) string-append)
                                ((list) list)
                                ((format) format)
                                ((number->string) number->string)
                                ((symbol->string) symbol->string)
                                ((basename) basename)
                                (else (lambda parts (string-join parts "/"))))
                              values)))
               (lambda _ #f))))))
    (_ #f)))

(define (make-finder)
  "Return a procedure that tells of a procedure's definition whether it leads to one
of the words that matter."
  (define known (make-hash-table))
  (lambda (definition)
    ;; Whoever is met on a way that leads nowhere leads nowhere.
    (define met '())
    (define (leads? definition)
      (match (hashq-get-handle known definition)
        ((_ . answer) answer)
        (#f
         (cond ((memq definition met) #f)
               (else
                (set! met (cons definition met))
                (and (form-leads? (procedure-body definition) definition)
                     (begin (hashq-set! known definition #t) #t)))))))
    (define (form-leads? form definition)
      (match form
        ((? symbol?)
         (or (and (memq form %words) #t)
             (let ((found (look-up form (procedure-env definition)
                                   (procedure-scope definition))))
               (and (procedure-definition? found) (leads? found)))))
        (('quote . _) #f)
        ((first . rest)
         (or (form-leads? first definition) (form-leads? rest definition)))
        (_ #f)))
    (let ((answer (leads? definition)))
      (unless answer
        (for-each (lambda (other) (hashq-set! known other #f)) met))
      answer)))
