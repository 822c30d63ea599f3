;;; Control: values, continuations, dynamic extents, exceptions, parameters,
;;; promises, prompts, evaluation.
;;;
;;; Definitions of this folder make up module (guile) together with the
;;; natives.  Each is compiled when a program first refers to it, on its own,
;;; so a definition may only rely on names, never on having been loaded.

(define (call-with-values producer consumer)
  "Call CONSUMER with the values that PRODUCER returns."
  (%machine-apply consumer (%values-arguments (%all (producer)))))

;; The emitter has a call with two operands call this.
(define (%apply procedure arguments)
  (%machine-apply procedure (%apply-arguments arguments)))

(define (apply procedure argument . arguments)
  "Call PROCEDURE with ARGUMENT and ARGUMENTS, the last of which is a list of further ones."
  (%machine-apply procedure (%spread-arguments (cons argument arguments))))

;;; Dynamic extents: src/guile/extents.rs says what their list is made of.

(define (dynamic-wind before thunk after)
  "Call BEFORE, THUNK and AFTER; BEFORE and AFTER also whenever control enters
or leaves the extent of THUNK.  Return what THUNK returns."
  (before)
  (%push-extent (cons before after) #f)
  (let ((result (%all (thunk))))
    (%pop-extent)
    (after)
    result))

;; Each leaving thunk runs with what was in force outside of its extent.
(define (%leave-to extents)
  (let ((after (%next-after extents)))
    (if after
        (begin
          (after)
          (%leave-to extents)))))

;; What is not of dynamic-wind stays out of force until the machine has its frames.
(define (%enter-extents extents stop)
  (if (not (eq? extents stop))
      (let ((entry (car extents)))
        (%enter-extents (cdr extents) stop)
        (if (or (%enter-fluids entry)
                (if (pair? (car entry))
                    (begin
                      ((car (car entry)))
                      #t)
                    #f))
            (%set-extents! (cons entry (%extents)))))))

(define (%rewind extents)
  (let ((common (%common-extents extents)))
    (%leave-to common)
    (%enter-extents extents common)
    (%set-extents! extents)))

;; The same where the frames inside of EXTENTS are gone already, and with them the
;; handlers there.
(define (%cut-to extents)
  (let ((after (%next-after extents)))
    (if after
        (begin
          (%with-handlers extents after)
          (%cut-to extents)))))

(define (call-with-current-continuation procedure)
  "Call PROCEDURE with the current continuation, which may be called any number
of times with the values to return here."
  (let* ((extents (%extents))
         (run (%run-number))
         (result
          (%all
           (%machine-call/cc
            (lambda (k)
              (%until-unwound
               (list (lambda ()
                       (procedure
                        (lambda results
                          (if (%barrier-between? extents)
                              (%barred))
                          (%in-run run
                                   (lambda ()
                                     (%rewind extents)
                                     (k (%all (%list->values results)))))))))))))))
    (if (eq? result %unwinding)
        (%unwind-with (%last-caught))
        result)))

;; The machine forgets a continuation whose frame it unwinds: nothing could call it any
;; more.  One that is returned from is kept whole, so what unwinds stops here, and goes on
;; from outside of that frame.  The thunk is taken out of the list CELL, since it has the
;; continuation, which is copied where it is returned from and anything still holds it.
(define (%until-unwound cell)
  (%all
   (%machine-try
    (lambda (trouble)
      (%caught trouble)
      %unwinding)
    (lambda ()
      (let* ((sentinel (%sentinel))
             (result (%all ((%taken-out cell)))))
        (%disarm sentinel)
        result)))))

(define (%taken-out cell)
  (let ((content (car cell)))
    (set-car! cell #f)
    content))

(define %unwinding (list 'unwinding))

(define (%barred)
  (scm-error 'misc-error "%continuation-call"
             "invoking continuation would cross continuation barrier" '() #f))

;; Call THUNK, which never returns, in the run of the machine with NUMBER: this
;; one, or one around the natives that called us.
(define (%in-run number thunk)
  (cond
   ((eqv? number (%run-number)) (thunk))
   ((%run-goes-on? number)
    (%disarm (%sentinel %raise-from-native))
    (%set-escape! (lambda () (%in-run number thunk)))
    (%unwind-to '%escape '()))
   (else (%foreign-continuation))))

(define (call/cc procedure)
  "Short for call-with-current-continuation."
  (call-with-current-continuation procedure))

(define (%foreign-continuation)
  (scm-error 'misc-error #f
             "continuation belongs to an evaluation that has ended or to the call
of a macro"
             '() #f))

(define (call-with-escape-continuation procedure)
  "Call PROCEDURE with a procedure that returns from this call at once."
  (call-with-current-continuation procedure))

(define (call/ec procedure)
  "Short for call-with-escape-continuation."
  (call-with-current-continuation procedure))

(define (%while-break leave)
  (lambda results
    (if (null? results)
        (leave #t)
        (apply leave results))))

(define (%leave-all)
  (%cut-to '()))

(define (with-continuation-barrier thunk)
  "Call THUNK; continuations do not lead into its extent nor out of it.  What it
throws is told on the error port, and the result is then #f."
  (%push-extent #\| #f)
  (let ((result
         (%all (catch #t
                 thunk
                 (lambda (key . args)
                   (case key
                     ((quit) (apply primitive-exit args))
                     ((interrupted) (apply throw key args))
                     (else (print-exception (current-error-port) #f key args)))
                   #f)))))
    (%pop-extent)
    result))

;;; Exceptions.

(define (make-exception-from-throw key args)
  "Return the exception object for throwing KEY with the list ARGS."
  (if (and (eq? key '%exception) (pair? args))
      (car args)
      (%make-throw key args)))

(define (%accepts? mark object)
  (let ((key (car mark)))
    (or (eq? key #t)
        (eq? key (exception-kind object))
        (and (procedure? key) (key object)))))

;; What natives that raise do where the program has a say in it: a handler to call,
;; a leaving thunk, a predicate to ask.
(define (%raise object continuable?)
  (let loop ((extents (%next-handler (%extents) object)))
    (if (null? extents)
        (%unwind-to object '())
        (let ((kind (car (car extents)))
              (handler (cdr (car extents)))
              (outer (cdr extents)))
          (cond
           (kind
            (if (or (not (procedure? kind)) (kind object))
                (begin
                  (if handler (%call-throw-handler handler object))
                  (%leave-to extents)
                  (%unwind-to object extents))
                (loop (%next-handler outer object))))
           ((pair? handler)
            (%call-throw-handler handler object)
            (loop (%next-handler outer object)))
           (continuable?
            (%with-handlers outer (lambda () (handler object))))
           (else
            (%with-handlers outer (lambda () (handler object)))
            (%with-handlers outer (lambda () (%handler-returned object)))))))))

(define (%call-throw-handler entry object)
  (if (not (cdr entry))
      (dynamic-wind
       (lambda () (set-cdr! entry #t))
       (lambda () ((car entry) object))
       (lambda () (set-cdr! entry #f)))))

(define (%handler-returned object)
  ;; Looked up when it happens: every program that can raise would otherwise have
  ;; the types of conditions compiled.
  (%raise ((%load-in-language 'make-non-continuable-error))
          #f))

(define (%with-handlers extents thunk)
  (%push-extent '() extents)
  (let ((result (%all (thunk))))
    (%pop-extent)
    result))

(define (%raise-from-native object)
  (%raise object #f))

(define* (raise-exception object #:key (continuable? #f))
  "Raise OBJECT, any object, to the handlers in force."
  (%raise object continuable?))

(define (raise-continuable object)
  "Raise OBJECT and return what the handler returns."
  (%raise object #t))

;;; Run THUNK in a frame of the machine; for what unwinds to there WHEN-UNWOUND is
;;; called with TROUBLE bound.

(define-syntax-rule (%in-frame thunk trouble when-unwound)
  (%machine-try
   (lambda (trouble) when-unwound)
   (lambda ()
     (let* ((sentinel (%sentinel %raise-from-native))
            (result (%all (thunk))))
       (%leave-extent sentinel)
       result))))

;;; Run THUNK; when an exception unwinds to MARK, call HANDLER with it, or with key
;;; and arguments, in the extent of this call.

(define-syntax-rule (%in-marked-frame mark thunk handler for-throw?)
  (%in-frame thunk trouble
             (let ((arguments (%arrived trouble mark for-throw?)))
               (if arguments
                   (%machine-apply handler arguments)
                   (%machine-trouble mark handler for-throw?)))))

;; Errors that the machine finds itself have not met the handlers yet, so they are
;; raised again from here.
(define (%machine-trouble mark handler for-throw?)
  (let* ((object (%last-caught))
         (here (%extents-at mark))
         (outer (cdr here))
         (accepted? (%accepts? mark object))
         (before (and accepted? (cdr mark))))
    (define (go-on)
      (cond
       ((not accepted?) (%raise object #f))
       (for-throw? (%machine-apply handler (%caught-arguments object)))
       (else (handler object))))
    (%forget-frames-after object)
    (if before
        (%with-handlers outer (lambda () ((car before) object))))
    (if (eq? (%extents) here)
        (begin
          (%set-extents! outer)
          (go-on))
        ;; What a leaving thunk throws is for the same handler.
        ((%in-frame (lambda () (%cut-to here) go-on)
                    trouble
                    (let ((arguments (%arrived trouble mark for-throw?)))
                      (lambda ()
                        (if arguments
                            (%machine-apply handler arguments)
                            (%machine-trouble mark handler for-throw?)))))))))

;; A machine that has had very many frames keeps room for them, and its own way of
;; refusing more loses count.  One that goes on in a continuation which has been left
;; has as many as that needs.
(define (%forget-frames)
  (let ((continue #f) (gone-on? #f))
    (%machine-call/cc (lambda (k) (set! continue k)))
    (if gone-on?
        ;; The continuation has the frames, and this variable has the continuation.
        (set! continue #f)
        (begin
          (set! gone-on? #t)
          (continue #f)))
    (%frames-are-gone)))

;; Forget them where a recursion may have had OBJECT thrown.  What is below is there three
;; times over meanwhile, for which there may be no room.
(define (%forget-frames-after object)
  (case (exception-kind object)
    ((stack-overflow) (%forget-frames))
    ((out-of-memory) (if (< (%depth) 100000) (%forget-frames)))))

(define (%catch key thunk handler)
  (let ((mark (%push-extent key #f)))
    (%in-marked-frame mark thunk handler #t)))

(define (%catch-object key thunk handler)
  (let ((mark (%push-extent key #f)))
    (%in-marked-frame mark thunk handler #f)))

;; The emitter has a call with three operands call %catch.
(define* (catch key thunk handler #:optional (pre-unwind-handler #f))
  "Call THUNK.  When it throws KEY, or anything if KEY is #t, return what
HANDLER returns for the key and the arguments.  PRE-UNWIND-HANDLER is called
before the stack is unwound."
  (if pre-unwind-handler
      (let ((mark (%push-extent key
                                (cons (lambda (object)
                                        (apply pre-unwind-handler
                                               (exception-kind object)
                                               (exception-args object)))
                                      #f))))
        (%in-marked-frame mark thunk handler #t))
      (%catch key thunk handler)))

(define (false-if-exception-procedure thunk)
  (%catch-object #t thunk (lambda (object) #f)))

(define-syntax-rule (false-if-exception expression)
  (false-if-exception-procedure (lambda () expression)))

(define (with-throw-handler key thunk handler)
  "Call THUNK with HANDLER called, before unwinding, for what it throws with KEY."
  (%with-procedure-handler
   (cons (lambda (object)
           (if (or (eq? key #t) (eq? key (exception-kind object)))
               (apply handler
                      (exception-kind object)
                      (exception-args object))))
         #f)
   thunk))

;;; Handlers that are procedures also need a frame of the machine: its own
;;; errors unwind before anyone is asked.

(define (%with-procedure-handler handler thunk)
  (let ((entry (%push-extent #f handler)))
    (%in-frame thunk trouble
               (let ((object (%caught trouble)))
                 (if (%last-was-raised?)
                     (%unwind-with object)
                     (begin
                       (%forget-frames-after object)
                       (%cut-to (%extents-at entry))
                       (%raise object #f)))))))

;; The emitter has a call with two operands call %with-procedure-handler.
(define* (with-exception-handler handler thunk
                                 #:key (unwind? #f) (unwind-for-type #t))
  "Call THUNK with HANDLER in force.  When UNWIND?, HANDLER is called after the
stack has been unwound and its value is returned; otherwise where the exception
is raised."
  (if unwind?
      (%catch-object (if (or (eq? unwind-for-type #t) (symbol? unwind-for-type))
                         unwind-for-type
                         (lambda (object)
                           (%exception-of-type? object unwind-for-type)))
                     thunk
                     handler)
      (%with-procedure-handler handler thunk)))

(define-syntax guard
  (syntax-rules ()
    ((_ (variable clause ...) body ...)
     (%guard (lambda () body ...)
             (lambda (variable) (%guard-clauses clause ...))))))

;; #f, or the thunk of what to do after unwinding.
(define-syntax %guard-clauses
  (syntax-rules (else =>)
    ((_) #f)
    ((_ (else expression ...))
     (lambda () expression ...))
    ((_ (test => receiver) clause ...)
     (let ((value test))
       (if value
           (lambda () (receiver value))
           (%guard-clauses clause ...))))
    ((_ (test) clause ...)
     (let ((value test))
       (if value
           (lambda () value)
           (%guard-clauses clause ...))))
    ((_ (test expression ...) clause ...)
     (if test
         (lambda () expression ...)
         (%guard-clauses clause ...)))))

;; As in Guile, CLAUSES are tried where the exception is raised, with the handlers
;; outside of this call.
(define (%guard thunk clauses)
  (let* ((outer (%extents))
         (accepted #f)
         (mark (%push-extent
                (lambda (object)
                  (set! accepted
                        (%with-handlers outer (lambda () (clauses object))))
                  accepted)
                #f)))
    (%in-marked-frame mark thunk (lambda (object) (accepted)) #f)))

(define (exit . status)
  "End the program with STATUS."
  (apply throw 'quit status))

(define (quit . status)
  "End the program with STATUS."
  (apply throw 'quit status))

;;; Fluids and parameters.  A fluid is a cell; a parameter is a procedure
;;; that knows its fluid and its converter.

(define* (make-fluid #:optional (default #f))
  "Return a fluid whose value is DEFAULT."
  (%make-fluid default))

(define (make-unbound-fluid)
  "Return a fluid without a value."
  (%make-fluid (%unbound 0)))

(define* (make-thread-local-fluid #:optional (default #f))
  "Return a fluid whose value is DEFAULT; threads share it here."
  (%make-fluid default))

(define (fluid-thread-local? fluid)
  "Return #f: threads share the values of fluids."
  #f)

(define (fluid-unset! fluid)
  "Take its value from FLUID."
  (%set-fluid-value! fluid (%unbound 0)))

(define (fluid-ref* fluid depth)
  "Return the value of FLUID before the innermost DEPTH bindings of it."
  (if (not (and (exact-integer? depth) (>= depth 0)))
      (scm-error 'out-of-range "fluid-ref*" "Value out of range: ~S" (list depth) (list depth)))
  (if (= depth 0)
      (%fluid-value fluid)
      (%fluid-outside fluid depth)))

;;; A dynamic state: the values that fluids had, and those of with-fluids in force.

(define %dynamic-state-type
  (%make-record-type 'dynamic-state '(values) '(#t) #f #f))

(define (dynamic-state? object)
  "Tell whether OBJECT is a dynamic state."
  (%record-is-a? object %dynamic-state-type))

(define (current-dynamic-state)
  "Return the values that fluids have now."
  (%record %dynamic-state-type
           (map (lambda (fluid) (cons fluid (%fluid-held fluid))) (%all-fluids))))

(define (set-current-dynamic-state state)
  "Give fluids the values they have in STATE; return the state that was."
  (let ((before (current-dynamic-state)))
    (for-each (lambda (entry) (%set-fluid-value! (car entry) (cdr entry)))
              (%record-field state 0))
    before))

(define (with-dynamic-state state thunk)
  "Call THUNK while fluids have the values they have in STATE, which keeps what
THUNK changes."
  (let ((outside #f))
    (dynamic-wind
      (lambda ()
        (set! outside (set-current-dynamic-state state)))
      thunk
      (lambda ()
        (%set-record-field! state 0 (%record-field (current-dynamic-state) 0))
        (set-current-dynamic-state outside)))))

(define (fluid-ref fluid)
  "Return the value of FLUID."
  (%fluid-value fluid))

(define (fluid-set! fluid value)
  "Make VALUE the value of FLUID in this dynamic extent."
  (%set-fluid-value! fluid value))

(define (with-fluid* fluid value thunk)
  "Call THUNK while FLUID has VALUE."
  (%with-fluids (list fluid) (list value) thunk))

(define (with-fluids* fluids values thunk)
  "Call THUNK while FLUIDS have VALUES."
  (%with-fluids fluids values thunk))

(define-syntax-rule (with-fluids ((fluid value) ...) body body* ...)
  (with-fluids* (list fluid ...) (list value ...) (lambda () body body* ...)))

(define (%with-fluids fluids values thunk)
  (if (null? fluids)
      (thunk)
      (begin
        (%push-fluids fluids values)
        (let ((result (%all (thunk))))
          (%pop-fluids)
          result))))

(define* (make-parameter value #:optional (converter (lambda (x) x)))
  "Return a parameter whose value is what CONVERTER makes of VALUE."
  (%make-parameter (%make-fluid (converter value)) converter))

(define* (fluid->parameter fluid #:optional (converter (lambda (x) x)))
  "Return a parameter for the value of FLUID."
  (%make-parameter fluid converter))

(define (%make-parameter fluid converter)
  (let ((data (%parameter-data fluid converter)))
    (lambda arguments
      (cond
       ((null? arguments) (%parameter-value data))
       ((null? (cdr arguments))
        (let ((old (%parameter-value data)))
          (%set-fluid-value! (%data-fluid data)
                             ((%data-converter data) (car arguments)))
          old))
       (else (%no-matching-arity arguments))))))

(define (%parameterize bindings thunk)
  (let loop ((bindings bindings) (fluids '()) (values '()))
    (if (null? bindings)
        (%with-fluids fluids values thunk)
        (let ((parameter (car (car bindings)))
              (value (cdr (car bindings))))
          (let ((fluid (%parameter-fluid parameter)))
            (if fluid
                (loop (cdr bindings)
                      (cons fluid fluids)
                      (cons ((%parameter-converter parameter) value) values))
                (scm-error 'wrong-type-arg "parameterize" "Not a parameter: ~S"
                           (list parameter) #f)))))))

;;; Promises.

;;; A promise is done and holds its value, or holds a thunk: of kind delay the
;;; thunk gives the value, of kind force another promise to go on with.

(define (%make-delayed thunk)
  (%make-promise 'delay thunk))

(define (%make-delayed-force thunk)
  (%make-promise 'force thunk))

(define (make-promise value)
  "Return a promise that has VALUE already, or VALUE itself when it is a promise."
  (if (promise? value)
      value
      (%make-promise 'done value)))

(define (force promise)
  "Return the value of PROMISE, computing it the first time."
  (if (promise? promise)
      (let loop ()
        (let ((kind (%promise-kind promise)))
          (if (eq? kind 'done)
              (%promise-content promise)
              (let ((result ((%promise-content promise))))
                (cond
                 ((eq? (%promise-kind promise) 'done)
                  (%promise-content promise))
                 ((and (eq? kind 'force) (promise? result))
                  (%promise-settle! promise
                                    (%promise-kind result)
                                    (%promise-content result))
                  (loop))
                 (else
                  (%promise-settle! promise 'done result)
                  result))))))
      (scm-error 'wrong-type-arg "force" "Wrong type argument in position ~A: ~S"
                 (list 1 promise) (list promise))))

(define (%no-syntax-clause form)
  (syntax-violation #f "source expression failed to match any pattern" form))

;;; Properties of procedures, and procedures with setters.

(define %procedure-properties (make-weak-key-hash-table))

(define (procedure-name procedure)
  "Return the name that PROCEDURE was given or, failing that, defined with, or #f."
  (let ((given (and (procedure? procedure)
                    (assq 'name (hashq-ref %procedure-properties procedure '())))))
    (if given
        (cdr given)
        (%procedure-name procedure))))

(define (procedure-documentation procedure)
  "Return what was set as the documentation of PROCEDURE or, failing that, what
its text says, or #f."
  (let ((given (and (procedure? procedure)
                    (assq 'documentation
                          (hashq-ref %procedure-properties procedure '())))))
    (if given
        (cdr given)
        (%procedure-documentation procedure))))

(define (procedure-properties procedure)
  "Return the association list of what was set on PROCEDURE, and its name."
  (let ((own (hashq-ref %procedure-properties procedure '()))
        (name (procedure-name procedure)))
    (if (and name (not (assq 'name own)))
        (append own (list (cons 'name name)))
        own)))

(define (procedure-property procedure key)
  "Return the value of KEY on PROCEDURE, or #f."
  (let ((entry (assq key (procedure-properties procedure))))
    (cond (entry (cdr entry))
          ((eq? key 'documentation) (procedure-documentation procedure))
          (else #f))))

(define (set-procedure-property! procedure key value)
  "Make VALUE the value of KEY on PROCEDURE."
  (hashq-set! %procedure-properties procedure
              (cons (cons key value)
                    (alist-delete key (hashq-ref %procedure-properties procedure '()) eq?)))
  (if #f #f))

(define (set-procedure-properties! procedure properties)
  "Make PROPERTIES the association list of PROCEDURE's properties."
  (hashq-set! %procedure-properties procedure properties)
  (if #f #f))

(define (make-procedure-with-setter getter setter)
  "Return a procedure that does what GETTER does and whose setter is SETTER."
  (let ((procedure (lambda arguments (apply getter arguments))))
    (set-procedure-property! procedure 'setter setter)
    procedure))

(define (procedure-with-setter? object)
  "Tell whether OBJECT is a procedure with a setter."
  (and (procedure? object)
       (if (assq 'setter (hashq-ref %procedure-properties object '())) #t #f)))

(define (procedure procedure)
  "Return the getter of PROCEDURE."
  (if (%same-code? procedure %a-procedure-with-setter)
      (car (%closed-over procedure))
      procedure))

(define %a-procedure-with-setter (make-procedure-with-setter car set-car!))

(define (setter procedure)
  "Return the setter of PROCEDURE."
  (or (procedure-property procedure 'setter)
      (scm-error 'wrong-type-arg "setter" "Wrong type argument in position ~A: ~S"
                 (list 1 procedure) (list procedure))))

(define (fluid-bound? fluid)
  "Tell whether FLUID has a value."
  (catch 'misc-error
    (lambda ()
      (%fluid-value fluid)
      #t)
    (lambda arguments #f)))
