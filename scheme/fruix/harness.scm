;;; Harnesses: steps, checks, and a record, ending in PASS or FAIL.
;;;
;;; A harness proves one sentence about a system.  It is an ordinary program
;;; that calls `run-harness'; within it, `step' names what is being done,
;;; `check' and `check-equal' say what must hold, `record!' keeps what was
;;; found out, and `at-end' promises a clean-up that happens whatever comes.
;;; docs/harness.md walks from an empty file to a PASS line.

(define-module (fruix harness)
  #:use-module (fruix native run)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:export (harness
            run-harness
            step
            call-with-step
            check
            check-equal
            record!
            recorded
            run-file
            at-end
            run-identifier
            fail))

(define run-identifier
  ;; The identifier of the run that goes on, a string; "" outside of one.  What a
  ;; run makes elsewhere can carry it.
  (make-parameter ""))

(define %promises
  ;; What `at-end' has promised in the harness that runs: a vector of one list
  ;; of pairs, a description and a thunk, the last promise first.
  (make-parameter #f))

(define-syntax harness
  ;; Do BODY as the harness called NAME, a string, which promises to record the
  ;; KEYs, in that order.  `run-harness' says what that means.
  (syntax-rules ()
    ((_ name #:record (key ...) body ...)
     (run-harness name '(key ...) (lambda () body ...)))
    ((_ name body ...)
     (run-harness name '() (lambda () body ...)))))

(define-syntax-rule (step name body ...)
  ;; Do BODY as the step called NAME, a string, and return its values.
  (call-with-step name (lambda () body ...)))

(define (call-with-step name thunk)
  "Call THUNK as the step called NAME, a string, and return its values.  The
step is shown while it goes on and kept in the journal; it fails when THUNK
throws."
  (%run-step-began! name)
  (call-with-values
      (lambda ()
        (catch #t
          thunk
          (lambda (key . arguments)
            (%run-step-ended! (exception-text key arguments))
            (apply throw key arguments))))
    (lambda results
      (%run-step-ended! #f)
      (apply values results))))

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

(define (at-end what thunk)
  "Promise that THUNK is called when the harness ends, whether it passed, failed
or was interrupted; WHAT, a string, names the clean-up if it fails.  Promises
are kept in the reverse order of their making."
  (let ((promises (%promises)))
    (unless promises
      (throw 'usage-error 'at-end "~A"
             '("at-end belongs inside a harness") '()))
    (promises-set! promises (acons what thunk (promises-ref promises)))))

;; A list of promises is shared between a harness and its steps, so it lives
;; in a one-element vector that both can reach.
(define (promises-ref promises) (vector-ref promises 0))
(define (promises-set! promises list) (vector-set! promises 0 list))

(define (run-harness name keys thunk)
  "Run THUNK as the harness called NAME, a string.  KEYS lists the symbols that
THUNK promises to record, in the order in which they are printed.

Afterwards keep the promises made with `at-end', print the record as key=value
lines and end with the line `PASS NAME', or with `FAIL NAME: ' and the reason;
write the record of a harness that passed to the file that the variable
METADATA_OUT names, if any.  Throw again what ended THUNK."
  (let* ((identifier (%run-begin name (map symbol->string keys)
                                 (getenv "METADATA_OUT")))
         (promises (vector '()))
         (ended (parameterize ((%promises promises)
                               (run-identifier identifier))
                  (thrown-by thunk)))
         (trouble (keep-promises promises))
         (entries (recorded))
         (ended (or ended trouble (thrown-by (lambda () (%run-finish! #f))))))
    (for-each (lambda (entry)
                (format #t "~a=~a~%" (car entry) (cdr entry)))
              entries)
    (cond (ended
           (let ((text (one-line (exception-text (car ended) (cdr ended)))))
             (%run-finish! text)
             (format #t "FAIL ~a: ~a~%" (%visible-text name) (%visible-text text))
             (force-output)
             (apply throw ended)))
          (else
           (format #t "PASS ~a~%" (%visible-text name))
           (force-output)))))

(define (thrown-by thunk)
  "Call THUNK; return #f, or the list of the key and arguments of what it threw."
  (catch #t
    (lambda () (thunk) #f)
    list))

(define (keep-promises promises)
  "Call every promised thunk, the last promise first, whatever each of them
throws.  Return #f, or the list of the key and arguments of the first that
threw."
  (%run-clean-up-begins!)
  (let loop ((waiting (promises-ref promises))
             (trouble #f))
    (match waiting
      (() trouble)
      (((what . thunk) . rest)
       (let ((thrown (thrown-by thunk)))
         (when thrown
           (%run-note! (format #f "clean-up `~a' failed: ~a" what
                               (exception-text (car thrown) (cdr thrown)))))
         (loop rest (or trouble thrown)))))))

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

(define (one-line text)
  "Return TEXT with each newline replaced by a space."
  (string-map (lambda (char)
                (if (memv char '(#\newline #\return)) #\space char))
              text))
