;;; Harnesses: steps, checks, and a record, ending in PASS or FAIL.
;;;
;;; A harness proves one sentence about a system.  It is an ordinary program
;;; that calls `run-harness'; within it, `step' names what is being done,
;;; `check' and `check-equal' say what must hold, `record!' keeps what was
;;; found out, and `at-end' promises a clean-up that happens whatever comes.
;;; docs/harness.md walks from an empty file to a PASS line.

(define-module (fruix harness)
  #:use-module (fruix datum)
  #:use-module (fruix harness checks)
  #:use-module (fruix harness keeping)
  #:use-module (fruix native program)
  #:use-module ((fruix native prompt) #:select (%replay-stops-before?))
  #:use-module (fruix native run)
  #:use-module (fruix parameters)
  #:use-module (ice-9 control)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module ((srfi srfi-1) #:select (alist-delete filter-map))
  #:use-module (srfi srfi-9)
  #:export (harness
            run-harness
            step
            call-with-step
            step-nonce
            run-file
            at-end
            end-now
            run-identifier
            run-name
            run-resumed?
            run-outcome
            keep-machine
            at-hand
            put-at-hand!)
  #:re-export (check
               check-equal
               claim
               collect-checks
               define-parameter
               fail
               record
               record!
               recorded))

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
  (make-promises list machine lost let-go at-hand asked)
  promises?
  (list     promises-list set-promises-list!)        ;promises, the last first
  (machine  promises-machine set-promises-machine!)  ;procedure or #f: see keep-machine
  (lost     promises-lost set-promises-lost!)        ;procedure: see keep-machine
  (let-go   promises-let-go set-promises-let-go!)    ;procedure: see keep-machine
  (at-hand  promises-at-hand set-promises-at-hand!)  ;alist: see put-at-hand!
  ;; What was decided about the failure that goes through the harness: see `decided'.
  (asked    promises-asked set-promises-asked!))

(define-record-type <promise>
  (make-promise what thunk of-machine?)
  promise?
  (what         promise-what)           ;string
  (thunk        promise-thunk)          ;procedure
  (of-machine?  promise-of-machine?))   ;boolean: not kept when the machine is

