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
                     (%load (%load-of-form expression module)))))

(define (primitive-eval expression)
  "Evaluate EXPRESSION in the current module."
  (%load (%load-of-form expression (current-module))))

(define (primitive-load file)
  "Evaluate every form in FILE, in the current module."
  (save-module-excursion
   (lambda ()
     (%load (%load-of-text file (%text-of-file file))))))

(define* (load file #:optional reader)
  "Evaluate every form in FILE."
  (primitive-load file))

(define (primitive-load-path file . rest)
  "Evaluate FILE, looked for in the directories of %load-path."
  (let ((found (%find-in-load-path file)))
    (if found
        (primitive-load found)
        (scm-error 'misc-error "primitive-load-path"
                   "Unable to find file ~S in load path" (list file) #f))))

(define (load-from-path file)
  "Evaluate FILE, looked for in the directories of %load-path."
  (primitive-load-path file))

(define %load-path (%initial-load-path))

(define %load-extensions '(".scm" ""))

(define (%search-load-path file)
  "Return the path of FILE in the directories of %load-path, or #f."
  (%find-in-load-path file))

(define-syntax-rule (add-to-load-path directory)
  (let ((name directory))
    (set! %load-path (cons name %load-path))
    (%add-to-load-path! name)))

(define (program-arguments)
  "Return the program's name and its arguments."
  (command-line))

(define (set-program-arguments arguments)
  "Make ARGUMENTS what (command-line) returns."
  (%set-command-line! arguments))

(define* (resolve-module name #:optional (autoload #t) version #:key (ensure #t))
  "Return the module called NAME, loading it when AUTOLOAD.  Without one, return
an empty module when ENSURE, or else #f."
  (or (%module-named name)
      (and autoload
           (%module-exists? name)
           (begin
             (%load (%load-of-module name))
             (%module-named name)))
      (and ensure
           (%make-module name))))

(define* (resolve-interface name #:key (select #f) (hide '()) (prefix #f)
                            (renamer #f) (version #f))
  "Return the public interface of the module called NAME."
  (let ((module (or (%module-named name)
                    (begin
                      (%load (%load-of-module name))
                      (%module-named name)))))
    (if select
        (for-each
         (lambda (entry)
           (let ((wanted (if (pair? entry) (car entry) entry)))
             (if (not (%module-state module wanted #t))
                 (scm-error 'unbound-variable "resolve-interface"
                            "no binding `~A' in module ~A"
                            (list wanted name) #f))))
         select))
    module))

(define (module-public-interface module)
  "Return what MODULE exports, as a module."
  module)

(define (%no-variable procedure module name)
  (scm-error 'misc-error procedure "No variable named ~A in ~A"
             (list name module) #f))

(define* (module-ref module name #:optional (default %no-default))
  "Return the value of NAME in MODULE, or DEFAULT when it has none."
  (if (%has-value? module name)
      (%load (%load-of-form name module))
      (if (eq? default %no-default)
          (scm-error 'unbound-variable "module-ref" "Unbound variable: ~S"
                     (list name) #f)
          default)))

;;; A variable whose definition the machine has begun may or may not hold a value.

(define (%has-value? module name)
  (let ((state (%module-state module name #f)))
    (or (eq? state 'value)
        (and (eq? state 'perhaps)
             (%catch-object (vector 'unbound-variable #f)
                            (lambda ()
                              (%load (%load-of-form name module))
                              #t)
                            (lambda (object) #f))))))

(define %no-default (list 'no-default))

(define (module-define! module name value)
  "Define NAME in MODULE as VALUE."
  (%load (%load-of-form (list 'define name (list 'quote value)) module))
  (if #f #f))

(define (module-set! module name value)
  "Make VALUE the value of NAME, which MODULE can see."
  (%load (%load-of-form (list 'set! name (list 'quote value)) module))
  (if #f #f))

(define (module-defined? module name)
  "Tell whether NAME has a value in MODULE."
  (%has-value? module name))

(define (module-bound? module name)
  "Tell whether NAME has a value in MODULE."
  (%has-value? module name))

(define* (defined? name #:optional (module (current-module)))
  "Tell whether NAME has a meaning in MODULE, the current one by default."
  (let ((state (%module-state module name #f)))
    (or (eq? state 'syntax) (%has-value? module name))))

(define (module-locally-bound? module name)
  "Tell whether MODULE itself defines NAME."
  (%module-local? module name))

(define (module-use! module interface)
  "Let MODULE see what INTERFACE exports."
  (%module-use! module interface))

(define (module-uses module)
  "Return the modules that MODULE imports."
  (%module-uses module))

(define (module-remove! module name)
  "Remove NAME from MODULE."
  (%module-remove! module name))

(define (make-fresh-user-module)
  "Return an empty module that sees module (guile)."
  (%make-module (list (gensym "user"))))

(define* (make-module #:optional size uses binder)
  "Return an empty module."
  (%make-module (list (gensym "module"))))

(define (interaction-environment)
  "Return the current module."
  (current-module))

(define (scheme-report-environment version)
  "Return module (guile)."
  (resolve-module '(guile)))

(define (null-environment version)
  "Return module (guile)."
  (resolve-module '(guile)))

;;; Variables as objects: a module and a name.

(define %variable-type (%make-record-type 'variable '(module name) '(#f #f)))

(define (module-variable module name)
  "Return the variable that NAME is in MODULE, or #f."
  (and (%module-state module name #f)
       (%record %variable-type module name)))

(define (module-local-variable module name)
  "Return the variable that MODULE itself defines as NAME, or #f."
  (and (%module-local? module name)
       (%record %variable-type module name)))

(define (make-variable value)
  "Return a variable that belongs to no module."
  (let ((module (make-fresh-user-module)))
    (module-define! module 'variable value)
    (%record %variable-type module 'variable)))

(define (make-undefined-variable)
  "Return a variable without a value."
  (%record %variable-type (make-fresh-user-module) 'variable))

(define (variable? object)
  "Tell whether OBJECT is a variable."
  (%record-is-a? object %variable-type))

(define (variable-ref variable)
  "Return the value of VARIABLE."
  (module-ref (%record-field variable 0) (%record-field variable 1)))

(define (variable-set! variable value)
  "Make VALUE the value of VARIABLE."
  (if (variable-bound? variable)
      (module-set! (%record-field variable 0) (%record-field variable 1) value)
      (module-define! (%record-field variable 0) (%record-field variable 1) value)))

(define (variable-bound? variable)
  "Tell whether VARIABLE has a value."
  (module-bound? (%record-field variable 0) (%record-field variable 1)))

(define (provided? feature)
  "Tell whether FEATURE is there."
  (memq feature (%features)))

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
  "Let MODULE see module (guile)."
  (if #f #f))

(define (cond-expand-provide module features)
  "Say that MODULE provides FEATURES; every feature is known beforehand."
  (if #f #f))

(define* (eval-string string #:optional (module (current-module)))
  "Evaluate every expression in STRING and return what the last one gives."
  (let ((port (open-input-string string)))
    (let loop ((expression (read port)) (result (if #f #f)))
      (if (eof-object? expression)
          result
          (let ((result (eval expression module)))
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

(define* (search-path directories file #:optional (extensions '("")) require-extension?)
  "Return the first file called FILE, with one of EXTENSIONS, in DIRECTORIES, or #f."
  (let next-directory ((directories directories))
    (and (pair? directories)
         (let next-extension ((left extensions))
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
