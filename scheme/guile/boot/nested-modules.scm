;;; Modules as a tree: a module's submodules are those whose names go on from its
;;; own, and those that a program has put below it.

(define %submodules (make-weak-key-hash-table))

(define (%modules-below module)
  (let ((name (module-name module)))
    (filter (lambda (other)
              (let ((longer (module-name other)))
                (and (= (length longer) (+ 1 (length name)))
                     (equal? name (list-head longer (length name))))))
            (%all-modules))))

(define (module-submodules module)
  "Return a hash table of the modules directly below MODULE, by the last word of
their names."
  (let ((table (make-hash-table)))
    (for-each (lambda (below)
                (hashq-set! table (last (module-name below)) below))
              (%modules-below module))
    (hash-for-each (lambda (name below) (hashq-set! table name below))
                   (hashq-ref %submodules module table))
    table))

(define (module-ref-submodule module name)
  "Return the module called NAME below MODULE, or #f."
  (let ((said (hashq-ref %submodules module #f)))
    (or (and said (hashq-ref said name #f))
        (%module-named (append (module-name module) (list name))))))

(define (module-define-submodule! module name submodule)
  "Put SUBMODULE below MODULE as NAME."
  (let ((said (or (hashq-ref %submodules module #f) (make-hash-table))))
    (hashq-set! said name submodule)
    (hashq-set! %submodules module said)))

(define (nested-ref-module root names)
  "Return the module that NAMES lead to from ROOT, or #f."
  (if (null? names)
      root
      (let ((next (module-ref-submodule root (car names))))
        (and next (nested-ref-module next (cdr names))))))

(define (nested-define-module! root names module)
  "Put MODULE where NAMES lead to from ROOT, with the modules in between."
  (if (null? (cdr names))
      (module-define-submodule! root (car names) module)
      (let ((next (or (module-ref-submodule root (car names))
                      (let ((made (make-module)))
                        (set-module-name! made (append (module-name root) (list (car names))))
                        (module-define-submodule! root (car names) made)
                        made))))
        (nested-define-module! next (cdr names) module))))

;; Call PROCEDURE with the module that all but the last of NAMES lead to, and that
;; last one; what comes back is ELSE where there is no such module.
(define (%with-nested root names procedure else)
  (let ((module (nested-ref-module root (list-head names (- (length names) 1)))))
    (if module
        (procedure module (last names))
        (else))))

(define (%no-nested-module names)
  (scm-error 'misc-error #f "failed to resolve module: ~S" (list names) #f))

(define (nested-ref root names)
  "Return the value of the variable that NAMES lead to from ROOT, or #f."
  (if (null? names)
      root
      (%with-nested root names
                    (lambda (module name) (module-ref module name #f))
                    (lambda () #f))))

(define (nested-set! root names value)
  "Make VALUE the value of the variable that NAMES lead to from ROOT."
  (%with-nested root names
                (lambda (module name) (module-set! module name value))
                (lambda () (%no-nested-module names))))

(define (nested-define! root names value)
  "Define the last of NAMES in the module that the others lead to from ROOT."
  (%with-nested root names
                (lambda (module name) (module-define! module name value))
                (lambda () (%no-nested-module names))))

(define (nested-remove! root names)
  "Remove what NAMES lead to from ROOT."
  (%with-nested root names module-remove! (lambda () (%no-nested-module names))))

(define (local-ref names)
  "Return the value of the variable that NAMES lead to from here, or #f."
  (nested-ref (current-module) names))

(define (local-set! names value)
  "Make VALUE the value of the variable that NAMES lead to from here."
  (nested-set! (current-module) names value))

(define (local-define names value)
  "Define the last of NAMES in the module that the others lead to from here."
  (nested-define! (current-module) names value))

(define (local-remove names)
  "Remove what NAMES lead to from here."
  (nested-remove! (current-module) names))

(define (local-ref-module names)
  "Return the module that NAMES lead to from here, or #f."
  (nested-ref-module (current-module) names))

(define (local-define-module names module)
  "Put MODULE where NAMES lead to from here."
  (nested-define-module! (current-module) names module))

;;; What else Guile says of modules as a whole.

(define* (define-module* name #:key filename pure version (imports '()) (exports '())
                         (replacements '()) (re-exports '()) (re-export-replacements '())
                         (autoloads '()) (duplicates #f) transformer declarative?)
  "Return the module called NAME, defined as the options of define-module say.
IMPORTS is a list of lists of arguments for resolve-interface."
  (let ((module (%make-module name)))
    (set-module-public-interface! module module)
    (if version (set-module-version! module version))
    (for-each (lambda (import)
                (module-use! module (apply resolve-interface import)))
              imports)
    (module-export! module (append exports replacements re-exports re-export-replacements))
    (%module-replace! module (append replacements re-export-replacements))
    (let loop ((autoloads autoloads))
      (if (pair? autoloads)
          (begin
            (module-autoload! module (car autoloads) (cadr autoloads))
            (loop (cddr autoloads)))))
    module))

(define* (try-load-module name #:optional version)
  "Load the module called NAME; return whether there is one."
  (try-module-autoload name version))

(define* (try-module-autoload name #:optional version)
  "Load the module called NAME; return whether there is one."
  (and (resolve-module name #t version #:ensure #f) #t))

(define (reload-module module)
  "Evaluate the file of MODULE once more, and return MODULE."
  (let ((file (module-filename module)))
    (cond ((or (not file) (string=? file ""))
           (scm-error 'misc-error #f "unknown file name for module ~S" (list module) #f))
          ;; The library's own files are never new.
          ((file-exists? file)
           (save-module-excursion
            (lambda ()
              (set-current-module (make-fresh-user-module))
              (primitive-load file)))))
    module))

(define (use-srfis numbers)
  "Import the SRFIs that have NUMBERS."
  (process-use-modules
   (map (lambda (number)
          (list (list 'srfi (string->symbol (string-append "srfi-" (number->string number))))))
        numbers)))

(define (process-use-modules specs)
  "Let the current module see what each of SPECS, arguments of resolve-interface,
stands for."
  (for-each (lambda (spec)
              (module-use! (current-module) (apply resolve-interface spec)))
            specs)
  #t)

(define (module-search procedure module name)
  "Return what PROCEDURE gives for MODULE and NAME, or for the first module it
imports for which that is true."
  (or (procedure module name)
      (let loop ((uses (module-uses module)))
        (and (pair? uses)
             (or (module-search procedure (car uses) name)
                 (loop (cdr uses)))))))

(define (module-replacements module)
  "Return a hash table of the names that replace others' without complaint."
  (let ((table (make-hash-table)))
    (for-each (lambda (name) (hashq-set! table name #t)) (%module-replacements module))
    table))

(define (module-obarray-ref obarray name)
  "Return the variable of NAME in OBARRAY, or #f."
  (hashq-ref obarray name #f))

(define (load-in-vicinity directory file)
  "Evaluate every form in FILE, whose name counts from DIRECTORY."
  (primitive-load (if (absolute-file-name? file) file (in-vicinity directory file))))

(define (primitive-read port)
  "Return the next datum of PORT."
  (read port))

;;; Where an installed Guile keeps its files; there are none of these here.

(define (%package-data-dir)
  "Return where Guile's data are installed."
  "/usr/share/guile")
(define (%library-dir)
  "Return where Guile's own modules are installed."
  "/usr/share/guile/3.0")
(define (%site-dir)
  "Return where the modules of this site are installed."
  "/usr/share/guile/site/3.0")

(define %load-compiled-path '())
(define %load-compiled-extensions '(".go"))

(define current-language (make-parameter 'scheme))

(define (procedure-source procedure)
  "Return #f: no source is kept."
  #f)

(define (gc-run-time)
  "Return 0: what is not used any more is freed at once."
  0)

(define (parameter-fluid parameter)
  "Return the fluid that holds the value of PARAMETER."
  (or (%parameter-fluid parameter) (%not-a-parameter parameter "parameter-fluid")))

(define (parameter-converter parameter)
  "Return the procedure that PARAMETER is given values through."
  (if (%parameter-fluid parameter)
      (%parameter-converter parameter)
      (%not-a-parameter parameter "parameter-converter")))

(define (%not-a-parameter object procedure)
  (scm-error 'wrong-type-arg procedure "Not a parameter: ~S" (list object) #f))
