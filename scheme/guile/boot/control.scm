;;; Control: values, continuations, dynamic extents, exceptions, parameters,
;;; promises, prompts, evaluation.
;;;
;;; Definitions of this folder make up module (guile) together with the
;;; natives.  Each is compiled when a program first refers to it, on its own,
;;; so a definition may only rely on names, never on having been loaded.

(define (call-with-values producer consumer)
  "Call CONSUMER with the values that PRODUCER returns."
  (%machine-apply consumer
                  (%machine-arguments (%values->list (producer)))))

(define (apply procedure . arguments)
  "Call PROCEDURE with ARGUMENTS, the last of which is a list of further ones."
  (%machine-apply procedure (%spread-arguments arguments)))

;;; Dynamic extents.  %winds is the list of (BEFORE . AFTER) that are in force,
;;; innermost first.  %handlers is the list of exception handlers, likewise.

(define %winds '())

(define %handlers '())

(define (dynamic-wind before thunk after)
  "Call BEFORE, THUNK and AFTER; BEFORE and AFTER also whenever control enters
or leaves the extent of THUNK.  Return what THUNK returns."
  (before)
  (set! %winds (cons (cons before after) %winds))
  (let ((result (thunk)))
    (set! %winds (cdr %winds))
    (after)
    result))

(define (%common-winds a b)
  (let ((length-a (length a))
        (length-b (length b)))
    (let loop ((a (if (> length-a length-b) (list-tail a (- length-a length-b)) a))
               (b (if (> length-b length-a) (list-tail b (- length-b length-a)) b)))
      (if (eq? a b)
          a
          (loop (cdr a) (cdr b))))))

(define (%rewind target)
  (if (eq? %winds target)
      #t
      (let ((common (%common-winds %winds target)))
        (let leave ()
          (if (eq? %winds common)
              #t
              (let ((wind (car %winds)))
                (set! %winds (cdr %winds))
                ((cdr wind))
                (leave))))
        (let enter ((winds target))
          (if (eq? winds common)
              #t
              (begin
                (enter (cdr winds))
                ((car (car winds)))
                (set! %winds winds)))))))

(define (call-with-current-continuation procedure)
  "Call PROCEDURE with the current continuation, which may be called any number
of times with the values to return here."
  (let ((winds %winds)
        (handlers %handlers)
        (run (%run-number)))
    (%machine-call/cc
     (lambda (k)
       (procedure
        (lambda results
          (%in-run run
                   (lambda ()
                     (%rewind winds)
                     (set! %handlers handlers)
                     (k (%list->values results))))))))))

;; Call THUNK, which never returns, in the run of the machine with NUMBER: this
;; one, or one around the natives that called us.
(define (%in-run number thunk)
  (cond
   ((eqv? number (%run-number)) (thunk))
   ((%run-goes-on? number)
    (%disarm (%sentinel %raise-from-native))
    (%set-escape! (lambda () (%in-run number thunk)))
    (set! %handlers '())
    (%unwind-with '%escape))
   (else (%foreign-continuation))))

(define (call/cc procedure)
  "Short for call-with-current-continuation."
  (call-with-current-continuation procedure))

(define (%foreign-continuation)
  (scm-error 'misc-error #f
             "continuation belongs to an evaluation that has ended or to the call of a macro"
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
  (set! %handlers '())
  (%rewind '()))

(define (with-continuation-barrier thunk)
  "Call THUNK; control does not enter its extent again once it has been left."
  (let ((inside #t))
    (dynamic-wind
      (lambda ()
        (if (not inside)
            (scm-error 'misc-error #f "cannot enter a continuation barrier again" '() #f)))
      thunk
      (lambda () (set! inside #f)))))

;;; Exceptions.  A handler on %handlers is a procedure, called where the
;;; exception is raised, with the handlers outside of it in force; or a mark: the
;;; exception unwinds to the mark's frame when the mark accepts its key.  A mark
;;; is a vector: accepted key, the throw handler to call before unwinding or #f.
;;; A throw handler is a pair of a procedure and whether it is running: it is
;;; called with all handlers in force but itself.

(define (make-exception-from-throw key args)
  "Return the exception object for throwing KEY with the list ARGS."
  (if (and (eq? key '%exception) (pair? args))
      (car args)
      (%make-throw key args)))

(define (%accepts? mark object)
  (let ((key (vector-ref mark 0)))
    (or (eq? key #t)
        (eq? key (exception-kind object))
        (and (procedure? key) (key object)))))

(define (%raise object continuable?)
  (let loop ((handlers (%next-handler %handlers object)))
    (cond
     ((null? handlers)
      (%unwind-with object))
     ((vector? (car handlers))
      (let ((mark (car handlers)))
        (if (or (not (procedure? (vector-ref mark 0)))
                (%accepts? mark object))
            (let ((before (vector-ref mark 1)))
              (if before (%call-throw-handler before object))
              (set! %handlers handlers)
              (%unwind-with object))
            (loop (%next-handler (cdr handlers) object)))))
     ((pair? (car handlers))
      (%call-throw-handler (car handlers) object)
      (loop (%next-handler (cdr handlers) object)))
     (else
      (let ((handler (car handlers)))
        (if continuable?
            (%with-handlers (cdr handlers)
                            (lambda () (handler object)))
            (begin
              (%with-handlers (cdr handlers)
                              (lambda () (handler object)))
              (%with-handlers (cdr handlers)
                              (lambda () (%handler-returned object))))))))))

(define (%call-throw-handler entry object)
  (if (not (cdr entry))
      (dynamic-wind
       (lambda () (set-cdr! entry #t))
       (lambda () ((car entry) object))
       (lambda () (set-cdr! entry #f)))))

(define (%handler-returned object)
  ;; Looked up when it happens: every program that can raise would otherwise have
  ;; the types of conditions compiled.
  (%raise ((%load (%load-of-form 'make-non-continuable-error
                                 (%module-named '(guile)))))
          #f))

(define (%with-handlers handlers thunk)
  (let ((saved %handlers))
    (set! %handlers handlers)
    (let ((result (thunk)))
      (set! %handlers saved)
      result)))

(define (%raise-from-native object)
  (%raise object #f))

(define* (raise-exception object #:key (continuable? #f))
  "Raise OBJECT, any object, to the handlers in force."
  (%raise object continuable?))

(define (raise object)
  "Raise OBJECT; it is an error when a handler returns."
  (%raise object #f))

(define (raise-continuable object)
  "Raise OBJECT and return what the handler returns."
  (%raise object #t))

(define (throw key . args)
  "Raise the exception with KEY and ARGS."
  (%raise (%throw-object key args) #f))

(define (error message . irritants)
  "Raise an error with MESSAGE and IRRITANTS."
  (%raise (%make-throw 'misc-error
                       (list #f
                             (string-append "~A" (%irritant-directives irritants))
                             (cons message irritants)
                             #f))
          #f))

(define (%irritant-directives irritants)
  (let loop ((irritants irritants) (directives ""))
    (if (null? irritants)
        directives
        (loop (cdr irritants) (string-append directives " ~S")))))

(define (scm-error key procedure message args data)
  "Raise an error with KEY as Guile's own procedures do."
  (%raise (%make-throw key (list procedure message args data)) #f))

;;; Run THUNK; when an exception unwinds to here and MARK accepts it, call
;;; HANDLER with it in the extent of this call.  Errors that the machine finds
;;; itself have not met the handlers yet, so they are raised again from here.

(define (%catch-object mark thunk handler)
  (let ((winds %winds)
        (outer %handlers))
    (let ((handlers (cons mark outer)))
      (set! %handlers handlers)
      (let ((result
             (%machine-try
              (lambda (trouble)
                (%handle-unwound (%caught trouble) (%last-was-raised?)
                                 mark winds outer handler))
              (lambda ()
                (let* ((sentinel (%sentinel %raise-from-native))
                       (result (thunk)))
                  (%disarm sentinel)
                  result)))))
        (set! %handlers outer)
        result))))

;; When the exception was raised, %handlers is what MARK was found on: not what it
;; was when MARK was put there if a partial continuation came between.
(define (%handle-unwound object raised? mark winds outer handler)
  (cond
   (raised?
    (if (and (pair? %handlers) (eq? (car %handlers) mark))
        (let ((handlers (cdr %handlers)))
          (if (not (eq? %winds winds)) (%rewind winds))
          (set! %handlers handlers)
          (handler object))
        ;; On its way to an outer frame.
        (%unwind-with object)))
   ((%accepts? mark object)
    (let ((before (vector-ref mark 1)))
      (if before
          (%with-handlers outer (lambda () ((car before) object)))))
    (%rewind winds)
    (set! %handlers outer)
    (handler object))
   (else
    (%rewind winds)
    (set! %handlers outer)
    (%raise object #f))))

(define* (catch key thunk handler #:optional (pre-unwind-handler #f))
  "Call THUNK.  When it throws KEY, or anything if KEY is #t, return what
HANDLER returns for the key and the arguments.  PRE-UNWIND-HANDLER is called
before the stack is unwound."
  (%catch-object (vector key
                         (and pre-unwind-handler
                              (cons (lambda (object)
                                      (apply pre-unwind-handler
                                             (exception-kind object)
                                             (exception-args object)))
                                    #f)))
                 thunk
                 (lambda (object)
                   (%machine-apply handler (%caught-arguments object)))))

(define (false-if-exception-procedure thunk)
  (%catch-object (vector #t #f) thunk (lambda (object) #f)))

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
  (let ((winds %winds)
        (outer %handlers))
    (let ((handlers (cons handler outer)))
      (set! %handlers handlers)
      (let ((result
             (%machine-try
              (lambda (trouble)
                (let ((object (%caught trouble)))
                  (if (%last-was-raised?)
                      (%unwind-with object)
                      (begin
                        (%rewind winds)
                        (set! %handlers handlers)
                        (%raise object #f)))))
              (lambda ()
                (let* ((sentinel (%sentinel %raise-from-native))
                       (result (thunk)))
                  (%disarm sentinel)
                  result)))))
        (set! %handlers outer)
        result))))

(define* (with-exception-handler handler thunk
                                 #:key (unwind? #f) (unwind-for-type #t))
  "Call THUNK with HANDLER in force.  When UNWIND?, HANDLER is called after the
stack has been unwound and its value is returned; otherwise where the exception
is raised."
  (if unwind?
      (%catch-object (vector (if (eq? unwind-for-type #t)
                                 #t
                                 (if (symbol? unwind-for-type)
                                     unwind-for-type
                                     (lambda (object)
                                       (%exception-of-type? object unwind-for-type))))
                             #f)
                     thunk
                     handler)
      (%with-procedure-handler handler thunk)))

(define-syntax guard
  (syntax-rules (else =>)
    ((_ (variable clause ... (else expression ...)) body ...)
     (%guard (lambda () body ...)
             (lambda (variable reraise)
               (cond clause ... (else expression ...)))))
    ((_ (variable clause ...) body ...)
     (%guard (lambda () body ...)
             (lambda (variable reraise)
               (cond clause ... (else (reraise))))))))

(define (%guard thunk clauses)
  ((call-with-current-continuation
    (lambda (guard-k)
      (with-exception-handler
       (lambda (condition)
         ((call-with-current-continuation
           (lambda (handler-k)
             (guard-k
              (lambda ()
                (clauses condition
                         (lambda ()
                           (handler-k
                            (lambda ()
                              (raise-continuable condition)))))))))))
       (lambda ()
         (call-with-values thunk
           (lambda results
             (guard-k (lambda () (apply values results)))))))))))

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
  (let loop ((depth depth) (bindings %fluid-bindings))
    (cond ((= depth 0)
           (%fluid-value fluid))
          ((null? bindings)
           (%fluid-value fluid))
          ((assq fluid (car bindings))
           (if (= depth 1)
               (cdr (assq fluid (car bindings)))
               (loop (- depth 1) (cdr bindings))))
          (else
           (loop depth (cdr bindings))))))

;;; For each extent of with-fluids in force, innermost first, what its fluids
;;; held outside of it.

(define %fluid-bindings '())

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

(define-syntax-rule (with-fluids ((fluid value) ...) body ...)
  (with-fluids* (list fluid ...) (list value ...) (lambda () body ...)))

(define (%with-fluids fluids values thunk)
  (let ((inside values))
    (let ((enter
           (lambda ()
             (let ((now (%fluid-values fluids)))
               (set! %fluid-bindings (cons (%pair-up fluids now) %fluid-bindings))
               (%set-fluid-values! fluids inside)
               (set! inside now))))
          (leave
           (lambda ()
             (let ((now (%fluid-values fluids)))
               (set! %fluid-bindings (cdr %fluid-bindings))
               (%set-fluid-values! fluids inside)
               (set! inside now)))))
      (dynamic-wind enter thunk leave))))

(define (%pair-up fluids values)
  (if (null? fluids)
      '()
      (cons (cons (car fluids) (car values))
            (%pair-up (cdr fluids) (cdr values)))))

(define (%fluid-values fluids)
  (if (null? fluids)
      '()
      (cons (%fluid-held (car fluids)) (%fluid-values (cdr fluids)))))

(define (%set-fluid-values! fluids values)
  (if (null? fluids)
      #t
      (begin
        (%set-fluid-value! (car fluids) (car values))
        (%set-fluid-values! (cdr fluids) (cdr values)))))

(define* (make-parameter value #:optional (converter (lambda (x) x)))
  "Return a parameter whose value is what CONVERTER makes of VALUE."
  (%make-parameter (%make-fluid (converter value)) converter))

(define* (fluid->parameter fluid #:optional (converter (lambda (x) x)))
  "Return a parameter for the value of FLUID."
  (%make-parameter fluid converter))

(define (%make-parameter fluid converter)
  (let ((data (%parameter-data fluid converter)))
    (lambda arguments
      (if (null? arguments)
          (%fluid-value (%data-fluid data))
          (let ((old (%fluid-value (%data-fluid data))))
            (%set-fluid-value! (%data-fluid data)
                               ((%data-converter data) (car arguments)))
            old)))))

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
                (scm-error 'wrong-type-arg "parameterize"
                           "Wrong type argument in position ~A: ~S"
                           (list 1 parameter) (list parameter))))))))

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
  procedure)

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
