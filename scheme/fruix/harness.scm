;;; Harnesses: steps, checks, and a record, ending in PASS or FAIL.
;;;
;;; A harness proves one sentence about a system.  It is an ordinary program
;;; that calls `run-harness'; within it, `step' names what is being done,
;;; `check' and `check-equal' say what must hold, `record!' keeps what was
;;; found out, and `at-end' promises a clean-up that happens whatever comes.
;;; docs/harness.md walks from an empty file to a PASS line.

(define-module (fruix harness)
  #:use-module (fruix datum)
  #:use-module (fruix harness keeping)
  #:use-module (fruix native program)
  #:use-module (fruix native run)
  #:use-module (fruix parameters)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-9)
  #:export (harness
            run-harness
            step
            call-with-step
            step-nonce
            check
            check-equal
            record!
            recorded
            run-file
            at-end
            run-identifier
            run-name
            run-resumed?
            run-outcome
            keep-machine
            fail)
  #:re-export (define-parameter))

(define run-identifier
  ;; The identifier of the run that goes on, a string; "" outside of one.  What a
  ;; run makes elsewhere can carry it.
  (make-parameter ""))

(define run-name
  ;; The name of the harness that runs, a string; "" outside of one.
  (make-parameter ""))

(define run-outcome
  ;; How the harness ended whose clean-ups run: `passed', `failed' or
  ;; `interrupted'; #f before.  A clean-up may ask.
  (make-parameter #f))

(define-record-type <promises>
  ;; What a harness that runs has promised.
  (make-promises list machine)
  promises?
  (list     promises-list set-promises-list!)        ;promises, the last first
  (machine  promises-machine set-promises-machine!)) ;procedure or #f: see keep-machine

(define-record-type <promise>
  (make-promise what thunk of-machine?)
  promise?
  (what         promise-what)           ;string
  (thunk        promise-thunk)          ;procedure
  (of-machine?  promise-of-machine?))   ;boolean: not kept when the machine is

(define %promises (make-parameter #f))

(define-syntax harness
  ;; Do BODY as the harness called NAME, a string.  What may stand before BODY: DOC, a
  ;; string that says what the harness proves, which `--help' shows; and #:record (KEY
  ;; ...), the keys that the harness promises to record, in that order.  `run-harness'
  ;; says what running one means.
  (lambda (form)
    (define (parse rest keys)
      (syntax-case rest ()
        ((#:record (key ...) . rest)
         (parse #'rest #'(key ...)))
        ((doc next . rest)
         (string? (syntax->datum #'doc))
         (parse #'(next . rest) keys))
        ((keyword . _)
         (keyword? (syntax->datum #'keyword))
         (syntax-violation 'harness "no such option of a harness" form #'keyword))
        (()
         (syntax-violation 'harness "a harness does something" form))
        (body (values keys #'body))))
    (syntax-case form ()
      ((_ name . rest)
       (call-with-values (lambda () (parse #'rest '()))
         (lambda (keys body)
           (with-syntax (((key ...) keys) ((body ...) body))
             #'(run-harness name '(key ...) (lambda () body ...)))))))))

;;; Steps.

(define-syntax step
  ;; Do BODY as the step called NAME, a string, and return its values.  What
  ;; stands before BODY says of which kind the step is, that is, what becomes of it
  ;; when another process goes on with the run (`fruix-scm runs resume'):
  ;;
  ;;   nothing            a result: its values, which are data, are kept;
  ;;   #:proof EXPR       an effect: it is not done again while EXPR, which asks the
  ;;                      world, gives something other than #f;
  ;;   #:attach EXPR      a resource, such as a connection: EXPR attaches to what
  ;;                      is there, or gives #f, and then BODY is done;
  ;;   #:identity PROC    with #:attach: PROC of the value gives a datum by which
  ;;                      another thing of its kind is told;
  ;;   #:inputs EXPR      a datum: what the step depends on.
  ;;
  ;; `call-with-step' says more.
  (lambda (form)
    (define (parse options rest)
      (syntax-case rest ()
        ((keyword value . rest)
         (keyword? (syntax->datum #'keyword))
         (parse (acons (syntax->datum #'keyword) #'value options) #'rest))
        (body (values options #'body))))
    (syntax-case form ()
      ((_ name . rest)
       (call-with-values (lambda () (parse '() #'rest))
         (lambda (options body)
           (for-each
            (lambda (option)
              (unless (memq (car option) '(#:proof #:attach #:identity #:inputs))
                (syntax-violation 'step "no such option of a step" form
                                  (datum->syntax form (car option)))))
            options)
           (when (and (assq #:proof options) (assq #:attach options))
             (syntax-violation 'step "a step has a #:proof or an #:attach" form))
           (with-syntax (((body ...) (if (null? (syntax->datum body))
                                         #'(*unspecified*)
                                         body))
                         (text (%run-text-digest
                                (object->string (syntax->datum body) write)))
                         ((option ...)
                          (apply append
                                 (map (lambda (option)
                                        (list (datum->syntax form (car option))
                                              (if (eq? (car option) #:identity)
                                                  (cdr option)
                                                  #`(lambda () #,(cdr option)))))
                                      options))))
             #'(call-with-step name (lambda () body ...)
                               #:text text option ...))))))))

