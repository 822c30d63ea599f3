;;; Exception objects: what (ice-9 exceptions) exports.
;;;
;;; An exception is a record of a type below &exception, a compound of such
;;; records, or what throw made of a key and arguments.  The last answers as
;;; the compound that Guile would have made of it.

(define &exception (%make-record-type '&exception '() '() #f #f))

(define %compound-exception-type
  (%make-record-type '&compound-exception '(components) '(#f) #f #f))

(define* (make-exception-type name parent fields)
  "Return a new type of exceptions called NAME, below PARENT, with FIELDS."
  (if (not (exception-type? parent))
      (scm-error 'misc-error #f "parent is not a exception type ~S" (list parent) #f))
  (if (not (symbol? name))
      (scm-error 'misc-error #f "expected a symbol for record type name ~S" (list name) #f))
  (%make-record-type name fields (%no-cells fields) #f parent))

;; Types are made while procedures such as `map', whose errors need them, are
;; not there yet.
(define (%no-cells fields)
  (if (null? fields)
      '()
      (cons #f (%no-cells (cdr fields)))))

(define (exception-type? object)
  "Tell whether OBJECT is a type of exceptions."
  (and (record-type? object)
       (let loop ((type object))
         (or (eq? type &exception)
             (let ((parent (record-type-parent type)))
               (and parent (loop parent)))))))

(define &error (make-exception-type '&error &exception '()))
(define &warning (make-exception-type '&warning &exception '()))
(define &message (make-exception-type '&message &exception '(message)))
(define &irritants (make-exception-type '&irritants &exception '(irritants)))
(define &origin (make-exception-type '&origin &exception '(origin)))
(define &exception-with-kind-and-args
  (make-exception-type '&exception-with-kind-and-args &exception '(kind args)))
(define &quit-exception (make-exception-type '&quit-exception &exception '(code)))
(define &external-error (make-exception-type '&external-error &error '()))
(define &programming-error (make-exception-type '&programming-error &error '()))
(define &assertion-failure
  (make-exception-type '&assertion-failure &programming-error '()))
(define &undefined-variable
  (make-exception-type '&undefined-variable &programming-error '()))
(define &non-continuable
  (make-exception-type '&non-continuable &programming-error '()))
(define &implementation-restriction
  (make-exception-type '&implementation-restriction &programming-error '()))
(define &lexical (make-exception-type '&lexical &programming-error '()))
(define &syntax (make-exception-type '&syntax &programming-error '(form subform)))

(define (make-exception . exceptions)
  "Return one exception with the components of EXCEPTIONS."
  (let ((components (%append-components exceptions)))
    (if (and (pair? components) (null? (cdr components)))
        (car components)
        (%record %compound-exception-type components))))

(define (%append-components exceptions)
  (if (null? exceptions)
      '()
      (append (simple-exceptions (car exceptions))
              (%append-components (cdr exceptions)))))

(define (simple-exceptions exception)
  "Return the simple exceptions that EXCEPTION is made of."
  (cond ((%throw? exception)
         (%throw-components (%throw-key exception) (%throw-arguments exception)))
        ((%record-is-a? exception %compound-exception-type)
         (%record-field exception 0))
        ((%record-is-a? exception &exception)
         (list exception))
        (else
         (scm-error 'misc-error #f "not a exception ~S" (list exception) #f))))

(define (exception? object)
  "Tell whether OBJECT is an exception."
  (or (%throw? object)
      (%record-is-a? object %compound-exception-type)
      (%record-is-a? object &exception)))

(define (%throw-components key arguments)
  (let loop ((shapes (%throw-shape key arguments)))
    (if (null? shapes)
        '()
        (cons (apply %record (%exception-type (car (car shapes))) (cdr (car shapes)))
              (loop (cdr shapes))))))

(define (%exception-type name)
  (case name
    ((&message) &message)
    ((&irritants) &irritants)
    ((&origin) &origin)
    ((&exception-with-kind-and-args) &exception-with-kind-and-args)
    ((&assertion-failure) &assertion-failure)
    ((&undefined-variable) &undefined-variable)
    ((&external-error) &external-error)
    ((&quit-exception) &quit-exception)
    ((&implementation-restriction) &implementation-restriction)
    ((&lexical) &lexical)
    ((&syntax) &syntax)
    (else &error)))

(define (%find-component exception type)
  (if (exception? exception)
      (let loop ((components (simple-exceptions exception)))
        (cond ((null? components) #f)
              ((%record-is-a? (car components) type) (car components))
              (else (loop (cdr components)))))
      #f))

(define (%exception-of-type? object type)
  (if (%find-component object type) #t #f))

(define (exception-predicate type)
  "Return a procedure that tells whether an object is an exception of TYPE."
  (lambda (object)
    (%exception-of-type? object type)))

(define (exception-accessor type accessor)
  "Return a procedure that applies ACCESSOR to the part of an exception that is
of TYPE."
  (lambda (exception)
    (let ((component (%find-component exception type)))
      (if component
          (accessor component)
          (%not-of-type exception type)))))

(define (%not-of-type exception type)
  (scm-error 'misc-error #f "object is not an exception of the right type ~S ~S"
             (list exception type) #f))

(define-syntax define-exception-type
  (syntax-rules ()
    ((_ type parent constructor predicate (field accessor) ...)
     (begin
       (define type (make-exception-type 'type parent '(field ...)))
       (define constructor (record-constructor type))
       (define predicate (exception-predicate type))
       (define accessor
         (exception-accessor type (record-accessor type 'field)))
       ...))))

(define (%component-field exception type index)
  (let ((component (%find-component exception type)))
    (if component
        (%record-field component index)
        (%not-of-type exception type))))

(define (make-error) "Return an error." (%record &error))
(define (make-warning) "Return a warning." (%record &warning))
(define (make-external-error) "Return an external error." (%record &external-error))
(define (make-programming-error) "Return a programming error." (%record &programming-error))
(define (make-assertion-failure) "Return an assertion failure." (%record &assertion-failure))
(define (make-undefined-variable-error)
  "Return the error of an undefined variable."
  (%record &undefined-variable))
(define (make-non-continuable-error)
  "Return the error of a handler that returned."
  (%record &non-continuable))
(define (make-implementation-restriction-error)
  "Return the error of something that cannot be done here."
  (%record &implementation-restriction))
(define (make-lexical-error) "Return the error of an unreadable text." (%record &lexical))
(define (make-syntax-error form subform)
  "Return the error of a malformed FORM."
  (%record &syntax form subform))
(define (make-quit-exception code)
  "Return the exception that ends a program with CODE."
  (%record &quit-exception code))
(define (make-exception-with-message message)
  "Return an exception with MESSAGE."
  (%record &message message))
(define (make-exception-with-irritants irritants)
  "Return an exception with IRRITANTS."
  (%record &irritants irritants))
(define (make-exception-with-origin origin)
  "Return an exception with ORIGIN, the procedure that found it."
  (%record &origin origin))

(define (error? object)
  "Tell whether OBJECT is an error."
  (%exception-of-type? object &error))
(define (warning? object)
  "Tell whether OBJECT is a warning."
  (%exception-of-type? object &warning))
(define (external-error? object)
  "Tell whether OBJECT is an error of the world outside."
  (%exception-of-type? object &external-error))
(define (programming-error? object)
  "Tell whether OBJECT is a programming error."
  (%exception-of-type? object &programming-error))
(define (assertion-failure? object)
  "Tell whether OBJECT is an assertion failure."
  (%exception-of-type? object &assertion-failure))
(define (undefined-variable-error? object)
  "Tell whether OBJECT is the error of an undefined variable."
  (%exception-of-type? object &undefined-variable))
(define (non-continuable-error? object)
  "Tell whether OBJECT is the error of a handler that returned."
  (%exception-of-type? object &non-continuable))
(define (implementation-restriction-error? object)
  "Tell whether OBJECT is the error of something that cannot be done here."
  (%exception-of-type? object &implementation-restriction))
(define (lexical-error? object)
  "Tell whether OBJECT is the error of an unreadable text."
  (%exception-of-type? object &lexical))
(define (syntax-error? object)
  "Tell whether OBJECT is the error of a malformed form."
  (%exception-of-type? object &syntax))
(define (quit-exception? object)
  "Tell whether OBJECT ends a program."
  (%exception-of-type? object &quit-exception))
(define (exception-with-message? object)
  "Tell whether OBJECT is an exception with a message."
  (%exception-of-type? object &message))
(define (exception-with-irritants? object)
  "Tell whether OBJECT is an exception with irritants."
  (%exception-of-type? object &irritants))
(define (exception-with-origin? object)
  "Tell whether OBJECT is an exception with an origin."
  (%exception-of-type? object &origin))

(define (exception-message exception)
  "Return the message of EXCEPTION."
  (%component-field exception &message 0))
(define (exception-irritants exception)
  "Return the irritants of EXCEPTION."
  (%component-field exception &irritants 0))
(define (exception-origin exception)
  "Return the procedure that found EXCEPTION."
  (%component-field exception &origin 0))
(define (quit-exception-code exception)
  "Return the code of a quit EXCEPTION."
  (%component-field exception &quit-exception 0))
(define (syntax-error-form exception)
  "Return the malformed form."
  (%component-field exception &syntax 0))
(define (syntax-error-subform exception)
  "Return the part of the form that is malformed, or #f."
  (%component-field exception &syntax 1))

;;; R7RS.

(define (error-object? object)
  "Tell whether OBJECT is an error with a message."
  (%exception-of-type? object &error))

(define (error-object-message object)
  "Return the message that error was given, or the empty string."
  (if (and (%throw? object)
           (eq? (%throw-key object) 'misc-error)
           (pair? (caddr (%throw-arguments object))))
      (car (caddr (%throw-arguments object)))
      (if (exception-with-message? object)
          (exception-message object)
          "")))

(define (error-object-irritants object)
  "Return the objects that error was given after the message."
  (if (and (%throw? object)
           (eq? (%throw-key object) 'misc-error)
           (pair? (caddr (%throw-arguments object))))
      (cdr (caddr (%throw-arguments object)))
      (if (exception-with-irritants? object)
          (exception-irritants object)
          '())))

(define (read-error? object)
  "Tell whether OBJECT is the error of an unreadable text."
  (lexical-error? object))

(define (file-error? object)
  "Tell whether OBJECT is the error of a file."
  (and (%throw? object)
       (eq? (%throw-key object) 'system-error)))

;;; How exceptions are printed for people.

(define (print-exception port frame key args)
  "Print to PORT what throwing KEY with ARGS is about."
  (let ((printer (assq-ref %exception-printers key)))
    (if printer
        (printer port key args (lambda () (display (%exception-text key args) port)))
        (display (%exception-text key args) port))
    (newline port)))

(define %exception-printers '())

(define (set-exception-printer! key printer)
  "Let PRINTER print exceptions with KEY."
  (set! %exception-printers (acons key printer %exception-printers)))

(define* (display-error frame port subr message args rest)
  "Print to PORT what an error of SUBR is about."
  (display (%exception-text 'misc-error (list subr message args rest)) port)
  (newline port))

(define (display-backtrace stack port . more)
  "Stacks are not shown."
  (if #f #f))

(define (make-stack object . cuts)
  "Return #f: the machine does not show its stack."
  #f)

(define (stack? object)
  "Return #f: the machine does not show its stack."
  #f)

(define (backtrace . highlights)
  "The machine shows its stack only where an error ends a program."
  (if #f #f))

(define (call-with-error-handling thunk . options)
  "Call THUNK; errors are told where nothing catches them."
  (thunk))

(define (warn . objects)
  "Print OBJECTS as a warning to the current error port."
  (let ((port (current-error-port)))
    (display ";;; WARNING " port)
    (for-each (lambda (object) (display object port) (display " " port)) objects)
    (newline port)))
