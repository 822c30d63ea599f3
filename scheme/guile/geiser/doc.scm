;;; How things are called and what is written about them, for Geiser.

(define-module (geiser doc)
  #:use-module (ice-9 documentation)
  #:use-module (ice-9 match)
  #:use-module (ice-9 pretty-print)
  #:use-module (ice-9 session)
  #:use-module (srfi srfi-1)
  #:export (ge:autodoc
            ge:object-signature
            ge:symbol-documentation
            ge:module-exports
            module-of
            value-of))

;; Geiser sets this when docstrings are to be read as Texinfo; ours are plain text.
(define %process-texinfo? #f)

(define (value-of name)
  "Return what NAME, a symbol, is bound to in the current module, a macro for a
keyword, or #f."
  (let ((variable (and (symbol? name) (module-variable (current-module) name))))
    (and variable (variable-bound? variable) (variable-ref variable))))

(define (module-of name)
  "Return the name of the module that the current one has NAME from, or #f."
  (let ((module (find (lambda (module) (module-local-variable module name))
                      (cons (current-module) (module-uses (current-module))))))
    (and module (module-name module))))

(define (arity procedure)
  "Return what PROCEDURE takes, as Geiser wants it."
  (let ((arguments (procedure-arguments procedure)))
    (define (part name)
      (or (assq-ref arguments name) '()))
    `(("required" ,@(part 'required))
      ("optional" ,@(part 'optional) ,@(if (assq-ref arguments 'rest) '("...") '()))
      ("key" ,@(map (match-lambda
                      ((key . _) key)
                      (key key))
                    (part 'keyword))))))

(define (written value)
  (call-with-output-string
    (lambda (port)
      (pretty-print value port #:width 72))))

(define (ge:object-signature name object . rest)
  "Return how OBJECT, called NAME, is called, or its value when it is not; #f when it
is #f."
  (cond ((procedure? object) `(,name ("args" ,(arity object))))
        ((macro? object) `(,name ("args" (("required" "...")))))
        (object `(,name ("args") ("value" . ,(string-trim-right (written object)))))
        (else #f)))

(define (ge:autodoc names)
  "Return how each of NAMES, symbols, is called, and which module it is from."
  (map (lambda (name)
         (let ((signature (ge:object-signature name (value-of name))))
           (if signature
               `(,@signature ("module" ,@(or (module-of name) '())))
               (list name))))
       (if (list? names) names '())))

(define (ge:symbol-documentation name)
  "Return how NAME, a symbol, is called, and what is written about it; #f when it is
not bound."
  (let ((object (value-of name)))
    (and object
         `(("signature" . ,(or (ge:object-signature name object) name))
           ("docstring" . ,(docstring name object))))))

(define (docstring name object)
  "Return the lines that Geiser shows about OBJECT, which is called NAME."
  (let* ((module (module-of name))
         (text (or (%documentation (current-module) name)
                   (object-documentation object))))
    (call-with-output-string
      (lambda (port)
        (display (cond ((macro? object) "A macro")
                       ((procedure? object) "A procedure")
                       (else "An object"))
                 port)
        (when module
          (display " in module " port)
          (write module port)
          (display "." port))
        (newline port)
        (when (and (string? text) (not (string-null? text)))
          (newline port)
          (display text port))
        (unless (or (macro? object) (procedure? object))
          (display "\nValue:\n   " port)
          (display (written object) port))))))

(define (ge:module-exports name)
  "Return what the module called NAME exports, by kind, and the modules below it."
  (let ((interface (resolve-interface name)))
    (define (entries wanted?)
      (filter-map (lambda (name)
                    (let ((value (exported interface name)))
                      (and (wanted? value)
                           (match (ge:object-signature name value)
                             ((and signature (_ ("args" . _)))
                              `(,name ("signature" . ,signature)))
                             (_ (list name))))))
                  (sort (module-map (lambda (name variable) name) interface)
                        (lambda (one other)
                          (string<? (symbol->string one) (symbol->string other))))))
    `(("modules" ,@(sort (filter-map (lambda (other)
                                       (and (= (length other) (+ 1 (length name)))
                                            (equal? name (list-head other (length name)))
                                            (list other)))
                                     (delete-duplicates
                                      (append (map module-name (%all-modules))
                                              (%carried-modules))))
                         (lambda (one other)
                           (string<? (object->string one) (object->string other)))))
      ("procs" ,@(entries procedure?))
      ("syntax" ,@(entries macro?))
      ("vars" ,@(entries (lambda (value)
                           (not (or (procedure? value) (macro? value)))))))))

(define (exported interface name)
  (let ((variable (module-variable interface name)))
    (and (variable-bound? variable) (variable-ref variable))))