(define* (call-with-step name thunk
                         #:key
                         (text "")
                         (proof #f)
                         (attach #f)
                         (identity (const #f))
                         (inputs #f))
  "Call THUNK as the step called NAME, a string, and return its values.  The step
is shown while it goes on and kept in the journal; it fails when THUNK throws.

TEXT is a digest of the step's text, a string; PROOF, ATTACH and INPUTS are thunks
or #f.  Without PROOF and ATTACH the step is a result: its values must be data,
and a process that goes on with the run returns them instead of calling THUNK,
unless TEXT or what INPUTS returns has changed, a step before it has given
something else, or it made a promise with `at-end'.

With PROOF it is an effect: what PROOF returns, not #f, is the step's value.
THUNK is not called when PROOF holds already in a run that is gone on with, and
PROOF is asked again after it.  `step-nonce' is the same when it is tried again.

With ATTACH it is a resource: in a run that is gone on with, what ATTACH returns,
if that is not #f, is the step's value.  What IDENTITY returns for the value, a
datum, tells whether it is the same as before.

Throw 'usage-error, with NAME, when a result is no datum, or when the step is to be
passed over and the run that steps are taken from does not have it, and 'check-failed
when the proof of an effect does not hold after it was done."
  (define kind
    (cond (proof "effect") (attach "resource") (else "result")))
  (define depends-on
    (and inputs
         (datum->text (list (inputs))
                      (lambda (object)
                        (refuse-value name "its #:inputs have" object)))))
  (define (begin! why)
    (%run-step-begins! kind text depends-on why))
  (define (do-it)
    (match kind
      ("result"
       (in-step thunk
                (lambda results
                  (results->text results
                                 (lambda (object)
                                   (refuse-value name "it returns" object))))
                (const #f)))
      ("effect"
       (in-step (lambda ()
                  (thunk)
                  (or (proof)
                      (fail (format #f "the step `~a' was done, and its proof does not hold"
                                    name))))
                (lambda results (results->text results (const #f)))
                (const #f)))
      ("resource"
       (in-step thunk
                (const #f)
                (lambda results
                  (identity-text name (and (pair? results)
                                           (identity (car results)))))))))
  (match (%run-step-comes name kind text depends-on)
    ('do (do-it))
    (('kept . #f) *unspecified*)
    (('kept . text) (apply values (text->datum text)))
    ('prove
     (let ((value (guarded begin! proof)))
       (cond (value
              (%run-step-kept! "its proof holds"
                               (results->text (list value) (const #f)))
              value)
             (else
              (begin! "its proof does not hold")
              (do-it)))))
    ('only-prove
     (let ((value (guarded begin! proof)))
       (cond (value
              (%run-step-kept! "its proof holds"
                               (results->text (list value) (const #f)))
              value)
             (else (%run-step-refused! "its proof does not hold")))))
    ('enough (throw %enough))
    ('attach
     (begin! "a resource ends with its process")
     (in-step (lambda ()
                (call-with-values attach
                  (case-lambda
                    ((value) (if value value (thunk)))
                    (results (apply values results)))))
              (const #f)
              (lambda results
                (identity-text name (and (pair? results)
                                         (identity (car results)))))))))

(define (guarded begin! proof)
  "Return what PROOF returns.  When it throws, the step has begun and failed."
  (with-throw-handler #t
    proof
    (lambda (key . arguments)
      (begin! "its proof could not be asked")
      (%run-step-failed! (symbol->string key) (exception-text key arguments)))))

(define (in-step thunk results->text results->identity)
  "Call THUNK in the step that has begun, end that, and return the values."
  (call-with-values
      (lambda ()
        ;; Nothing is caught here: whoever shows the error wants its place.
        (with-throw-handler #t
          (lambda ()
            (call-with-values thunk
              (lambda results
                ;; What cannot be kept is an error of the step.
                (let* ((text (apply results->text results))
                       (identity (apply results->identity results)))
                  (apply values text identity results)))))
          (lambda (key . arguments)
            (unless (eq? key %enough)
              (%run-step-failed! (symbol->string key)
                                 (exception-text key arguments))))))
    (lambda (text identity . results)
      (%run-step-passed! text identity)
      (when (%run-enough?)
        (throw %enough))
      (apply values results))))

;; What is thrown when the steps that were asked for are done.
(define %enough '%enough)

(define (results->text results refuse)
  "Return RESULTS, the values of a step, as text; #f for none."
  (match results
    (() #f)
    (((? unspecified?)) #f)
    (_ (datum->text results refuse))))

(define (identity-text name identity)
  (and identity
       (datum->text identity
                    (lambda (object)
                      (refuse-value name "its #:identity gives" object)))))

(define (refuse-value name how object)
  (throw 'usage-error 'step "~A"
         (list (string-append
                (format #f "step `~a': ~a ~s, which is no datum and cannot be kept"
                        name how object)
                "; say #:attach if it is a resource, #:proof if only its effect matters"))
         '()))

(define (unspecified? object)
  (eq? object *unspecified*))

(define (step-nonce)
  "Return a string of letters and digits that is the running step's own, also when
another process does it again: what an effect may leave in the world, to be found
by its proof.  It is \"\" outside of a step."
  (%run-step-nonce))

;;; Checks and the record.

(define (check what holds?)
  "Check that HOLDS? is true; WHAT, a string, says what that means and is shown.

Throw 'check-failed otherwise."
  (if holds?
      (%run-check-passed! what)
      (fail (format #f "this does not hold: ~a" what))))

(define (check-equal what actual expected)
  "Check that ACTUAL and EXPECTED are equal?; WHAT, a string, says what they
are and is shown.

Throw 'check-failed, with both, otherwise."
  (if (equal? actual expected)
      (%run-check-passed! what)
      (fail (format #f "~a: expected ~s, found ~s" what expected actual))))

(define (fail message)
  "Throw 'check-failed with MESSAGE, a string: the system under test is not as
it should be."
  (throw 'check-failed #f "~A" (list message) '()))

(define (record! key value)
  "Put VALUE, a string or a number, into the record as KEY, a symbol that the
harness announced with #:record."
  (%run-record! (symbol->string key)
                (if (string? value) value (format #f "~a" value))))

(define (recorded)
  "Return what has been recorded so far: an association list from symbols to
strings, in the announced order."
  (%run-record))

(define (run-file name)
  "Return the file NAME in the folder of this run, where what is worth keeping
besides the record goes, or #f when the run has no folder."
  (let ((directory (%run-directory)))
    (and directory (string-append directory "/" name))))

(define (run-resumed?)
  "Return #t when another process has worked on this run before."
  (%run-resumed?))

;;; Clean-ups.

(define* (at-end what thunk #:key (of-machine? #f))
  "Promise that THUNK is called when the harness ends, whether it passed, failed
or was interrupted; WHAT, a string, names the clean-up, which is shown.  Promises
are kept in the reverse order of their making; `run-outcome' tells them how the
harness ended.  With OF-MACHINE? it is left out when the machine is kept."
  (let ((promises (%promises)))
    (unless promises
      (throw 'usage-error 'at-end "~A"
             '("at-end belongs inside a harness") '()))
    (%run-promised! what)
    (set-promises-list! promises
                        (cons (make-promise what thunk of-machine?)
                              (promises-list promises)))))

(define (keep-machine proc)
  "From now on the harness has a machine that can be kept when it ends: then PROC is
called with why, a string, instead of the clean-ups of the machine.  It returns
until when, in seconds since 1970, and how to log in, a string, or #f for either."
  (let ((promises (%promises)))
    (when promises
      (set-promises-machine! promises proc))))

;;; Runs.

(define (run-harness name keys thunk)
  "Run THUNK as the harness called NAME, a string.  KEYS lists the symbols that
THUNK promises to record, in the order in which they are printed.

Afterwards keep the promises made with `at-end', print the record as key=value
lines and end with the line `PASS NAME', with `FAIL NAME: ' and the reason, or with
`PARTIAL NAME: ' and which part was done; write the record, unless it failed, to the
file that the variable METADATA_OUT names, if any.  Throw again what ended THUNK, and
'partial when a part was done.

Throw 'usage-error, before anything else, when an argument of the program looks like an
option and is neither a parameter nor an option of every harness."
  ;; Most runs have no arguments, and need not wait for what reads them.
  (unless (null? (%program-arguments))
    ((module-ref (resolve-interface '(fruix harness options)) 'consider-arguments)
     name))
  (let ((identifier (%run-begin name (map symbol->string keys)
                                (getenv "METADATA_OUT"))))
    ;; A program that is gone on with has passed this one already.
    (when identifier
      (let* ((promises (make-promises '() #f))
             (exception (parameterize ((%promises promises)
                                       (run-name name)
                                       (run-identifier identifier))
                          (ended-by thunk)))
             (trouble (parameterize ((run-name name)
                                     (run-identifier identifier)
                                     (run-outcome (outcome-of exception)))
                        (clean-up promises exception))))
        (conclude name (or exception trouble))))))

(define (ended-by thunk)
  "Call THUNK; return #f, or the exception that ended it.  Interrupts that come
from then on wait until the harness has cleaned up."
  ;; One may come after the end of THUNK and before it has to wait: hence twice.
  (exception-of (lambda ()
                  (let ((exception (exception-of thunk)))
                    (when exception
                      (raise-exception exception))))))

(define (exception-of thunk)
  "Call THUNK; return #f, or the exception that ended it.  The harness cleans up
from then on."
  (let ((exception (with-exception-handler
                     (lambda (exception) exception)
                     (lambda () (thunk) #f)
                     #:unwind? #t)))
    (%run-clean-up-begins!)
    (and exception
         (not (eq? %enough (exception-kind exception)))
         exception)))

(define (outcome-of exception)
  (cond ((not exception) 'passed)
        ((eq? 'interrupted (exception-kind exception)) 'interrupted)
        (else 'failed)))

(define (clean-up promises exception)
  "Keep the machine or the promises of it, and every other promise, the last one
first, whatever each of them throws.  Return #f, or the first exception."
  (let ((kept? (and (promises-machine promises)
                    (keep-or-tidy (promises-machine promises) (not exception)
                                  (run-identifier) described))))
    (let loop ((trouble #f))
      (match (promises-list promises)
        (() trouble)
        ((promise . rest)
         ;; What is tried is not tried again.
         (set-promises-list! promises rest)
         (loop (or (and (not (and kept? (promise-of-machine? promise)))
                        (keep-promise promise))
                   trouble)))))))

(define (keep-promise promise)
  "Do what PROMISE promises, and show it.  Return #f, or what it threw."
  (let ((exception (exception-of (promise-thunk promise))))
    (%run-cleaned-up! (promise-what promise)
                      (and exception (described exception)))
    exception))

(define (conclude name exception)
  "Print the record and the verdict of the harness NAME, which EXCEPTION has ended
if it is not #f, and end the run; then raise EXCEPTION again."
  (let* ((verdict #f)
         (entries (recorded))
         (failure (or exception
                      (exception-of (lambda () (set! verdict (finish! #f)))))))
    (for-each (lambda (entry)
                (format #t "~a=~a~%" (car entry) (cdr entry)))
              entries)
    (when failure
      ;; What did not pass says so, whatever the journal says.
      (exception-of (lambda () (finish! failure))))
    (let ((failure (tell-verdict name failure verdict)))
      (force-output)
      (%run-ended!)
      (%run-clean-up-ends!)
      (when failure
        (raise-exception failure)))))

(define (tell-verdict name failure verdict)
  "Print the last lines of the harness NAME, which FAILURE has ended or whose verdict is
VERDICT.  Return what is to be raised, or #f."
  (define (end-with word message)
    (format #t "~a ~a~a~%" word (%run-visible name)
            (if message
                (string-append ": " (%run-visible message))
                "")))
  (define (tell-kind)
    (unless (string=? "live" (%run-kind))
      (format #t "run_kind=~a~%" (%run-kind))))
  (match verdict
    (#f
     (end-with "FAIL" (described failure))
     failure)
    (("pass" . _)
     (tell-kind)
     (end-with "PASS" #f)
     #f)
    ((word . message)
     (tell-kind)
     (format #t "verdict=~a~%" word)
     (end-with (string-upcase word) message)
     (exception-of
      (lambda ()
        (throw 'partial #f "~A"
               (list (format #f "`~a` has not passed: ~a" name message)) '()))))))

(define (finish! exception)
  "Give the run, which EXCEPTION has ended if it is not #f, its verdict, and return that
with what there is to say of it."
  (if exception
      (%run-finish! (symbol->string (exception-kind exception))
                    (described exception))
      (%run-finish! #f #f)))

(define (described exception)
  "Return what EXCEPTION says, a string."
  (exception-text (exception-kind exception) (exception-args exception)))

(define (exception-text key arguments)
  "Return what KEY and ARGUMENTS, as `catch' hands them over, say, as a string."
  (match arguments
    ((_ (? string? template) (? list? values) . _)
     (catch #t
       (lambda ()
         (if (failure-key? key)
             (apply format #f template values)
             (format #f "~a: ~a" key (apply format #f template values))))
       (lambda _
         (format #f "~a: ~s" key arguments))))
    (_
     (format #f "~a: ~s" key arguments))))

(define (failure-key? key)
  ;; The keys whose messages say everything by themselves.
  (%failure-key? (symbol->string key)))
