;;; Parameters: what may be chosen about a harness from outside of its text.
;;;
;;; `define-parameter' declares one: its name, type, default, unit and meaning.
;;; The name is then an ordinary variable.  Its value comes from the settings file,
;;; then from the variable FRUIX_NAME, then from the option --NAME behind the
;;; program's file; the later one counts.  A simulated run differs in nothing.
;;; What the options are is checked before any of that: (fruix harness options).

(define-module (fruix parameters)
  #:use-module (fruix datum)
  #:use-module (fruix harness arguments)
  #:use-module (fruix native program)
  #:use-module (fruix native run)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (define-parameter
            declare-parameter!
            declared-parameters
            make-parameter-declaration
            parameter-name
            parameter-type
            parameter-doc
            parameter-unit
            parameter-default
            parameter-default-text
            parameter-option
            parameter-lookup
            parameter-placeholder
            parameter-text
            type-description
            type-of-parameter?))

(define-record-type <parameter>
  ;; What was declared of a parameter.
  (make-parameter-declaration name type doc unit default default-text evidence?)
  parameter?
  (name          parameter-name)         ;symbol
  (type          parameter-type)         ;datum: see `type-description'
  (doc           parameter-doc)          ;string, "" without
  (unit          parameter-unit)         ;string or #f
  (default       parameter-default)      ;thunk, or #f: it must be given
  (default-text  parameter-default-text) ;string: the default as it is written
  (evidence?     parameter-evidence?))   ;boolean: what steps give depends on it

