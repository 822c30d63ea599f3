;;; Modules and evaluation at run time.

(define (set-current-module module)
  "Make MODULE the current one; return the module that was."
  (%set-current-module! module))

(define (%call-in-module module thunk)
  (let ((outside (current-module))
        (inside module))
    (dynamic-wind
      (lambda ()
        (set! outside (current-module))
        (%set-current-module! inside))
      thunk
      (lambda ()
        (set! inside (current-module))
        (%set-current-module! outside)))))

(define (save-module-excursion thunk)
  "Call THUNK and make the current module current again afterwards."
  (%call-in-module (current-module) thunk))

(define (eval expression module)
  "Evaluate EXPRESSION in MODULE."
  (%call-in-module module
                   (lambda ()
                     (%load (%load-of-form expression #f)))))

(define (primitive-eval expression)
  "Evaluate EXPRESSION in the current module."
  (%load (%load-of-form expression #f)))

(define %load-verbosely #f)

(define (assert-load-verbosity verbosely?)
  "Say from now on, or not, which files are loaded."
  (set! %load-verbosely verbosely?))

(define (%load-announce file)
  "Say that FILE is loaded, when that is asked for."
  (when %load-verbosely
    (let ((port (current-warning-port)))
      (format port ";;; loading ~a\n" file)
      (force-output port))))

;; What is called with the name of a file before `primitive-load' evaluates it, or #f.
(define %load-hook %load-announce)

(define (%begin-load file)
  (when %load-hook
    (unless (procedure? %load-hook)
      (scm-error 'misc-error "primitive-load"
                 "value of %load-hook is neither a procedure nor #f" '() #f))
    (%load-hook file)))

(define (primitive-load file)
  "Evaluate every form in FILE, in the current module."
  (%begin-load file)
  (save-module-excursion
   (lambda ()
     (%load (%load-of-text file (%text-of-file file))))))

(define* (%load-file file #:optional (reader #f))
  "Evaluate every form in FILE, as READER reads them."
  (if reader
      (%load-with-reader file reader)
      (primitive-load file)))

(define* (%load-relative directory file #:optional (reader #f))
  (%load-file (if (or (string=? directory "") (absolute-file-name? file))
                  file
                  (string-append directory "/" file))
              reader))

(define (%load-with-reader file reader)
  (%begin-load file)
  (save-module-excursion
   (lambda ()
     (call-with-input-file file
       (lambda (port)
         (let loop ((result (if #f #f)))
           (let ((form (reader port)))
             (if (eof-object? form)
                 result
                 (loop (primitive-eval form))))))))))

(define (install-r7rs!)
  "Let the reader do as R7RS says."
  (read-enable 'r6rs-hex-escapes)
  (read-enable 'hungry-eol-escapes)
  (read-enable 'r7rs-symbols)
  (set! %load-extensions (append '(".guile.sld" ".sld") %load-extensions)))

(define (install-r6rs!)
  "Let the reader do as R6RS says."
  (read-enable 'r6rs-hex-escapes)
  (read-enable 'hungry-eol-escapes)
  (set! %load-extensions (append '(".guile.sls" ".sls") %load-extensions)))

(define* (primitive-load-path file #:optional (otherwise #t))
  "Evaluate FILE, looked for in the directories of %load-path.  Where there is
no such file, return #f when OTHERWISE is that, or what OTHERWISE returns when
it is a procedure; with neither, throw 'misc-error."
  (let ((found (%find-in-load-path file)))
    (cond (found (primitive-load found))
          ((not otherwise) #f)
          ((procedure? otherwise) (otherwise))
          (else (scm-error 'misc-error "primitive-load-path"
                           "Unable to find file ~S in load path" (list file) #f)))))

(define (load-from-path file)
  "Evaluate FILE, looked for in the directories of %load-path."
  (primitive-load-path file))

(define %load-path (%initial-load-path))

(define %load-extensions '(".scm" ""))

;; Whether the exports of a program's modules never change; it is not relied upon here.
(define user-modules-declarative? (make-parameter #t))

(define (%search-load-path file)
  "Return the path of FILE in the directories of %load-path, or #f."
  (%find-in-load-path file))

(define-syntax-rule (add-to-load-path directory)
  (set! %load-path (cons directory %load-path)))

(define (program-arguments)
  "Return the program's name and its arguments."
  (command-line))

(define (set-program-arguments arguments)
  "Make ARGUMENTS what (command-line) returns."
  (%set-command-line! arguments))

(define (%load-module name)
  ;; A file that fails in the middle leaves its own module current.
  (save-module-excursion
   (lambda ()
     (%load (%load-of-module name)))))

(define* (resolve-module name #:optional (autoload #t) version #:key (ensure #t))
  "Return the module called NAME, loading it when AUTOLOAD.  Without one, return
an empty module when ENSURE, or else #f."
  (let ((known (%module-named name)))
    (cond ((and known (or (not autoload) (module-public-interface known)))
           known)
          ((and autoload (%module-exists? name))
           (%load-module name)
           (%module-named name))
          (else
           (or known (and ensure (%make-module name)))))))

(define* (resolve-interface name #:key (select #f) (hide '()) (prefix #f)
                            (renamer #f) (version #f))
  "Return the public interface of the module called NAME, or an interface with
what the options leave of it."
  (let* ((known (%module-named name))
         (module (if (and known (module-public-interface known))
                     known
                     (begin
                       (%load-module name)
                       (%module-named name))))
         (interface (module-public-interface module)))
    (if (and version (not (version-matches? version (module-version module))))
        (scm-error 'misc-error #f "incompatible module version already loaded: ~S"
                   (list name) #f))
    (if (or select (pair? hide) prefix renamer)
        (%custom-interface interface select hide
                           (or renamer
                               (if prefix (symbol-prefix-proc prefix) #f)))
        interface)))

(define (%custom-interface interface select hide renamer)
  (let ((custom (%make-interface (module-name interface))))
    (for-each
     (lambda (entry)
       (let* ((there (if (pair? entry) (car entry) entry))
              (here (if (pair? entry) (cdr entry) entry))
              (variable (module-variable interface there)))
         (if (not variable)
             (scm-error 'unbound-variable "resolve-interface"
                        "no binding `~A' in module ~A"
                        (list there (module-name interface)) #f))
         (if (not (memq there hide))
             (%module-add! custom (if renamer (renamer here) here) variable))))
     (or select (%module-exports interface)))
    custom))

(define (module-version module)
  "Return the version of MODULE, a list of integers, or #f."
  (let ((version (%module-version module)))
    (and (pair? version) version)))

(define (set-module-version! module version)
  "Make VERSION the version of MODULE."
  (%set-module-version! module (or version '())))

(define (set-module-name! module name)
  "Let MODULE be called NAME."
  (%set-module-name! module (if (symbol? name) (list name) name)))

(define (set-module-public-interface! module interface)
  "Let others import MODULE; it keeps the public interface that it was made with."
  (%publish-module! module))

(define (version-matches? wanted target)
  "Tell whether version TARGET begins as version reference WANTED says."
  (define (part-matches? wanted part)
    (if (pair? wanted)
        (case (car wanted)
          ((>=) (>= part (cadr wanted)))
          ((<=) (<= part (cadr wanted)))
          ((and) (and-map (lambda (w) (part-matches? w part)) (cdr wanted)))
          ((or) (or-map (lambda (w) (part-matches? w part)) (cdr wanted)))
          ((not) (not (part-matches? (cadr wanted) part)))
          (else #f))
        (eqv? wanted part)))
  (cond
   ((null? wanted) #t)
   ((not (pair? target)) #f)
   ((eq? (car wanted) 'and)
    (and-map (lambda (w) (version-matches? w target)) (cdr wanted)))
   ((eq? (car wanted) 'or)
    (or-map (lambda (w) (version-matches? w target)) (cdr wanted)))
   ((eq? (car wanted) 'not)
    (not (version-matches? (cadr wanted) target)))
   (else
    (let loop ((wanted wanted) (target target))
      (or (null? wanted)
          (and (pair? target)
               (part-matches? (car wanted) (car target))
               (loop (cdr wanted) (cdr target))))))))

(define* (module-ref module name #:optional (default %no-default))
  "Return the value of NAME in MODULE, or DEFAULT when it has none."
  (let ((variable (module-variable module name)))
    (if (and variable (variable-bound? variable))
        (variable-ref variable)
        (if (eq? default %no-default)
            (scm-error 'misc-error #f "No variable named ~S ~S ~S"
                       (list name 'in module) #f)
            default))))

(define %no-default (list 'no-default))

(define (module-define! module name value)
  "Define NAME in MODULE as VALUE."
  (if (macro? value)
      (%bind-macro! module name value)
      (let ((variable (or (%module-own-binding module name)
                          (%binder-variable module name #t)
                          (let ((variable (%make-variable name)))
                            (%module-add! module name variable)
                            variable))))
        (if (macro? (%variable-state variable))
            (let ((variable (%make-variable name)))
              (%module-add! module name variable)
              (variable-set! variable value))
            (variable-set! variable value))))
  (%module-modified module))

(define (module-set! module name value)
  "Make VALUE the value of NAME, which MODULE can see."
  (let ((variable (module-variable module name)))
    (if variable
        (variable-set! variable value)
        (scm-error 'misc-error #f "No variable named ~S ~S ~S"
                   (list name 'in module) #f))))

(define (module-add! module name variable)
  "Let NAME in MODULE be VARIABLE."
  (if (not (variable? variable))
      (scm-error 'misc-error #f "Bad variable to module-add! ~S ~S"
                 (list variable) #f))
  (%module-add! module name variable)
  (%module-modified module))

(define (module-defined? module name)
  "Tell whether NAME has a value in MODULE."
  (let ((variable (module-variable module name)))
    (and variable (variable-bound? variable))))

(define (module-bound? module name)
  "Tell whether NAME has a value in MODULE."
  (module-defined? module name))

(define (module-locally-bound? module name)
  "Tell whether MODULE itself defines NAME."
  (let ((variable (module-local-variable module name)))
    (and variable (variable-bound? variable))))

(define (module-symbol-binding module name . default)
  "Return the value of NAME in MODULE, or DEFAULT."
  (apply module-ref module name default))

(define (module-symbol-local-binding module name . default)
  "Return the value that MODULE itself gives NAME, or DEFAULT."
  (if (or (module-locally-bound? module name) (null? default))
      (module-ref module name)
      (car default)))

(define (module-symbol-locally-interned? module name)
  "Tell whether MODULE itself has a variable for NAME."
  (if (%module-own-binding module name) #t #f))

(define (module-symbol-interned? module name)
  "Tell whether MODULE sees a variable for NAME."
  (if (module-variable module name) #t #f))

(define (module-make-local-var! module name)
  "Return the variable that MODULE itself has for NAME, made when it is not there."
  (or (module-local-variable module name)
      (let ((variable (%make-variable name)))
        (%module-add! module name variable)
        (%module-modified module)
        variable)))

(define (module-ensure-local-variable! module name)
  "Return the variable that MODULE itself has for NAME, made when it is not there."
  (module-make-local-var! module name))

(define* (defined? name #:optional (module (current-module)))
  "Tell whether NAME has a meaning in MODULE, the current one by default."
  (module-defined? module name))

(define (module-use! module interface)
  "Let MODULE see what INTERFACE exports."
  (%module-use! module interface)
  (%module-modified module))

(define (module-use-interfaces! module interfaces)
  "Let MODULE see what each of INTERFACES exports."
  (for-each (lambda (interface) (%module-use! module interface)) interfaces)
  (%module-modified module))

(define (module-autoload! module name names . more)
  "Let NAMES in MODULE mean what the module called NAME exports, which is loaded
when one of them is used."
  (let loop ((name name) (names names) (more more))
    (eval (list 'define-module (module-name module) #:autoload name names)
          (resolve-module '(guile)))
    (if (pair? more)
        (loop (car more) (cadr more) (cddr more)))))

(define* (module-re-export! module names #:key (replace? #f))
  "Let MODULE export NAMES, which it imports from others: each a symbol, or a pair of
the name here and the name that others see.  With REPLACE?, they replace others'."
  (let ((interface (module-public-interface module)))
    (for-each
     (lambda (name)
       (let* ((here (if (pair? name) (car name) name))
              (variable (module-variable module here)))
         (cond ((not variable)
                (scm-error 'misc-error #f "Undefined variable: ~S" (list here) #f))
               ((eq? variable (module-local-variable module here))
                (scm-error 'misc-error #f "re-exporting local variable: ~S" (list here) #f))
               (else
                (%module-add! interface (if (pair? name) (cdr name) name) variable)))))
     names)
    (if replace?
        (%module-replace! module (map (lambda (name) (if (pair? name) (cdr name) name))
                                      names)))))

(define (module-replace! module names)
  "Let MODULE export NAMES, which replace others' without complaint."
  (module-export! module names)
  (%module-replace! module (map (lambda (name) (if (pair? name) (cdr name) name)) names)))

(define (module-export-all! module)
  "Let MODULE export every name that it defines."
  (module-export! module (%module-names module)))

(define (call-with-deferred-observers thunk)
  "Call THUNK; what modules tell their observers meanwhile may come at once."
  (thunk))

(define (call-with-module-autoload-lock thunk)
  "Call THUNK while no other thread loads modules: threads take turns here."
  (thunk))

(define* (module-gensym #:optional (name " mg") (module (current-module)))
  "Return a symbol that begins with NAME and that nobody used before."
  (gensym (if (symbol? name) (symbol->string name) name)))

(define (%no-export name)
  (scm-error 'unbound-variable "module-lookup" "Unbound variable: ~S" (list name) #f))

(define (module-uses module)
  "Return the interfaces that MODULE imports."
  (%module-uses module))

(define (module-remove! module name)
  "Remove NAME from MODULE."
  (%module-remove! module name)
  (%module-modified module))

(define (module-import-interface module name)
  "Return the interface through which MODULE sees NAME, or #f."
  (%module-import-of module name))

(define (module-reverse-lookup module variable)
  "Return the name that VARIABLE has in MODULE, or #f."
  (if (not (variable? variable))
      (scm-error 'wrong-type-arg "module-reverse-lookup"
                 "Wrong type argument in position ~A: ~S"
                 (list 2 variable) (list variable)))
  (let ((name (%variable-name variable)))
    (if (or (not module) (eq? (module-variable module name) variable))
        name
        (let loop ((names (append (%module-names module)
                                  (append-map %module-exports (%module-uses module)))))
          (cond ((null? names) #f)
                ((eq? (module-variable module (car names)) variable) (car names))
                (else (loop (cdr names))))))))

(define the-scm-module (resolve-module '(guile)))

(define the-root-module (resolve-module '(guile)))

(define (make-fresh-user-module)
  "Return an empty module that sees module (guile)."
  (let ((module (%make-module (list (gensym)))))
    (%publish-module! module)
    module))

(define* (make-module #:optional size (uses '()) binder)
  "Return an empty module."
  (let ((module (%make-empty-module (list (gensym)))))
    (module-use-interfaces! module uses)
    (if binder
        (set-module-binder! module binder))
    module))

(define (module-kind? module kind)
  (eq? (module-kind module) kind))

;;; Observers and binders, by module.

(define %module-observers (make-weak-key-hash-table))

(define (module-observe module procedure)
  "Call PROCEDURE with MODULE whenever that changes; return what module-unobserve takes."
  (hashq-set! %module-observers module
              (cons procedure (hashq-ref %module-observers module '())))
  (cons module procedure))

(define* (module-observe-weak module id #:optional (procedure id))
  "Call PROCEDURE with MODULE whenever that changes, as long as ID is there."
  (module-observe module procedure))

(define (module-unobserve token)
  "Undo module-observe."
  (hashq-set! %module-observers (car token)
              (delq (cdr token) (hashq-ref %module-observers (car token) '()))))

(define (module-call-observers module)
  "Call the observers of MODULE."
  (for-each (lambda (procedure) (procedure module))
            (hashq-ref %module-observers module '())))

(define (module-modified module)
  "Say that MODULE has changed."
  (module-call-observers module))

(define (%module-modified module)
  (if (pair? (hashq-ref %module-observers module '()))
      (module-call-observers module)))

(define %module-binders (make-weak-key-hash-table))

(define (set-module-binder! module binder)
  "Let BINDER find what MODULE has no variable for."
  (hashq-set! %module-binders module binder))

(define (module-binder module)
  "Return the binder of MODULE, or #f."
  (hashq-ref %module-binders module #f))

(define (%binder-variable module name define?)
  (let ((binder (hashq-ref %module-binders module #f)))
    (and binder (binder module name define?))))

(define %module-duplicates-handlers (make-weak-key-hash-table))

(define (module-duplicates-handlers module)
  "Return the procedures that choose between imports of one name in MODULE."
  (hashq-ref %module-duplicates-handlers module #f))

(define (set-module-duplicates-handlers! module handlers)
  "Let HANDLERS choose between imports of one name in MODULE."
  (hashq-set! %module-duplicates-handlers module handlers))

(define (%variable-of-duplicates module name)
  (let ((handlers (hashq-ref %module-duplicates-handlers module #f)))
    (and handlers
         (not (%module-own-binding module name))
         (let ((having (filter (lambda (interface) (module-variable interface name))
                               (%module-uses module))))
           (and (pair? having)
                (pair? (cdr having))
                (let* ((first (car having))
                       (second (cadr having))
                       (one (module-variable first name))
                       (two (module-variable second name)))
                  (let loop ((handlers handlers))
                    (and (pair? handlers)
                         (or ((car handlers) module name
                              first (variable-ref one) second (variable-ref two)
                              #f #f)
                             (loop (cdr handlers)))))))))))

(define (interaction-environment)
  "Return the current module."
  (current-module))

(define (scheme-report-environment version)
  "Return module (guile)."
  (resolve-module '(guile)))

(define (null-environment version)
  "Return module (guile)."
  (resolve-module '(guile)))

;;; Variables.  The machine's variable is reached through a pair of procedures,
;;; compiled when a program first asks for its value in this way.

(define (module-variable module name)
  "Return the variable that NAME is in MODULE, or #f."
  (or (%variable-of-duplicates module name)
      (%known-variable (%module-binding module name))
      (let ((wanted (%module-autoload module name)))
        (and wanted
             (begin
               (resolve-module wanted)
               (%known-variable (%module-binding module name)))))
      (%binder-variable module name #f)))

(define (module-local-variable module name)
  "Return the variable that MODULE itself defines as NAME, or #f."
  (%known-variable (%module-own-binding module name)))

;; What was only referred to has a variable, but not one for programs to see.
(define (%known-variable variable)
  (and variable
       (or (not (eq? (%variable-state variable) 'perhaps))
           (variable-bound? variable))
       variable))

(define (make-variable value)
  "Return a variable that belongs to no module."
  (let ((variable (%make-variable 'variable)))
    (variable-set! variable value)
    variable))

(define (make-undefined-variable)
  "Return a variable without a value."
  (%make-variable 'variable))

;; EXPRESSION, which may say what (guile) does not show.
(define (%load-in-language expression)
  (%load (%load-of-form expression (%module-named '(guile internal)))))

(define (%accessors variable)
  (or (%variable-access variable)
      (let ((access
             (cons (%load-in-language (list 'lambda '() (list '%the-variable variable)))
                   (%load-in-language (list 'lambda '(value)
                                            (list '%define-variable variable 'value))))))
        (%set-variable-access! variable access)
        access)))

(define (variable-ref variable)
  "Return the value of VARIABLE."
  (let ((state (%variable-state variable)))
    (cond
     ((macro? state) state)
     ((eq? state 'value) ((car (%accessors variable))))
     ((variable-bound? variable) ((car (%accessors variable))))
     (else
      (scm-error 'misc-error "variable-ref" "variable is unbound: ~S"
                 (list variable) #f)))))

(define (variable-set! variable value)
  "Make VALUE the value of VARIABLE."
  (if (not (variable? variable))
      (scm-error 'wrong-type-arg "variable-set!"
                 "Wrong type argument in position ~A: ~S"
                 (list 1 variable) (list variable)))
  ((cdr (%accessors variable)) value)
  (%variable-is-set! variable)
  (if #f #f))

(define (variable-unset! variable)
  "Take its value from VARIABLE."
  (variable-set! variable (%unbound 0))
  (%variable-forget! variable))

(define (variable-bound? variable)
  "Tell whether VARIABLE has a value."
  (let ((state (%variable-state variable)))
    (or (macro? state)
        (eq? state 'value)
        (and (eq? state 'perhaps)
             (let ((access (%accessors variable)))
               (%catch-object 'unbound-variable
                              (lambda () ((car access)) #t)
                              (lambda (object) #f)))))))

(define (make-syntax-transformer name type transformer)
  "Return a keyword called NAME for TRANSFORMER."
  (%make-macro name transformer))

(define (macro-binding macro)
  "Return the transformer of MACRO."
  (macro-transformer macro))

(define (module-obarray module)
  "Return a hash table with what MODULE defines, by name."
  (let ((table (make-hash-table)))
    (for-each (lambda (name) (hashq-set! table name (module-variable module name)))
              (%module-names module))
    table))

;; What `provided?' knows; the features of cond-expand are others.
(define *features*
  '(record defmacro values array-for-each array sort socket net-db ITIMER_VIRTUAL
    ITIMER_PROF regex popen fork EIDs posix inexact complex random i/o-extensions i18n
    current-time delay threads char-ready? system))

(define (provided? feature)
  "Tell whether FEATURE is there."
  (and (memq feature *features*) #t))

(define (provide feature)
  "Let `provided?' know FEATURE."
  (if (not (memq feature *features*))
      (set! *features* (cons feature *features*))))

(define (features)
  "Return the features that cond-expand knows."
  (%features))

;;; What modules hold, and evaluation of text.

(define (module-map procedure module)
  "Return the list of what PROCEDURE gives for each name in MODULE and its variable."
  (map (lambda (name) (procedure name (module-variable module name)))
       (%module-names module)))

(define (module-for-each procedure module)
  "Call PROCEDURE with each name in MODULE and its variable."
  (for-each (lambda (name) (procedure name (module-variable module name)))
            (%module-names module)))

(define (beautify-user-module! module)
  "Let MODULE see module (guile), and others import it."
  (%publish-module! module)
  (module-use! module the-scm-module))

(define (cond-expand-provide module features)
  "Let `cond-expand' know FEATURES, a list of symbols, in modules that import MODULE."
  (%provide-features module features))

(define* (eval-string string #:optional (module (current-module)))
  "Evaluate every expression in STRING and return what the last one gives."
  (let ((port (open-input-string string)))
    (let loop ((expression (read port)) (result (if #f #f)))
      (if (eof-object? expression)
          result
          (let ((result (%all (eval expression module))))
            (loop (read port) result))))))

(define (symbol-prefix-proc prefix)
  "Return a procedure that puts PREFIX before a symbol."
  (lambda (symbol)
    (symbol-append prefix symbol)))

(define* (parse-path path #:optional (tail '()))
  "Return the directories in PATH, separated by colons, and then TAIL."
  (if path
      (append (string-split path #\:) tail)
      tail))

(define (%extensions-for file extensions)
  (let ((dot (string-rindex (basename file) #\.)))
    (if (or (null? extensions)
            (and dot (member (string-drop (basename file) dot) extensions)))
        '("")
        extensions)))

(define* (search-path directories file #:optional (extensions '("")) require-extension?)
  "Return the first file called FILE, with one of EXTENSIONS, in DIRECTORIES, or #f."
  (let next-directory ((directories directories))
    (and (pair? directories)
         (let next-extension ((left (%extensions-for file extensions)))
           (if (null? left)
               (next-directory (cdr directories))
               (let ((path (string-append (car directories) "/" file (car left))))
                 (if (and (file-exists? path)
                          (not (file-is-directory? path)))
                     path
                     (next-extension (cdr left)))))))))

(define *unspecified* (if #f #f))

(define-syntax current-filename
  (lambda (form)
    "Return the name of the file in which this stands, or #f."
    (syntax-case form ()
      ((_) (datum->syntax form (assq-ref (or (syntax-source form) '()) 'filename))))))

;;; Environments: a scope, and procedures that reach the variables in it.

(define %environment-type
  (%make-record-type 'lexical-environment '(scope accessors) '(#f #f) #f #f))

(define (%make-environment scope accessors)
  (%record %environment-type scope accessors))

(define (%local-eval expression environment)
  (cond
   ((module? environment)
    (eval expression environment))
   ((%record-is-a? environment %environment-type)
    (let ((scope (%record-field environment 0)))
      (%call-in-module (%scope-module scope)
                       (lambda ()
                         (%load (%load-of-local expression scope
                                                (%record-field environment 1)))))))
   (else
    (scm-error 'misc-error "local-eval" "invalid lexical environment: ~S"
               (list environment) #f))))

;;; Deprecated features: they are there.

(define-syntax-rule (begin-deprecated form ...)
  (begin form ...))

(define (include-deprecated-features)
  "Tell whether deprecated features are there."
  #t)

(define (issue-deprecation-warning . messages)
  "Programs are not told that something is deprecated."
  (if #f #f))

(define (resolve-r6rs-interface import-spec)
  "Return the interface that the import set IMPORT-SPEC of R6RS describes."
  (let loop ((tries 16))
    (let ((found (%r6rs-interface import-spec)))
      (if (and (pair? found) (> tries 0))
          (begin
            (%load-module found)
            (loop (- tries 1)))
          found))))

(define-syntax-rule (define-once name value)
  (define name
    (if (module-locally-bound? (current-module) 'name)
        (module-ref (current-module) 'name)
        value)))

;;; Foreign libraries are named and not run: programs that only name one load.

(define* (dynamic-link #:optional (library #f))
  "Return an object that stands for LIBRARY, or for the program itself."
  (list 'dynamic-object library))

(define (dynamic-object? object)
  "Is OBJECT one that dynamic-link has returned?"
  (and (pair? object) (eq? (car object) 'dynamic-object)))

(define (dynamic-unlink library)
  "Let go of LIBRARY."
  (if #f #f))

(define (dynamic-pointer name library)
  "Return a null pointer for what LIBRARY calls NAME."
  (module-ref (resolve-interface '(system foreign)) '%null-pointer))

(define (dynamic-func name library)
  "Return a null pointer for the function that LIBRARY calls NAME."
  (dynamic-pointer name library))

(define (load-extension library initializer)
  "Let what the current module exports and has not defined, and what its file gives a
second name, be procedures that throw 'system-error (ENOSYS) when they are called:
INITIALIZER of LIBRARY would define them, and its code is not run here."
  (let ((module (current-module)))
    (for-each
     (lambda (name)
       (if (not (module-defined? module name))
           (module-define! module name
                           (lambda arguments
                             (scm-error 'system-error name
                                        "~A: code of ~A is not run here"
                                        (list (strerror ENOSYS) library)
                                        (list ENOSYS))))))
     (append (%module-exports module)
             (%names-given-others (module-filename module))))))

(define (%names-given-others file)
  ;; Every NAME of a (define OTHER NAME) at the top level of FILE.
  (define (names port)
    (let loop ((found '()))
      (let ((form (read port)))
        (cond ((eof-object? form) found)
              ((and (list? form)
                    (= 3 (length form))
                    (eq? 'define (car form))
                    (symbol? (caddr form)))
               (loop (cons (caddr form) found)))
              (else (loop found))))))
  (if (and file (file-exists? file))
      (catch 'read-error
        (lambda () (call-with-input-file file names))
        (lambda _ '()))
      '()))
