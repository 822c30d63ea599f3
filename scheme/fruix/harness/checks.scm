;;; What must hold, and what is found out.
;;;
;;; A check that fails says where it stands, and what was found instead of what; of
;;; two long values it shows where they begin to differ.

(define-module (fruix harness checks)
  #:use-module (fruix native run)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module ((srfi srfi-1) #:select (filter-map))
  #:use-module (system syntax)
  #:export (check
            check-equal
            claim
            collect-checks
            fail
            place-text
            record
            record!
            recorded))

;;; Failing.

(define %collected
  ;; What has failed in a `collect-checks', a list in a box, the last first; #f
  ;; outside of one.
  (make-parameter #f))

(define (fail-at source message)
  "Throw 'check-failed with MESSAGE, which is said at SOURCE, as `syntax-source' has it,
or #f."
  (throw 'check-failed #f "~A" (list message) (or source '())))

(define (failed source message)
  "The check that stands at SOURCE, as `syntax-source' has it, does not hold, which
MESSAGE says."
  (match (%collected)
    (#f
     (fail-at source message))
    ((messages)
     (%run-note! (string-append "✗ " (placed source message)))
     (set-car! (%collected) (cons (cons source message) messages)))))

(define* (check-failed source what message #:optional expected actual)
  "The check WHAT that stands at SOURCE, as `syntax-source' has it, does not hold, which
MESSAGE says; of an equality EXPECTED and ACTUAL are its texts."
  (%run-check-failed! what (place-text source) message expected actual)
  (failed source message))

(define (place-text source)
  "Return SOURCE, as `syntax-source' has it, as FILE:LINE:COLUMN, or #f."
  (let ((source (or source '())))
    (and (assq-ref source 'filename)
         (format #f "~a:~a:~a"
                 (assq-ref source 'filename)
                 (+ 1 (or (assq-ref source 'line) 0))
                 (or (assq-ref source 'column) 0)))))

(define (placed source message)
  "Return MESSAGE behind the place SOURCE, if that is known."
  (match (place-text source)
    (#f message)
    (place (string-append place ": " message))))

(define (call-with-collected-checks thunk)
  "Call THUNK and return its values; when checks failed in it, throw 'check-failed
then, with what each of them says."
  (let ((box (list '())))
    (call-with-values
        (lambda () (parameterize ((%collected box)) (thunk)))
      (lambda results
        (match (reverse (car box))
          (() (apply values results))
          (((source . message)) (failed source message))
          ((and troubles ((source . _) . _))
           (failed source
                   (format #f "~a checks do not hold: ~a" (length troubles)
                           (string-join (map (match-lambda
                                               ((source . message) (placed source message)))
                                             troubles)
                                        "; ")))))))))

(define-syntax-rule (collect-checks body ...)
  "Do BODY and return its values.  A check in it that does not hold is shown and ends
nothing; behind the last one 'check-failed is thrown, with all of them."
  (call-with-collected-checks (lambda () body ...)))

;;; Checks.  Each is a macro, since it says where it stands; as a value it is a procedure
;;; that does not.

(define-syntax define-placed
  ;; Define NAME, with ARGUMENT ... and the docstring DOC, as IMPLEMENTATION, which takes
  ;; where the use of NAME stands before them.
  (lambda (form)
    (syntax-case form ()
      ((_ (name argument ...) doc implementation)
       #'(define-syntax name
           (lambda (use)
             doc
             (syntax-case use ()
               ((_ argument ...)
                (with-syntax ((source (datum->syntax #'implementation
                                                     (syntax-source use))))
                  #'(implementation 'source argument ...)))
               ((_ . wrong)
                (syntax-violation 'name "wrong number of arguments" use))
               (_
                (identifier? use)
                #'(lambda (argument ...) (implementation #f argument ...))))))))))

(define (check-at source what holds?)
  (if holds?
      (%run-check-passed! what #f)
      (check-failed source what (format #f "this does not hold: ~a" what))))

(define (check-equal-at source what actual expected)
  (if (equal? actual expected)
      (%run-check-passed! what (short-text actual))
      (differs source what actual expected)))

(define (differs source what actual expected)
  "The check WHAT at SOURCE, that ACTUAL is EXPECTED, does not hold."
  (check-failed source what
                (string-append what ": " (difference actual expected))
                (shortened (object->string expected write) %longest-kept)
                (shortened (object->string actual write) %longest-kept)))

(define-placed (fail message)
  "Throw 'check-failed with MESSAGE, a string: the system under test is not as
it should be."
  fail-at)

(define-placed (check what holds?)
  "Check that HOLDS? is true; WHAT, a string, says what that means and is shown.

Throw 'check-failed otherwise."
  check-at)

(define-placed (check-equal what actual expected)
  "Check that ACTUAL and EXPECTED are equal?; WHAT, a string, says what they are and is
shown.

Throw 'check-failed otherwise, with both."
  check-equal-at)

(define-syntax claim
  (lambda (form)
    "Check that an expression is true, and say so in its own words:

  (claim EXPRESSION)
  (claim WHAT EXPRESSION)    WHAT, a string, is shown instead of the text

Where EXPRESSION calls a procedure, the values of its arguments are shown when the
claim fails; of an equality, what was found and what was expected.

Throw 'check-failed when it is false."
    (define (text-of expression)
      (object->string (syntax->datum expression) write))
    (define (procedure-call? expression)
      (syntax-case expression ()
        ((operator . arguments)
         (and (identifier? #'operator)
              (list? (syntax->datum #'arguments))
              (call-with-values (lambda () (syntax-local-binding #'operator))
                (lambda (kind value)
                  (memq kind '(global lexical displaced-lexical)))))
         #t)
        (_ #f)))
    (define (literal? argument)
      (let ((datum (syntax->datum argument)))
        (or (string? datum) (number? datum) (boolean? datum) (char? datum)
            (keyword? datum)
            (match datum
              (('quote _) #t)
              (_ #f)))))
    (define (claim-that what expression)
      (with-syntax ((what what)
                    (source (datum->syntax #'claim (syntax-source form))))
        (if (procedure-call? expression)
            (syntax-case expression ()
              ((operator argument ...)
               (with-syntax (((text ...)
                              (map (lambda (argument)
                                     (and (not (literal? argument))
                                          (text-of argument)))
                                   #'(argument ...))))
                 #'(claim-call 'source what operator
                               (list argument ...) '(text ...)))))
            #`(check-at 'source what #,expression))))
    (syntax-case form ()
      ((_ expression)
       (claim-that (datum->syntax #'claim (text-of #'expression)) #'expression))
      ((_ what expression)
       (claim-that #'what #'expression)))))

(define (claim-call source what operator arguments texts)
  (define equality?
    (and (memq operator (list equal? eqv? eq? = string=? char=?))
         (= 2 (length arguments))))
  (cond
   ((apply operator arguments)
    (%run-check-passed! what (and equality? (short-text (car arguments)))))
   (equality?
    (differs source what (car arguments) (cadr arguments)))
   (else
    (check-failed source what
                  (string-append "this does not hold: " what
                                 (given arguments texts))))))

(define (given arguments texts)
  "Return which value each of ARGUMENTS has whose text is among TEXTS."
  (match (filter-map (lambda (argument text)
                       (and text
                            (let ((value (shortened (object->string argument write))))
                              (and (not (string=? value text))
                                   (format #f "~a is ~a" text value)))))
                     arguments texts)
    (() "")
    (sentences (string-append "; " (string-join sentences ", ")))))

;;; Showing values.

;; What is longer is cut to where it matters, with so much before that.
(define %longest 100)
(define %before 24)

;; How much of a value that is not the expected one is kept for reports.
(define %longest-kept 1000)

(define* (shortened text #:optional (longest %longest))
  (if (<= (string-length text) longest)
      text
      (string-append (string-take text longest) "…")))

(define (short-text value)
  "Return VALUE as `write' prints it, when that is short for sure, or #f."
  (and (or (number? value) (boolean? value) (char? value) (symbol? value)
           (and (string? value) (<= (string-length value) %longest)))
       (object->string value write)))

(define (difference actual expected)
  "Return a sentence about ACTUAL, which is not EXPECTED: both, cut to where they begin
to differ when they are long."
  (let ((found (object->string actual write))
        (wanted (object->string expected write)))
    (cond ((<= (max (string-length found) (string-length wanted)) %longest)
           (format #f "expected ~a, found ~a" wanted found))
          ((and (list? actual) (list? expected))
           (difference-of-lists actual expected))
          (else
           (difference-of-texts found wanted)))))

(define (difference-of-lists actual expected)
  (let loop ((actual-rest actual) (expected-rest expected) (index 0))
    (match (cons actual-rest expected-rest)
      (((found . actual-rest) . (wanted . expected-rest))
       (if (equal? found wanted)
           (loop actual-rest expected-rest (+ index 1))
           (format #f "they differ in element ~a: ~a" index (difference found wanted))))
      ((() . (wanted . _))
       (format #f "element ~a is missing: expected ~a, found ~a elements"
               index (shortened (object->string wanted write)) (length actual)))
      (((found . _) . ())
       (format #f "element ~a is too many: expected ~a elements, found ~a"
               index (length expected) (shortened (object->string found write)))))))

(define (difference-of-texts found wanted)
  (let* ((common (string-prefix-length found wanted))
         (from (max 0 (- common %before))))
    (define (part text)
      (string-append (if (zero? from) "" "…")
                     (shortened (string-drop text (min from (string-length text))))))
    (format #f "they differ from character ~a on: expected ~a, found ~a"
            (+ common 1) (part wanted) (part found))))

;;; The record.

(define (record! key value)
  "Put VALUE, a string or a number, into the record as KEY, a symbol that the
harness announced with #:record."
  (%run-record! (symbol->string key)
                (if (string? value) value (format #f "~a" value))))

(define-syntax record
  (lambda (form)
    "Put values into the record, by the names that they have here: each of what follows
is a variable, or a list of a name and an expression.  The key is the name with `_'
for each `-', as the harness announced it with #:record."
    (define (key-of name)
      (datum->syntax name
                     (string->symbol
                      (string-map (lambda (letter) (if (char=? letter #\-) #\_ letter))
                                  (symbol->string (syntax->datum name))))))
    (syntax-case form ()
      ((_ entry ...)
       #`(begin
           #,@(map (lambda (entry)
                     (syntax-case entry ()
                       ((name value)
                        #`(record! '#,(key-of #'name) value))
                       (name
                        (identifier? #'name)
                        #`(record! '#,(key-of #'name) name))))
                   #'(entry ...)))))))

(define (recorded)
  "Return what has been recorded so far: an association list from symbols to
strings, in the announced order."
  (%run-record))
