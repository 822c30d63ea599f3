;;; What happens upon an error within a call.

(define-module (system repl error-handling)
  #:export (call-with-error-handling with-error-handling))

(define* (call-with-error-handling thunk #:key (on-error 'debug) (post-error 'catch)
                                   (pass-keys '(quit)) (report-keys '(stack-overflow out-of-memory))
                                   (trap-handler 'debug))
  "Call THUNK.  An error whose key is not among PASS-KEYS is reported on the
current error port as ON-ERROR says: by `debug' or `report', by `backtrace', by
not at all, `pass', or by what a procedure does that is called with key and
arguments.  Then nothing is returned, or, where POST-ERROR is a procedure, what
that returns for key and arguments."
  (define (tell stack? key arguments)
    (let ((port (current-error-port)))
      (force-output (current-output-port))
      (when stack?
        (let ((port (current-output-port)))
          (display "Backtrace:\n" port)
          (display-backtrace (make-stack #t) port)))
      (print-exception port #f key arguments)))
  (catch #t
    (lambda ()
      (with-throw-handler #t
        thunk
        (lambda (key . arguments)
          (unless (memq key pass-keys)
            (case on-error
              ((backtrace) (tell #t key arguments))
              ((debug report) (tell #f key arguments))
              ((pass) #f)
              (else
               (if (procedure? on-error)
                   (apply on-error key arguments)
                   (scm-error 'misc-error "call-with-error-handling"
                              "Unknown on-error strategy: ~S" (list on-error) #f))))))))
    (lambda (key . arguments)
      (cond
       ((memq key pass-keys) (apply throw key arguments))
       ((procedure? post-error) (apply post-error key arguments))
       ((eq? post-error 'catch) *unspecified*)
       (else
        (scm-error 'misc-error "call-with-error-handling"
                   "Unknown post-error strategy: ~S" (list post-error) #f))))))

(define-syntax-rule (with-error-handling form)
  ;; FORM, with errors reported where they happen.
  (call-with-error-handling (lambda () form)))
