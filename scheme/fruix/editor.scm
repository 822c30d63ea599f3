;;; What `fruix-scm lsp' asks about the modules that fruix-scm carries.
;;;
;;; Only those are loaded, and never a program's: what its modules export is read from
;;; their texts.  Names of modules come as lists of strings; the empty one stands for what
;;; a program sees that imports nothing.

(define-module (fruix editor)
  #:use-module (fruix documentation)
  #:use-module (ice-9 documentation)
  #:use-module (ice-9 match)
  #:use-module (ice-9 session)
  #:use-module (srfi srfi-1)
  #:export (editor-exports
            editor-nature
            editor-documentation))

(define (interface-of module)
  "Return the interface of MODULE, or #f when there is none."
  (match module
    (() (resolve-module '(guile-user)))
    (words (catch #t
             (lambda () (resolve-interface (map string->symbol words)))
             (lambda _ #f)))))

(define (value-of module name)
  "Return what MODULE exports as NAME, a string, as a list of one element, which is empty
when there is nothing."
  (let* ((interface (interface-of module))
         (variable (and interface (module-variable interface (string->symbol name)))))
    (if (and variable (variable-bound? variable))
        (list (variable-ref variable))
        '())))

(define (editor-exports module)
  "Return the names that MODULE, a list of strings, exports, a list of strings; #f when
there is no such module."
  (let ((interface (interface-of module)))
    (and interface
         (module-map (lambda (name variable) (symbol->string name)) interface))))

(define (arguments-of procedure)
  "Return what `procedure-arguments' says of PROCEDURE, or #f: nothing is known of what an
object takes that is only applied like one."
  (false-if-exception (procedure-arguments procedure)))

(define (arity-of arguments)
  "Return how many arguments a procedure with ARGUMENTS takes at least and at most, two
strings; the second is empty where there is no such number."
  (let* ((required (length (assq-ref arguments 'required)))
         (optional (length (assq-ref arguments 'optional))))
    (list (number->string required)
          (if (or (assq-ref arguments 'rest)
                  (pair? (assq-ref arguments 'keyword))
                  (assq-ref arguments 'allow-other-keys?))
              ""
              (number->string (+ required optional))))))

(define (editor-nature module name)
  "Return what MODULE, a list of strings, exports as NAME, a string: a list of strings.
The first is `procedure', `macro', `variable' or `unknown'; behind `procedure' it is said
how many arguments that takes, as two numbers, or one and an empty string where there may
be any number more."
  (match (value-of module name)
    (() '("unknown"))
    ((value)
     (cond ((macro? value) '("macro"))
           ((and (procedure? value) (arguments-of value))
            => (lambda (arguments) (cons "procedure" (arity-of arguments))))
           (else '("variable"))))))

(define (written-call name procedure)
  "Return how a call of PROCEDURE, which is called NAME, is written."
  (match (arguments-of procedure)
    (#f (string-append "(" name " …)"))
    (arguments
     (object->string
      (append (list (string->symbol name))
              (assq-ref arguments 'required)
              (match (assq-ref arguments 'optional)
                (() '())
                (names (cons #:optional names)))
              (match (assq-ref arguments 'keyword)
                (() '())
                (keys (cons #:key (map (match-lambda
                                         ((keyword . _) (keyword->symbol keyword)))
                                       keys))))
              (or (assq-ref arguments 'rest) '()))
      write))))

(define (editor-documentation module name)
  "Return what there is to say about what MODULE, a list of strings, exports as NAME, a
string: how it is written, what it is, and its text, which may be empty; a list of strings,
or #f when there is no such thing.  It is what `fruix-scm doc' prints."
  (let ((module-name (map string->symbol module)))
    (match (if (and (pair? module) (string=? (first module) "fruix"))
               (documentation (string->symbol name) (list module-name))
               '())
      ((entry . _)
       (list (documentation-call entry)
             (symbol->string (documentation-kind entry))
             (or (documentation-text entry) "")))
      (()
       (match (value-of module name)
         (() #f)
         ((value)
          (let ((text (or (and (procedure? value) (procedure-documentation value))
                          (object-documentation value)
                          "")))
            (cond ((macro? value) (list (string-append "(" name " …)") "macro" text))
                  ((procedure? value)
                   (list (written-call name value) "procedure" text))
                  (else (list name "variable" text))))))))))