(define %promises (make-parameter #f))

(define-syntax harness
  (lambda (form)
    "Do BODY as the harness called NAME, a string.  What may stand before BODY: DOC, a
string that says what the harness proves, which `--help' shows; and #:record (KEY
...), the keys that the harness promises to record, in that order.  `run-harness'
says what running one means.

In a module that another program imports nothing is done: its procedures are
there for the harness of that program."
    (define imported?
      (not (or (equal? '(guile-user) (module-name (current-module)))
               (equal? (%program-source)
                       (assq-ref (or (syntax-source form) '()) 'filename)))))
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
           (if imported?
               #'(begin)
               (with-syntax (((key ...) keys) ((body ...) body))
                 #'(run-harness name '(key ...) (lambda () body ...))))))))))

;;; Steps.

(define-syntax step
  (lambda (form)
    "Do BODY as the step called NAME, a string, and return its values.  What
stands before BODY says of which kind the step is, that is, what becomes of it
when another process goes on with the run (`fruix-scm runs resume'):

  nothing            a result: its values, which are data, are kept;
  #:proof EXPR       an effect: it is not done again while EXPR, which asks the
                     world, gives something other than #f;
  #:attach EXPR      a resource, such as a connection: EXPR attaches to what
                     is there, or gives #f, and then BODY is done;
  #:identity PROC    with #:attach: PROC of the value gives a datum by which
                     another thing of its kind is told;
  #:inputs EXPR      a datum: what the step depends on.

And of any kind:

  #:skip EXPR        a string says why the step is left out; #f, that it is not;
  #:attempts EXPR    how often it is tried before it fails, a number;
  #:pause EXPR       with #:attempts: the seconds before it is tried again, 1;
  #:timeout EXPR     within how many seconds each attempt ends, a number;
  #:fails EXPR       a string says why the step is known to fail: then it must.

`call-with-step' says more."
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
              (unless (memq (car option) '(#:proof #:attach #:identity #:inputs
                                           #:skip #:attempts #:pause #:timeout
                                           #:fails))
                (syntax-violation 'step "no such option of a step" form
                                  (datum->syntax form (car option)))))
            options)
           (when (and (assq #:proof options) (assq #:attach options))
             (syntax-violation 'step "a step has a #:proof or an #:attach" form))
           (with-syntax (((body ...) (if (null? (syntax->datum body))
                                         #'(*unspecified*)
                                         body))
                         (place (datum->syntax form (place-text (syntax-source form))))
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
                               #:text text #:place 'place option ...))))))))

(define* (call-with-step name thunk
                         #:key
                         (text "")
                         (place #f)
                         (proof #f)
                         (attach #f)
                         (identity (const #f))
                         (inputs #f)
                         (skip (const #f))
                         (attempts (const 1))
                         (pause (const 1))
                         (timeout (const #f))
                         (fails (const #f)))
  "Call THUNK as the step called NAME, a string, and return its values.  The step
is shown while it goes on and kept in the journal; it fails when THUNK throws.

TEXT is a digest of the step's text, a string; PLACE says where that stands, a
string or #f; PROOF, ATTACH and INPUTS are thunks
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

When SKIP returns a string, why, THUNK is not called: the step has no value, and the
run may pass.  When THUNK throws and has been called fewer times than ATTEMPTS returns,
it is called again, PAUSE seconds later.  When TIMEOUT returns a number, and THUNK goes
on for so many seconds, what goes on in it is interrupted, and 'timeout thrown.  When FAILS returns a string, why, THUNK is to
throw 'check-failed or 'guest-command-failed: the step passes when it does, and has no
value, and fails when it does not.

Where a step fails in front of somebody, who decides what is done about it, it may
be done again, or left out: then it has the values that are said, and the run passes
no more.

At a prompt, outside of a harness, THUNK is called, and nothing is kept.

Throw 'usage-error, with NAME, when a result is no datum, or when the step is to be
passed over and the run that steps are taken from does not have it, and 'check-failed
when the proof of an effect does not hold after it was done."
  (define why-skipped (skip))
  (define why-failing (and (not why-skipped) (fails)))
  (define tries (attempts))
  (define kind
    (cond (why-skipped "result") (proof "effect") (attach "resource") (else "result")))
  (define limit (timeout))
  (define timed-thunk
    (if limit
        (lambda () (call-within limit name thunk))
        thunk))
  (define body
    (cond (why-skipped
           (lambda () (%run-skipped! why-skipped)))
          (why-failing
           (lambda () (fail-as-expected name timed-thunk why-failing)))
          (else timed-thunk)))
  (define depends-on
    (and inputs
         (datum->text (list (inputs))
                      (lambda (object)
                        (refuse-value name "its #:inputs have" object)))))
  (define (begin! why)
    (%run-step-begins! kind text depends-on why))
  (define (again! why)
    (%run-step-again! kind text depends-on why))
  (define (in-step thunk results->text results->identity)
    "Call THUNK in the step that has begun, end that, and return the values."
    (set! tries (- tries 1))
    (match (attempt place (const #t)
                    (lambda ()
                      (call-with-values thunk
                        (lambda results
                          ;; What cannot be kept is an error of the step.
                          (cons* (apply results->text results)
                                 (apply results->identity results)
                                 results))))
                    (positive? tries))
      (('done text identity . results)
       (%run-step-passed! text identity)
       (when (%run-enough?)
         (throw %enough))
       (apply values results))
      (('once-more)
       (let ((seconds (pause)))
         (%run-note! (format #f "once more in ~a s; attempts left: ~a" seconds tries))
         (usleep (inexact->exact (round (* 1000000 seconds))))
         (again! "the attempt before it failed")
         (in-step thunk results->text results->identity)))
      (('retry)
       (again! "tried again by hand")
       (in-step thunk results->text results->identity))
      (('skip)
       *unspecified*)
      (('skip . results)
       (apply values results))))
  (define (identity-of . results)
    (identity-text name (and (pair? results) (identity (car results)))))
  (define (do-it)
    (match kind
      ("result"
       (in-step body
                (lambda results
                  (results->text results
                                 (lambda (object)
                                   (refuse-value name "it returns" object))))
                (const #f)))
      ("effect"
       (in-step (lambda ()
                  (body)
                  (or (proof)
                      (fail (format #f "the step `~a' was done, and its proof does not hold"
                                    name))))
                (lambda results (results->text results (const #f)))
                (const #f)))
      ("resource"
       (in-step body (const #f) identity-of))))
  (define* (prove begun? #:optional (otherwise do-it))
    (match (attempt place
                    (lambda ()
                      (unless begun?
                        (begin! "its proof could not be asked")))
                    (lambda () (list (proof))))
      (('done #f)
       (unless (or begun? (not (eq? otherwise do-it)))
         (begin! "its proof does not hold"))
       (otherwise))
      (('done value)
       (%run-step-kept! "its proof holds"
                        (results->text (list value) (const #f)))
       value)
      (('retry)
       (again! "tried again by hand")
       (prove #t otherwise))
      (('skip)
       *unspecified*)
      (('skip . results)
       (apply values results))))
  (cond
   ((%run-at-prompt?)
    (%run-note! (string-append "▸ " name))
    (if (and proof (not why-skipped))
        (begin (body) (proof))
        (body)))
   (else
    (unless (eq? 'asking (decided))
      (decided #f))
    (let ((path (append (%run-step-path) (list name))))
      (when (%replay-stops-before? path place)
        ((module-ref (resolve-interface '(fruix prompt failure)) 'look-around)
         path
         (if place (string-append "at " place) "")
         (if (%promises) (promises-at-hand (%promises)) '()))))
    (match (%run-step-comes name kind text depends-on)
      ('do (do-it))
      (('kept . #f) *unspecified*)
      (('kept . text) (apply values (text->datum text)))
      ('prove (prove #f))
      ('only-prove
       (prove #f (lambda () (%run-step-refused! "its proof does not hold"))))
      ('enough (throw %enough))
      ('attach
       (begin! "a resource ends with its process")
       (in-step (lambda ()
                  (call-with-values attach
                    (case-lambda
                      ((value) (if value value (body)))
                      (results (apply values results)))))
                (const #f)
                identity-of))))))

(define* (attempt place before-failure thunk #:optional (once-more? #f))
  "Return a pair of `done' and what THUNK returns.  When it throws, call
BEFORE-FAILURE, say that the step that goes on, whose text stands at PLACE, has
failed, and return (once-more) with ONCE-MORE?; else ask what is to be done, if
somebody is there: return (retry), (skip VALUE …), or nothing, since the exception
goes on."
  (define failed? #f)
  (define (failing escape)
    ;; Nothing is caught here: whoever shows the error wants its place.
    (with-throw-handler #t
      (lambda () (cons 'done (thunk)))
      (lambda (key . arguments)
        ;; An interrupt may come in here too; a step fails once.
        (unless (or failed? (eq? key %enough))
          (set! failed? #t)
          (before-failure)
          (let ((step (%run-step-path)))
            (%run-step-failed! (symbol->string key) (exception-text key arguments))
            (match (and escape
                        (if (and once-more? (not (final? key)))
                            '(once-more)
                            (at-failure step place key arguments)))
              (#f #f)
              ((and decision ('skip . values))
               (%run-passed-over! step (skipped-text values))
               (escape decision))
              (decision (escape decision))))))))
  (if (or once-more? (%run-attended?))
      (call/ec failing)
      (failing #f)))

(define (final? key)
  "Return #t when an exception of KEY leaves nothing to be decided or tried again."
  (or (memq key (list 'interrupted 'quit 'machine-lost %enough))
      (lost-machine)))

(define (call-within seconds name thunk)
  "Call THUNK, of the step called NAME, and return its values.

Throw 'timeout when it goes on for SECONDS."
  (%run-deadline! (exact->inexact seconds))
  (call-with-values
      (lambda ()
        (catch 'interrupted
          (lambda ()
            (with-throw-handler #t
              thunk
              (lambda (key . arguments)
                (unless (eq? key 'interrupted)
                  (%run-deadline-over!)))))
          (lambda (key . arguments)
            (if (%run-deadline-over!)
                (throw 'timeout #f "~A"
                       (list (format #f "the step `~a' did not end within ~a s; ~a"
                                     name seconds (exception-text key arguments)))
                       '())
                (apply throw key arguments)))))
    (lambda results
      (%run-deadline-over!)
      (apply values results))))

(define (fail-as-expected name thunk why)
  "Call THUNK, the step called NAME, which is to fail because of WHY."
  (if (catch #t
        (lambda () (thunk) #t)
        (lambda (key . arguments)
          (if (memq key '(check-failed guest-command-failed))
              (begin (%run-failed-as-known! why (exception-text key arguments)) #f)
              (apply throw key arguments))))
      (fail (format #f "the step `~a' does not fail any more, which it was known to: ~a"
                    name why))))

;; What is thrown when the steps that were asked for are done.
(define %enough '%enough)

(define (skipped-text values)
  (match values
    (() "it was left out")
    (_ (string-append "it was left out, with "
                      (string-join (map object->string values) ", ")
                      " for its value"))))

;;; Asking at a failure.

(define (at-failure step place key arguments)
  "Ask what is to be done about the failure of STEP, a list of names, which is empty
outside of steps, and return (retry), (skip VALUE …), or #f when the exception, of KEY
and ARGUMENTS, is to go on."
  (and (%run-attended?)
       (%promises)
       (not (run-outcome))
       (not (decided))
       (not (final? key))
       (begin
         ;; Whatever fails meanwhile is the doing of whoever was asked.
         (decided 'asking)
         (match ((module-ref (resolve-interface '(fruix prompt failure))
                             'ask-at-failure)
                 step
                 (account step place key arguments)
                 #:folder (%run-directory)
                 #:at-hand (promises-at-hand (%promises)))
           ((or #f ('continue))
            (decided 'continue)
            #f)
           (('late)
            (decided 'alone)
            #f)
           (decision
            (decided #f)
            decision)))))

(define decided
  (case-lambda
    "Return what was decided about the failure that goes through the harness, or let
it be DECISION: #f, `asking' while somebody decides, `continue', or `alone' when
nobody answered."
    (() (and (%promises) (promises-asked (%promises))))
    ((decision)
     (when (%promises)
       (set-promises-asked! (%promises) decision)))))

(define (account step place key arguments)
  "Return what there is to be said of a failure, as lines in a string."
  (string-join
   (append
    (list (if (null? step)
              "outside of any step"
              (string-append "step " (string-join step " / "))))
    (if place (list (string-append "at " place)) '())
    (list (exception-text key arguments)
          (format #f "key ~a" key))
    (match arguments
      ((_ _ _ (? pair? details))
       (filter-map (match-lambda
                     (((? symbol? name) . value)
                      (format #f "~a: ~a" name value))
                     (_ #f))
                   details))
      (_ '())))
   "\n"))

(define (put-at-hand! name value)
  "Let whoever is asked at a failure of this harness have VALUE under NAME, a symbol.
`login' is no name but the command that logs in to the guest, a list of strings.
`at-hand' gives it back."
  (let ((promises (%promises)))
    (if promises
        (set-promises-at-hand! promises
                               (with-entry name value (promises-at-hand promises)))
        (set! %at-hand (with-entry name value %at-hand)))))

(define (with-entry name value entries)
  (acons name value (alist-delete name entries eq?)))

(define %at-hand
  ;; What is at hand outside of a harness, at a prompt.
  '())

(define (at-hand name)
  "Return what `put-at-hand!' has put at hand under NAME, a symbol, or #f:
`boot-approved-machine' does so with `session', `vm' and `guest'."
  (let ((promises (%promises)))
    (assq-ref (if promises (promises-at-hand promises) %at-hand)
              name)))

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

;;; What a run keeps.

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
harness ended.  With OF-MACHINE? it is left out when the machine is kept, or is lost
to another run.

At a prompt, outside of a harness, nothing has an end, and whoever sits there is told."
  (let ((promises (%promises)))
    (cond
     (promises
      (%run-promised! what)
      (set-promises-list! promises
                          (cons (make-promise what thunk of-machine?)
                                (promises-list promises))))
     ((not (%run-at-prompt?))
      (throw 'usage-error 'at-end "~A"
             '("at-end belongs inside a harness") '()))
     (of-machine?
      (%run-note! (string-append "outside of a harness this is left to you: " what))))))

(define (end-now what)
  "Keep the promises called WHAT, a string, which have become due, instead of at the
end, the last one first.  Throw what one of them throws."
  (let ((promises (%promises)))
    (for-each (lambda (promise)
                (set-promises-list! promises (delq promise (promises-list promises)))
                (with-throw-handler #t
                  (promise-thunk promise)
                  (lambda (key . arguments)
                    (%run-cleaned-up! what (exception-text key arguments))))
                (%run-cleaned-up! what #f))
              (if promises
                  (filter (lambda (promise) (string=? what (promise-what promise)))
                          (promises-list promises))
                  '()))))

(define* (keep-machine proc #:key (lost (const #f)) (let-go (const #f)))
  "From now on the harness has a machine that can be kept when it ends: then PROC is
called with why, a string, instead of the clean-ups of the machine.  It returns
until when, in seconds since 1970, and how to log in, a string, or #f for either.

LOST is a thunk that returns to whom the machine is lost, a string, or #f.  A run that
has lost it ends with 'machine-lost: LET-GO is called, which lets nothing of the run
reach the machine any more, and the clean-ups of the machine are left out."
  (let ((promises (%promises)))
    (when promises
      (set-promises-machine! promises proc)
      (set-promises-lost! promises lost)
      (set-promises-let-go! promises let-go))))

(define (lost-machine)
  "Return to whom the machine of the harness is lost, a string, or #f."
  ((promises-lost (%promises))))

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
      (let* ((promises (make-promises '() #f (const #f) (const #f) '() #f))
             (exception (parameterize ((%promises promises)
                                       (run-name name)
                                       (run-identifier identifier))
                          (or-lost (ended-by (lambda () (asking-outside thunk))))))
             (trouble (parameterize ((run-name name)
                                     (run-identifier identifier)
                                     (run-outcome (outcome-of exception)))
                        (clean-up promises exception))))
        (conclude name (if (machine-lost? trouble)
                           trouble
                           (or exception trouble)))))))

(define (asking-outside thunk)
  "Call THUNK, the whole harness; what fails in it outside of steps is asked about too."
  (with-throw-handler #t
    thunk
    (lambda (key . arguments)
      (at-failure '() #f key arguments))))

(define (or-lost exception)
  "Return EXCEPTION, which ended the harness, or #f; but when its machine is lost, an
exception that says so: whatever else went wrong is most likely the other run's doing,
and what went well was not on a machine of its own."
  (let ((lost (and (not (machine-lost? exception))
                   (lost-machine))))
    (if lost
        (exception-of
         (lambda ()
           (throw 'machine-lost #f "~A"
                  (list (if exception
                            (string-append lost "; before that: " (described exception))
                            lost))
                  '())))
        exception)))

(define (machine-lost? exception)
  (and exception
       (eq? 'machine-lost (exception-kind exception))))

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
first, whatever each of them throws.  What belongs to a machine that is lost is left
out.  Return #f, or the first exception; that the machine is lost comes before others."
  (let* ((lost? (machine-lost? exception))
         (kept? (and (not lost?)
                     (promises-machine promises)
                     (keep-or-tidy (promises-machine promises) (not exception)
                                   (run-identifier) described
                                   #:ask? (not (eq? 'alone (promises-asked promises)))))))
    (when lost?
      (exception-of (promises-let-go promises)))
    (let loop ((lost? lost?) (trouble #f))
      (match (promises-list promises)
        (() trouble)
        ((promise . rest)
         ;; What is tried is not tried again.
         (set-promises-list! promises rest)
         (cond
          ((not (promise-of-machine? promise))
           (loop lost? (or trouble (keep-promise promise))))
          (kept?
           (loop lost? trouble))
          (lost?
           (%run-left-out! (promise-what promise) "the machine is another run's")
           (loop lost? trouble))
          (else
           (let ((exception (keep-promise promise)))
             (cond
              ((machine-lost? exception)
               (exception-of (promises-let-go promises))
               (loop #t exception))
              (else
               (loop lost? (or trouble exception))))))))))))

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
         (passed-over (%run-steps-passed-over))
         (failure (or exception
                      (exception-of (lambda () (set! verdict (finish! #f)))))))
    ;; The verdict is the last line on a terminal, too.
    (tell-what-is-kept failure)
    (for-each (lambda (entry)
                (format #t "~a=~a~%" (car entry) (cdr entry)))
              entries)
    (for-each (lambda (step)
                (format #t "passed_over=~a~%" (%run-visible step)))
              passed-over)
    (when failure
      ;; What did not pass says so, whatever the journal says.
      (exception-of (lambda () (finish! failure))))
    (let ((failure (tell-verdict name failure verdict)))
      (force-output)
      (%run-ended!)
      (%run-clean-up-ends!)
      (when failure
        (raise-exception failure)))))

(define (tell-what-is-kept failure)
  "Say how long the run took, where its journal and logs are, and how to look at it or,
when FAILURE has ended it, to go on with it."
  (let ((folder (%run-directory)))
    (when folder
      (let ((run (basename folder)))
        (%run-note! (format #f "the run took ~,1f s; its journal and logs: ~a"
                            (%run-elapsed) folder))
        (%run-note! (string-append "  look at it: fruix-scm runs show " run))
        ;; A world that ends with its process is not gone on with.
        (when (and failure
                   (not (%run-taken-from))
                   (not (string=? "simulated" (%run-kind))))
          (%run-note! (string-append "  go on with it: fruix-scm runs resume " run)))))))

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
