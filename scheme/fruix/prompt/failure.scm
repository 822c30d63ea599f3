;;; The prompt at a failure: what a harness asks whoever sits at the terminal.
;;;
;;; It opens in the middle of the run, where a step has failed, with all that is in
;;; force there.  So what is typed is evaluated by `answer', which lets nothing out:
;;; no exception reaches the handlers of the run.  The talk itself is in Rust,
;;; src/cli/repl/failure.rs.

(define-module (fruix prompt failure)
  #:use-module (fruix native prompt)
  #:use-module (fruix settings)
  #:use-module (ice-9 match)
  #:export (ask-at-failure
            look-around))

(define* (ask-at-failure step account #:key folder at-hand)
  "Ask what is to be done about the failure of STEP, a list of names, the outermost
first, which is empty outside of steps.  ACCOUNT, a string, tells it in full; FOLDER
is that of the run, a string or #f; AT-HAND is an association list from symbols to
values, which have these names for whoever answers.

Return (retry), (skip VALUE …) or (continue); (late) when nobody pressed a key for
as long as the setting `prompt-seconds' says, 1800 unless set; #f when the setting
`prompt' is \"off\"."
  (and (prompt-wanted?)
       (begin
         (force-output)
         (offer (cons `(journal . ,(and folder (string-append folder "/journal.scm")))
                      (alist-delete-key 'login at-hand)))
         ;; What is typed is not for whoever reads the record.
         (parameterize ((current-output-port (current-error-port)))
           (%prompt-at-failure step account folder
                               (or (assq-ref at-hand 'login) '())
                               (setting-or 'prompt-seconds 1800)
                               evaluate
                               apply-named)))))

(define (look-around step account at-hand)
  "Let whoever sits at the terminal look around before STEP of a replay, a list of names,
and end the program then.  ACCOUNT and AT-HAND are as of `ask-at-failure'."
  (force-output)
  (offer (alist-delete-key 'login at-hand))
  (parameterize ((current-output-port (current-error-port)))
    (%prompt-in-replay step account evaluate apply-named)))

(define (prompt-wanted?)
  (match (catch 'settings-error
           (lambda () (setting-or 'prompt "on"))
           (const "on"))
    ("on" #t)
    ("off" #f)
    (other
     (throw 'settings-error #f "~A"
            (list (string-append "`prompt' is \"" other "\"; it takes \"on\" or \"off\""))
            '()))))

(define (alist-delete-key key alist)
  (filter (lambda (entry) (not (eq? key (car entry)))) alist))

(define %offered (resolve-module '(run-at-hand)))

(define (offer entries)
  "Let the names of ENTRIES mean their values in the current module, but for those
that mean something there already."
  (module-use! (current-module) %offered)
  (for-each (match-lambda
              ((name . value)
               (let ((there (module-variable (current-module) name)))
                 (when (or (not there)
                           (eq? there (module-variable %offered name)))
                   (module-define! %offered name value)
                   (module-export! %offered (list name))))))
            entries))

;;; What the talk evaluates with: an answer is (values VALUE …), (raised KEY MESSAGE
;;; HINT), with strings, or (quit).

(define (evaluate text)
  (answer (lambda () (eval-string text (current-module)))))

(define (apply-named module name arguments)
  (answer (lambda ()
            (let ((module (resolve-module (call-with-input-string module read))))
              (apply (module-ref module (string->symbol name)) arguments)))))

(define (answer thunk)
  (with-exception-handler
    (lambda (exception)
      (let ((key (exception-kind exception))
            (arguments (exception-args exception)))
        (force-output)
        (if (eq? key 'quit)
            '(quit)
            (list 'raised
                  (symbol->string key)
                  (told key arguments)
                  (hint arguments)))))
    (lambda ()
      (call-with-values thunk
        (lambda results
          (force-output)
          (cons 'values results))))
    #:unwind? #t))

(define (told key arguments)
  (string-trim-right
   (call-with-output-string
     (lambda (port) (print-exception port #f key arguments)))))

(define (hint arguments)
  (match arguments
    ((_ _ _ (? pair? details))
     (let ((hint (assq-ref details 'hint)))
       (and (string? hint) hint)))
    (_ #f)))
