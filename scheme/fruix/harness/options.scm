;;; What the options of a harness ask for.
;;;
;;; An argument that no harness and none of its parameters knows is refused before
;;; anything else is done.  `--help', `--list' and `--plan' are answered from the
;;; outline of the text: nothing of the program is run, no settings of a host are used,
;;; no host is asked, no folder made.  `--from' and `--only' say which steps a run does
;;; itself.

(define-module (fruix harness options)
  #:use-module (fruix harness arguments)
  #:use-module (fruix harness outline)
  #:use-module (fruix native program)
  #:use-module (fruix native run)
  #:use-module (fruix parameters)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (consider-program
            consider-arguments))

(define (consider-program)
  "Look at the arguments of the program before it is run.  Return #f when they ask for
nothing but an answer, which has been given; #t when the program is to be run: also
when it is no harness.

Throw 'usage-error when an argument is refused."
  (let ((outline (program-outline (%program-texts) #:whole? #f)))
    (or (null? (outline-harnesses outline))
        (begin
          (check-options (%program-file) (%program-arguments)
                         (known-names (outline-parameters outline))
                         (outline-complete? outline))
          (cond ((asked? "help") (show-help outline) #f)
                ((asked? "list") (show-steps (whole-outline)) #f)
                ((asked? "plan") (show-plan (whole-outline)) #f)
                (else
                 (select-steps (part-asked-for) whole-outline)
                 (set! %selected? #t)
                 #t))))))

(define (consider-arguments name)
  "Look at the arguments of the program when its harness NAME begins: by now each of
its parameters is known.

Throw 'usage-error when an argument is refused, or asks for what only the outline of a
text can answer."
  (when (%program-file)
    (check-options (%program-file) (%program-arguments)
                   (known-names (declared-parameters)) #t)
    (for-each
     (lambda (option)
       (when (asked? option)
         (refuse (format #f "cannot answer `--~a`: the text of `~a` does not show the harness `~a`, which something else makes"
                         option (%program-file) name)
                 "write (harness NAME ...) in the file, or in a module that it imports")))
     '("help" "list" "plan"))
    (unless %selected?
      (select-steps (part-asked-for) (const #f)))))

;; Whether the outline has told already which steps are to be done.
(define %selected? #f)

(define (whole-outline)
  (program-outline (%program-texts)))

(define (known-names parameters)
  (map (lambda (parameter)
         (cons (symbol->string (parameter-name parameter))
               (eq? 'boolean (parameter-type parameter))))
       parameters))

(define (asked? name)
  (pair? (argument-values (%program-arguments) name #t)))

(define (option-value name)
  (match (argument-values (%program-arguments) name #f)
    ((_ ... last) last)
    (() #f)))

(define* (refuse message #:optional hint)
  (throw 'usage-error #f "~A" (list message)
         (if hint `((hint . ,hint)) '())))

;;; A run in part.

(define (part-asked-for)
  "Return #f, or a list of how, step and run, strings, as the arguments say which part
of the harness is to be done.  The run is #f when none is named."
  (let ((from (option-value "from"))
        (only (option-value "only"))
        (of (option-value "of")))
    (cond ((and from only)
           (refuse "`--from` and `--only` do not go together: one step begins the run, or is all of it"))
          (from (list "from" from of))
          (only (list "only" only of))
          (of (refuse "`--of` names the run that steps are taken from, and nothing says which: `--from=STEP` or `--only=STEP` does"))
          (else #f))))

(define (select-steps part outline)
  "Let the run do PART only, what `part-asked-for' returns.  OUTLINE is a thunk that
returns the outline of the program or #f."
  (match part
    (#f #t)
    ((how step of)
     (let* ((outline (outline))
            (run (run-of part outline)))
       (%run-select! how step
                     (or (any (lambda (path)
                                (and (called? path step) (drop-right path 1)))
                              (if outline (paths-in-outline outline) '()))
                         '())
                     (if outline (known-harnesses outline) '())
                     (assq-ref run 'folder))))))

(define (known-harnesses outline)
  (filter string? (map harness-name (outline-harnesses outline))))

(define (run-of part outline)
  "Return what is known of the run that PART takes steps from; OUTLINE is that of the
program or #f.

Throw 'usage-error when no run is named or known, or no step can be called so."
  (match part
    ((how step #f)
     (let ((newest (any (lambda (harness)
                          (and (string? (harness-name harness))
                               (%newest-run (harness-name harness))))
                        (if outline (outline-harnesses outline) '()))))
       (refuse (format #f "`--~a=~a` passes steps over, and nothing says from which run they are taken"
                       how step)
               (if newest
                   (format #f "the newest run of this harness is `~a`: `--of=~a`"
                           newest newest)
                   "`--of=RUN` names one, and no run of this harness is kept"))))
    ((how step of)
     (let* ((run (%run-called of))
            (steps (append (assq-ref run 'steps)
                           (if outline (paths-in-outline outline) '()))))
       (when (and outline
                  (every (lambda (harness) (string? (harness-name harness)))
                         (outline-harnesses outline))
                  (not (member (assq-ref run 'harness) (known-harnesses outline))))
         (refuse (format #f "cannot take steps from run `~a`: it is of the harness `~a`, and this is `~a`"
                         (assq-ref run 'id) (assq-ref run 'harness)
                         (string-join (known-harnesses outline) "`, `"))))
       (unless (or (any (lambda (path) (called? path step)) steps)
                   (not outline)
                   (any-unknown-step? outline))
         (let ((nearest (%nearest-word step (map last steps))))
           (refuse (format #f "cannot do step `~a`: the harness has none that is called so~a"
                           step
                           (if nearest
                               (format #f "; the nearest is `~a`" nearest)
                               ""))
                   "`--list` tells the steps")))
       run))))

(define (called? path step)
  (or (string=? step (last path))
      (string=? step (string-join path " / "))))

(define (any-unknown-step? outline)
  (or (not (outline-complete? outline))
      (any (lambda (harness)
             (any (negate step-known?) (harness-steps harness)))
           (outline-harnesses outline))))

(define (paths-in-outline outline)
  (append-map (lambda (harness)
                (map car (steps-with-paths (harness-steps harness))))
              (outline-harnesses outline)))

(define (steps-with-paths steps)
  "Return a list of pairs: the path of each of STEPS, a list of names, and the step."
  (let loop ((steps steps) (around '()) (done '()))
    (match steps
      (() (reverse done))
      ((step . rest)
       (let ((path (append (list-head around (step-depth step))
                           (list (step-name step)))))
         (loop rest path (acons path step done)))))))

;;; Answers.

(define (show-help outline)
  (let ((file (%program-file)))
    (format #t "Usage: fruix-scm [OPTION]... ~a [PARAMETER]...~%" file)
    (for-each show-harness (outline-harnesses outline))
    (unless (null? (outline-parameters outline))
      (format #t "~%Parameters:~%")
      (for-each show-parameter (outline-parameters outline)))
    (unless (outline-complete? outline)
      (format #t "~%There may be more: the text does not show all that the program loads.~%"))
    (format #t "~%Options of every harness:~%")
    (for-each (match-lambda
                ((name value doc)
                 (show-option (string-append "--" name (if value (string-append "=" value) ""))
                              (list doc))))
              own-options)
    (show-option "--" '("ends the options"))
    (format #t "~%A parameter's value comes from the settings file, (parameters (NAME . VALUE)), then
from the variable FRUIX_NAME, then from its option; the later one counts.  The options
of fruix-scm itself stand before ~a: `fruix-scm --help` shows them.~%" file)))

(define (show-harness harness)
  (format #t "~%~a~%" (shown-name harness))
  (when (harness-doc harness)
    (for-each (lambda (line) (format #t "  ~a~%" (string-trim line)))
              (string-split (harness-doc harness) #\newline))))

(define (shown-name harness)
  (match (harness-name harness)
    ((? string? name) name)
    (expression (object->string expression))))

(define (show-option option lines)
  "Print OPTION, and LINES beside or below it."
  (define column 28)
  (define indentation (make-string column #\space))
  (if (< (string-length option) (- column 3))
      (format #t "  ~a~a~a~%" option
              (make-string (- column 2 (string-length option)) #\space)
              (car lines))
      (format #t "  ~a~%~a~a~%" option indentation (car lines)))
  (for-each (lambda (line) (format #t "~a~a~%" indentation line))
            (cdr lines)))

(define (show-parameter parameter)
  (show-option
   (string-append (parameter-option parameter)
                  (match (parameter-placeholder parameter)
                    (#f "")
                    (placeholder (string-append "=" placeholder))))
   (append
    (if (string-null? (parameter-doc parameter))
        '()
        (map string-trim (string-split (parameter-doc parameter) #\newline)))
    (list (string-append
           (type-description (parameter-type parameter))
           (if (parameter-unit parameter)
               (string-append ", " (parameter-unit parameter))
               "")
           "; "
           (shown-default parameter))
          (shown-value parameter)))))

(define (shown-default parameter)
  (if (parameter-default parameter)
      (string-append
       "default "
       (catch #t
         (lambda () (parameter-text parameter ((parameter-default parameter))))
         ;; It uses something of the program, of which nothing is run.
         (lambda _ (parameter-default-text parameter))))
      "must be given"))

(define (shown-value parameter)
  "Return what PARAMETER is now and why, a string."
  (catch #t
    (lambda ()
      (call-with-values (lambda () (parameter-lookup parameter))
        (lambda (value origin)
          (format #f "now ~a (~a)" (parameter-text parameter value) origin))))
    (lambda (key . arguments)
      (match (cons key arguments)
        (((or 'usage-error 'settings-error) _ template (? list? values) . _)
         (string-append "now: " (apply format #f template values)))
        (_ (format #f "now ~a (default)" (parameter-default-text parameter)))))))

(define (show-steps outline)
  (for-each (lambda (harness)
              (format #t "~a~%" (shown-name harness))
              (for-each (lambda (step) (show-step step "")) (harness-steps harness)))
            (outline-harnesses outline))
  (tell-how-steps-are-known outline))

(define (show-step step what)
  (format #t "~a~a~a~a~%"
          (make-string (* 2 (+ 1 (step-depth step))) #\space)
          (step-name step)
          (match (step-when step)
            (#f "")
            ('loop "  (as often as its loop turns)")
            ('condition "  (if its condition holds)"))
          what))

(define (tell-how-steps-are-known outline)
  (%run-note! "these are the steps that the text of the harness shows; none was run")
  (when (any (lambda (harness)
               (any (negate step-known?) (harness-steps harness)))
             (outline-harnesses outline))
    (%run-note! "what begins with a parenthesis is computed when it comes up"))
  (unless (outline-complete? outline)
    (%run-note! "there may be more: the text does not show all that the program loads")))

;;; The plan.

(define (show-plan outline)
  "Say what the program would do."
  (let* ((parameters (outline-parameters outline))
         (values (map planned-value parameters))
         (part (part-asked-for))
         (run (and part (run-of part outline))))
    (for-each (lambda (harness) (show-planned harness parameters values part run))
              (filter (lambda (harness)
                        (or (not run)
                            (equal? (harness-name harness) (assq-ref run 'harness))))
                      (outline-harnesses outline)))
    (tell-how-steps-are-known outline)
    (%run-note! "nothing was touched")))

(define (show-planned harness parameters values part run)
  (define name (shown-name harness))
  (format #t "~a~%" name)
  (format #t "  run_kind=~a~%" (planned-kind harness))
  (when (and (harness-has-machine? harness) (not (%program-simulated?)))
    (for-each (match-lambda
                ((key . value) (format #t "  ~a=~a~%" key value)))
              (%machine-of-settings)))
  (for-each (lambda (parameter value)
              (format #t "  ~a=~a  (~a)~%" (parameter-name parameter)
                      (car value) (cdr value)))
            parameters values)
  (unless (null? (harness-keys harness))
    (format #t "  record=~a~%"
            (string-join (map symbol->string (harness-keys harness)) " ")))
  (when (%metadata-file)
    (format #t "  METADATA_OUT=~a~%" (%metadata-file)))
  (when run
    (format #t "  verdict=partial  (~a step ~a, the rest taken from run ~a)~%"
            (car part) (cadr part) (assq-ref run 'id)))
  (format #t "  steps:~%")
  (let ((fate (make-fate part run)))
    (for-each (match-lambda
                ((path . step)
                 (show-step step (fate path step))))
              (steps-with-paths (harness-steps harness)))))

(define (planned-value parameter)
  "Return a pair of the value of PARAMETER, as it is shown, and its origin."
  (catch #t
    (lambda ()
      (call-with-values (lambda () (parameter-lookup parameter))
        (lambda (value origin)
          (cons (parameter-text parameter value) origin))))
    (lambda (key . arguments)
      (if (memq key '(usage-error settings-error))
          (apply throw key arguments)
          ;; It uses something of the program, of which nothing is run.
          (cons (parameter-default-text parameter) "default, computed when it is run")))))

(define (planned-kind harness)
  (cond ((not (harness-has-machine? harness)) "none")
        ((%program-simulated?) "simulated")
        (else "live")))

(define (make-fate part run)
  "Return a procedure that says of the path of a step, and the step, as they come in
order, what would become of it in a run of PART that takes steps from RUN; both may be
#f."
  (define reached #f)
  (define (inside? path)
    (and reached
         (>= (length path) (length reached))
         (equal? reached (list-head path (length reached)))))
  (match part
    (#f (lambda (path step)
          (match (step-kind step)
            ('result "")
            ('effect "  (effect)")
            ('resource "  (resource)"))))
    ((how name _)
     (lambda (path step)
       (when (and (not reached) (called? path name))
         (set! reached path))
       (cond ((or (inside? path) (and reached (string=? how "from")))
              "  (done)")
             (reached "  (not done)")
             (else
              (match (step-kind step)
                ('result
                 (if (member path (assq-ref run 'steps))
                     "  (taken from the run)"
                     "  (the run does not have it)"))
                ('effect "  (its proof is asked)")
                ('resource "  (attached to, or made again)"))))))))
