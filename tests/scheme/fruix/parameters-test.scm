;;; Parameters and options of harnesses, as far as no process is needed.

(use-modules (fruix harness arguments)
             (fruix harness outline)
             (fruix parameters)
             (srfi srfi-64))

(test-begin "parameters")

(test-group "arguments"
  (define arguments
    '("word" "--jobs=3" "--jobs" "4" "--deep" "--no-deep" "--" "--jobs=5"))
  (test-equal "an option with its value, in both forms, until --"
    '("3" "4") (argument-values arguments "jobs" #f))
  (test-equal "a boolean stands alone"
    '(#t #f) (argument-values arguments "deep" #t))
  (test-equal "one that is not there" '() (argument-values arguments "job" #f))
  (test-error "one without a value" 'usage-error
    (argument-values '("--jobs") "jobs" #f))
  (test-error "one that lacks its value before --" 'usage-error
    (argument-values '("--jobs" "--" "3") "jobs" #f)))

(define (checked arguments all-known?)
  (catch 'usage-error
    (lambda ()
      (check-options "x.scm" arguments '(("jobs" . #f) ("deep" . #t)) all-known?)
      'passed)
    (lambda (key procedure template values . rest)
      (apply format #f template values))))

(test-group "checks"
  (for-each
   (lambda (arguments)
     (test-equal (object->string arguments) 'passed (checked arguments #t)))
   '(()
     ("word" "-")
     ("--jobs" "--gibberish" "--deep" "--no-deep" "--deep=no")
     ("--from" "-x" "--only=y" "--plan")
     ("--" "--gibberish")))
  (test-equal "a value that is missing"
    "the option `--jobs` takes a value" (checked '("--jobs") #t))
  (test-equal "a value too many"
    "the option `--plan` takes no value" (checked '("--plan=x") #t))
  (test-equal "the nearest"
    "cannot run `x.scm`: it has no option `--job=3`; the nearest is `--jobs`"
    (checked '("--job=3") #t))
  (test-equal "what may be a parameter that is not known yet"
    'passed (checked '("--gibberish" "--lines=3") #f))
  (test-equal "what can be no parameter"
    "cannot run `x.scm`: it has no option `--simualte`; the nearest is fruix-scm's own `--simulate`"
    (checked '("--simualte") #f)))

(test-group "types"
  (for-each
   (lambda (type description)
     (test-equal (object->string type) description (type-description type)))
   '(string count boolean (one-of "a" "b") (list-of file))
   '("a string" "a whole number above zero" "yes or no" "one of \"a\", \"b\""
     "a list of names of files"))
  (test-equal "what is no type" '(#f #f #f #f)
    (map type-of-parameter? '(colour (one-of) (list-of (list-of string)) "string"))))

(define (outline text)
  (program-outline (list (cons "x.scm" text))))

(define (steps text)
  (map (lambda (step)
         (list (step-depth step) (step-name step) (step-known? step)
               (step-kind step) (step-when step)))
       (harness-steps (car (outline-harnesses (outline text))))))

(define (with-imports text)
  (string-append "(use-modules (fruix harness))" text))

(test-group "outline"
  (test-equal "nothing without the word's meaning" '()
    (outline-harnesses (outline "(harness \"x\" (step \"a\" 1))")))
  (test-equal "nothing in what is quoted" '()
    (outline-harnesses
     (outline (with-imports "(write '(harness \"x\" (step \"a\" 1)))"))))
  (test-equal "name, meaning and keys"
    '("x" "It is so." (a b))
    (let ((harness (car (outline-harnesses
                         (outline
                          (with-imports
                           "(harness \"x\" \"It is so.\" #:record (a b) (step \"s\" 1))"))))))
      (list (harness-name harness) (harness-doc harness) (harness-keys harness))))
  (test-equal "parameters"
    '((jobs count "Many." "jobs" 4))
    (map (lambda (parameter)
           (list (parameter-name parameter) (parameter-type parameter)
                 (parameter-doc parameter) (parameter-unit parameter)
                 ((parameter-default parameter))))
         (outline-parameters
          (outline "(define-parameter jobs \"Many.\" #:type count #:unit \"jobs\" #:default (+ 2 2))"))))
  (test-equal "kinds, nesting and conditions"
    '((0 "a" #t result #f) (1 "b" #t effect #f) (0 "c" #t resource condition)
      (0 "d" #t result loop))
    (steps (with-imports
            "(harness \"x\"
               (step \"a\" (step \"b\" #:proof #t 1))
               (if (getpid) (step \"c\" #:attach #f 1))
               (let loop ((n 0)) (step \"d\" n) (loop (+ n 1))))")))
  (test-equal "names that are made of constants, through procedures"
    '((0 "make world" #t result #f) (0 "make kernel -j4" #t result #f)
      (0 "(getenv \"X\")" #f result #f))
    (steps (with-imports
            "(define what \"make\")
             (define* (make target #:key (jobs #f))
               (let ((name (string-append what \" \" target)))
                 (step name 1)))
             (define run (lambda (thunk) (thunk)))
             (harness \"x\"
               (make \"world\")
               (run (lambda () (make (format #f \"kernel -j~a\" 4))))
               (step (getenv \"X\") 1))")))
  (test-equal "a procedure that calls itself is walked once"
    '((0 "a" #t result #f))
    (steps (with-imports
            "(define (again) (step \"a\" 1) (again))
             (harness \"x\" (again))")))
  (test-equal "a local name hides a procedure" '()
    (steps (with-imports
            "(define (go) (step \"a\" 1))
             (harness \"x\" (let ((go (lambda () 1))) (go)))")))
  (test-assert "what a macro makes is not known"
    (not (outline-complete?
          (outline (with-imports
                    "(define-syntax-rule (p n) (define-parameter n))
                     (harness \"x\" (step \"s\" 1))")))))
  (test-assert "a text that cannot be read is not known"
    (not (outline-complete? (outline (with-imports "(harness \"x\" (step"))))))

(let ((runner (test-runner-current)))
  (test-end "parameters")
  (exit (zero? (test-runner-fail-count runner))))
