;;; What Geiser, Emacs's mode for Scheme, asks a Guile: names, arguments,
;;; documentation, places.
;;;
;;; Geiser brings a module of this name for Guile itself, which needs Guile's
;;; compiler.  This one answers the same requests.  Callers, callees and
;;; expansion are not known here.

(define-module (geiser emacs)
  #:use-module (ice-9 documentation)
  #:use-module (ice-9 match)
  #:use-module (ice-9 session)
  #:use-module (srfi srfi-1)
  #:export (ge:completions
            ge:module-completions
            ge:autodoc
            ge:object-signature
            ge:symbol-documentation
            ge:symbol-location
            ge:module-location
            ge:module-exports
            ge:add-to-load-path
            ge:callers
            ge:callees
            ge:no-values))

(define (ge:no-values)
  "Return no values."
  (values))

(define (names-with prefix)
  (filter (lambda (name) (string-prefix? prefix name))
          (map symbol->string (apropos-internal prefix))))

(define* (ge:completions prefix . context)
  "Return the names that begin with PREFIX, a string, sorted."
  (sort (names-with prefix) string<?))

(define (ge:module-completions prefix)
  "Return the names of the modules that are loaded and begin with PREFIX."
  (sort (delete-duplicates
         (filter (lambda (name) (string-prefix? prefix name))
                 (map (lambda (module)
                        (call-with-output-string
                          (lambda (port) (write (module-name module) port))))
                      (cons (current-module) (module-uses (current-module))))))
        string<?))

(define (value-of name)
  "Return what NAME, a symbol, is bound to, or #f."
  (let ((variable (module-variable (current-module) name)))
    (and variable (variable-bound? variable) (variable-ref variable))))

(define (home-of name)
  "Return the name of the module that the current one has NAME from."
  (let ((module (find (lambda (module)
                        (module-local-variable module name))
                      (cons (current-module) (module-uses (current-module))))))
    (if module (module-name module) '(guile))))

(define (arguments formals)
  "Return FORMALS, as they were written, as Geiser wants them."
  (let loop ((formals formals) (kind "required") (args '()))
    (define (so-far)
      (map (lambda (kind)
             (cons kind (reverse (filter-map (match-lambda
                                               ((its-kind . name)
                                                (and (string=? kind its-kind) name)))
                                             args))))
           (filter (lambda (kind) (assoc kind args))
                   '("required" "optional" "key"))))
    (match formals
      (() (so-far))
      ((#:optional . rest) (loop rest "optional" args))
      ((#:key . rest) (loop rest "key" args))
      ((#:allow-other-keys . rest) (loop rest kind args))
      ((#:rest name) (loop name "optional" args))
      (((name . _) . rest) (loop (cons name rest) kind args))
      (((? symbol? name) . rest)
       (loop rest kind
             (acons kind
                    (if (string=? kind "key") (symbol->keyword name) name)
                    args)))
      ((? symbol? rest)
       (loop '() "optional" (cons* (cons "optional" rest) (cons "optional" '...) args)))
      (_ (so-far)))))

(define (ge:object-signature name object . rest)
  "Return what OBJECT, called NAME, takes, as `ge:autodoc' does."
  (and (procedure? object)
       (let ((formals (%procedure-formals object)))
         `(,name ("args" ,(if formals
                              (arguments (call-with-input-string formals read))
                              (match (procedure-minimum-arity object)
                                ((required optional rest?)
                                 `(("required" ,@(make-list required '_))
                                   ("optional" ,@(make-list optional '_)
                                    ,@(if rest? '(...) '())))))))
                 ("module" ,@(home-of name))))))

(define (ge:autodoc names)
  "Return how each of NAMES, symbols, is called."
  (filter-map (lambda (name)
                (and (symbol? name)
                     (let ((value (value-of name)))
                       (cond ((procedure? value) (ge:object-signature name value))
                             ((module-variable (current-module) name)
                              `(,name ("value" . ,(call-with-output-string
                                                    (lambda (port) (write value port))))
                                      ("module" ,@(home-of name))))
                             (else #f)))))
              names))

(define (ge:symbol-documentation name)
  "Return how NAME, a symbol, is called, and its documentation."
  (let ((value (value-of name)))
    (and value
         `(("signature" . ,(or (ge:object-signature name value) (list name)))
           ("docstring" . ,(or (and (procedure? value)
                                    (procedure-documentation value))
                               ""))))))

(define (place name file line column)
  `(("name" . ,name) ("file" . ,file) ("line" . ,line) ("column" . ,column)))

(define (ge:symbol-location name)
  "Return where NAME, a symbol, was defined."
  (let ((value (value-of name)))
    (match (and (procedure? value) (%procedure-source-place value))
      ((file line column) (place name file line column))
      (_ '()))))

(define (file-of module)
  (%search-load-path
   (string-append (string-join (map symbol->string module) "/") ".scm")))

(define (ge:module-location name)
  "Return where the file of the module called NAME is."
  (match (file-of name)
    ((? string? file) (place name file 1 0))
    (_ '())))

(define (ge:module-exports name)
  "Return what the module called NAME exports, by kind."
  (let ((interface (resolve-interface name)))
    (define (entry name)
      (let ((value (module-ref interface name #f)))
        (cons name
              (if (procedure? value)
                  `(("signature" . ,(ge:object-signature name value)))
                  '()))))
    (call-with-values
        (lambda ()
          (partition (lambda (name) (procedure? (module-ref interface name #f)))
                     (sort (module-map (lambda (name variable) name) interface)
                           (lambda (one other)
                             (string<? (symbol->string one)
                                       (symbol->string other))))))
      (lambda (procedures others)
        `(("modules")
          ("procs" ,@(map entry procedures))
          ("vars" ,@(map entry others)))))))

(define (ge:add-to-load-path directory)
  "Look for modules in DIRECTORY too."
  (and (file-exists? directory)
       (begin (add-to-load-path directory) #t)))

(define (ge:callers name)
  "Return #f: who calls NAME is not known."
  #f)
(define (ge:callees name)
  "Return #f: whom NAME calls is not known."
  #f)