;; Those of the program that runs, the last first.
(define %declared '())

(define-syntax define-parameter
  (lambda (form)
    "Define NAME, a variable, as the parameter that DOC, a string, describes, and
give it the value that settings, environment or command line have for it:

  #:type TYPE        string unless given; not evaluated: string, integer, count,
                     number, boolean, file, (one-of STRING ...) or
                     (list-of TYPE);
  #:default EXPR     the value when nobody gives one, or #f for none; without it,
                     somebody must;
  #:unit STRING      what a number counts;
  #:evidence? #f     what steps give does not depend on it, as on a deadline: a
                     run is gone on with although it has changed."
    (define (parse rest options)
      (syntax-case rest ()
        (() options)
        ((keyword value . rest)
         (memq (syntax->datum #'keyword) '(#:type #:default #:unit #:evidence?))
         (parse #'rest (acons (syntax->datum #'keyword) #'value options)))
        ((other . _)
         (syntax-violation 'define-parameter "no such option of a parameter"
                           form #'other))))
    (define (expand name doc rest)
      (let* ((options (parse rest '()))
             (option (lambda (keyword default)
                       (cond ((assq keyword options) => cdr) (else default))))
             (type (option #:type #'string)))
        (unless (type-of-parameter? (syntax->datum type))
          (syntax-violation 'define-parameter "no such type of a parameter"
                            form type))
        (with-syntax ((name name)
                      (doc doc)
                      (type type)
                      (unit (option #:unit #'#f))
                      (evidence? (option #:evidence? #'#t))
                      (default (if (assq #:default options)
                                   #`(lambda () #,(option #:default #f))
                                   #'#f))
                      (text (object->string
                             (syntax->datum (option #:default #'#f)) write)))
          #'(define name
              (declare-parameter!
               (make-parameter-declaration 'name 'type doc unit default text
                                           evidence?))))))
    (syntax-case form ()
      ((_ name doc . rest)
       (and (identifier? #'name) (string? (syntax->datum #'doc)))
       (expand #'name #'doc #'rest))
      ((_ name . rest)
       (identifier? #'name)
       (expand #'name #'"" #'rest)))))

;;; Types.

(eval-when (expand load eval)
  (define (type-of-parameter? type)
    "Return #t when TYPE, a datum, is a type that a parameter can have."
    (match type
      ((or 'string 'integer 'count 'number 'boolean 'file) #t)
      (('one-of (? string?) (? string?) ...) #t)
      (('list-of type) (and (not (pair? type)) (type-of-parameter? type)))
      (_ #f))))

(define (type-description type)
  "Return, as a string, which values are of TYPE."
  (match type
    ('string "a string")
    ('integer "a whole number")
    ('count "a whole number above zero")
    ('number "a number")
    ('boolean "yes or no")
    ('file "the name of a file")
    (('one-of words ...)
     (string-append "one of " (string-join (map object->string words) ", ")))
    (('list-of 'string) "a list of strings")
    (('list-of 'file) "a list of names of files")
    (('list-of 'boolean) "a list of yes and no")
    (('list-of _) "a list of numbers")))

(define (parameter-placeholder parameter)
  "Return what stands for a value of PARAMETER in a line of help, or #f for none."
  (match (parameter-type parameter)
    ('boolean #f)
    (('one-of words ...) (string-join words "|"))
    (('list-of type) (string-append (string-upcase (symbol->string type)) ",..."))
    (type (string-upcase (symbol->string type)))))

(define (text->value type text base wrong)
  "Return the value of TYPE that TEXT, from a variable or an option, means, or
what WRONG, a thunk, returns.  Names of files are relative to the directory BASE."
  (define (number-or-wrong good?)
    (let ((number (string->number text)))
      (if (and number (good? number)) number (wrong))))
  (match type
    ('boolean
     (cond ((member text '("yes" "true" "on" "1" "#t" "#true")) #t)
           ((member text '("no" "false" "off" "0" "#f" "#false")) #f)
           (else (wrong))))
    ((or 'integer 'count 'number)
     (number-or-wrong (lambda (number) (datum-of-type? type number))))
    (('list-of type)
     (map (lambda (word) (text->value type word base wrong))
          (remove string-null? (string-split text (char-set #\, #\space)))))
    (_ (datum->value type text base wrong))))

(define (datum->value type datum base wrong)
  "Return the value of TYPE that DATUM, from a settings file, means, or what WRONG
returns."
  (match type
    (('list-of type)
     (if (list? datum)
         (map (lambda (datum) (datum->value type datum base wrong)) datum)
         (wrong)))
    (_
     (cond ((not (datum-of-type? type datum)) (wrong))
           ((eq? type 'file) (%resolve-file datum base))
           (else datum)))))

(define (datum-of-type? type datum)
  (match type
    ((or 'string 'file) (string? datum))
    ('integer (exact-integer? datum))
    ('count (and (exact-integer? datum) (positive? datum)))
    ('number (real? datum))
    ('boolean (boolean? datum))
    (('one-of words ...) (and (member datum words) #t))
    (('list-of type)
     (and (list? datum)
          (every (lambda (datum) (datum-of-type? type datum)) datum)))))

;;; Values.

(define (parameter-option parameter)
  "Return the option that sets PARAMETER, a string such as \"--build-jobs\"."
  (string-append "--" (symbol->string (parameter-name parameter))))

(define (parameter-text parameter value)
  "Return VALUE, that of PARAMETER, as somebody would write it in a shell; \"none\" for
the #f of a parameter that is no boolean."
  (if (or value (eq? 'boolean (parameter-type parameter)))
      (value->text value)
      "none"))

(define (value->text value)
  (match value
    (#t "yes")
    (#f "no")
    ((? string?) value)
    ((? list?) (string-join (map value->text value) ","))
    (_ (object->string value))))

(define (parameter-lookup parameter)
  "Return the value of PARAMETER and, as a string, where it comes from.

Throw 'usage-error, with name, value, wanted type and origin, when a value is not
of the parameter's type, or there is none; 'settings-error when a settings file
cannot be read."
  (define name (symbol->string (parameter-name parameter)))
  (define type (parameter-type parameter))
  (define (wrong value origin)
    (lambda ()
      (refuse (format #f "cannot use the parameter `~a`: it is ~a, from ~a, and takes ~a"
                      name value origin (wanted parameter)))))
  (define (from-source source)
    (match source
      ((origin base 'text . text)
       (cons (text->value type text base
                          (wrong (string-append "`" text "`") origin))
             origin))
      ((origin base 'datum . datum)
       (cons (datum->value type datum base
                           (wrong (object->string datum) origin))
             origin))))
  (define option
    (match (argument-values (%program-arguments) name (eq? type 'boolean))
      (() #f)
      ((values ... (? boolean? last)) (cons last (parameter-option parameter)))
      ((values ... last)
       (from-source (cons* (parameter-option parameter) (getcwd) 'text last)))))
  ;; Each is looked at, so that a wrong one does not wait for the day on which it
  ;; counts.
  (match (append (map from-source (%parameter-sources name))
                 (if option (list option) '()))
    ((_ ... (value . origin)) (values value origin))
    (()
     (let ((default (parameter-default parameter)))
       (unless default
         (refuse (format #f "the parameter `~a` has no value, and takes ~a"
                         name (wanted parameter))
                 (format #f "give ~a=~a behind the file, set $~a, or write (parameters (~a . VALUE)) to the settings"
                         (parameter-option parameter)
                         (or (parameter-placeholder parameter) "yes")
                         (%parameter-variable name) name)))
       (let ((value (default)))
         ;; #f says that there is none.
         (unless (or (not value) (datum-of-type? type value))
           ((wrong (object->string value) "its own default")))
         (values value "default"))))))

(define (wanted parameter)
  (string-append (type-description (parameter-type parameter))
                 (if (parameter-unit parameter)
                     (string-append " (" (parameter-unit parameter) ")")
                     "")))

(define* (refuse message #:optional hint)
  (throw 'usage-error #f "~A" (list message)
         (if hint `((hint . ,hint)) '())))

;;; The program that runs.

(define (declared-parameters)
  "Return the parameters that the program has declared so far, in order."
  (reverse %declared))

(define (declare-parameter! parameter)
  "Add PARAMETER to those of the program, and return its value: in a run that is
gone on with, the one that the run began with.

Throw what `parameter-lookup' does, and 'usage-error when its name is that of an
option, or when the value has changed since the run began and nobody has said which
is meant."
  (let ((name (symbol->string (parameter-name parameter))))
    (when (or (own-option? name)
              (assoc (string-append "--" name) (%options-of-fruix-scm)))
      (refuse (format #f "cannot declare the parameter `~a`: `--~a` is an option of fruix-scm"
                      name name)))
    (set! %declared
          (cons parameter
                (remove (lambda (other)
                          (eq? (parameter-name other) (parameter-name parameter)))
                        %declared)))
    (call-with-values (lambda () (lookup-in-run parameter))
      (lambda (value origin)
        (%run-parameter! name (datum->text value (const "")) origin
                         (parameter-evidence? parameter))
        (when value
          (%setting-follows! name (value->text value) origin))
        value))))

(define (lookup-in-run parameter)
  "Return the value of PARAMETER, and where it comes from, for the run that this
process is about to begin or to go on with."
  (define name (symbol->string (parameter-name parameter)))
  (match (%run-parameter-before name)
    (#f (parameter-lookup parameter))
    ((choice text . origin)
     (let ((before (text->datum text)))
       (if (or (eq? choice 'pinned)
               ;; Another shell, which goes on with the run, has other variables.
               (let ((variable (%parameter-variable name)))
                 (and (string=? origin (string-append "$" variable))
                      (not (getenv variable)))))
           (values before origin)
           (call-with-values (lambda () (parameter-lookup parameter))
             (lambda (now origin-now)
               (if (or (equal? now before)
                       (eq? choice 'current)
                       (not (parameter-evidence? parameter))
                       (current-is-meant? parameter before now origin-now))
                   (values now origin-now)
                   (values before origin)))))))))

;; How long somebody may think about which value is meant.
(define %seconds-to-answer 300)

(define (current-is-meant? parameter before now origin)
  (let* ((name (parameter-name parameter))
         (was (parameter-text parameter before))
         (is (parameter-text parameter now))
         (answer (%run-ask
                  (format #f "The run began with `~a` as parameter `~a`, which is `~a` now (~a): go on with the one that it began with (pinned), or with that of now (current)?"
                          was name is origin)
                  %seconds-to-answer)))
    (cond ((and answer (string-prefix? "c" (string-trim answer))) #t)
          ((and answer (string-prefix? "p" (string-trim answer))) #f)
          (else
           (refuse (format #f "cannot resume the run: the parameter `~a` was `~a` when it began and is `~a` now, from ~a"
                           name was is origin)
                   "say `--pinned` for what it began with, `--with-current` for what is there now")))))
