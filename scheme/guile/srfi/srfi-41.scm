;;; SRFI 41: streams, whose pairs and whose elements are computed when they
;;; are asked for.

(define-module (srfi srfi-41)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (stream-null stream-cons stream? stream-null? stream-pair?
            stream-car stream-cdr stream-lambda
            define-stream list->stream port->stream stream
            stream->list stream-append stream-concat stream-constant
            stream-drop stream-drop-while stream-filter stream-fold
            stream-for-each stream-from stream-iterate stream-length
            stream-let stream-map stream-match stream-of
            stream-range stream-ref stream-reverse stream-scan stream-take
            stream-take-while stream-unfold stream-unfolds stream-zip))

;;; The promises of SRFI 45, under a type of their own.

(define-record-type <stream>
  (make-stream state)
  stream?
  (state stream-state set-stream-state!))

(define-record-type <state>
  (make-state done? value)
  state?
  (done? state-done? set-state-done?!)
  (value state-value set-state-value!))

(define-record-type <stream-pair>
  (make-stream-pair car cdr)
  stream-pair-value?
  (car pair-car)      ;a stream, forced for its value
  (cdr pair-cdr))     ;a stream

(define (make-lazy thunk)
  (make-stream (make-state #f thunk)))

(define (make-eager value)
  (make-stream (make-state #t value)))

(define-syntax-rule (stream-lazy expression)
  (make-lazy (lambda () expression)))

(define-syntax-rule (stream-delay expression)
  (stream-lazy (make-eager expression)))

(define (stream-force stream)
  (let ((state (stream-state stream)))
    (if (state-done? state)
        (state-value state)
        (let* ((next ((state-value state)))
               (state (stream-state stream)))
          (unless (state-done? state)
            (let ((next-state (stream-state next)))
              (set-state-done?! state (state-done? next-state))
              (set-state-value! state (state-value next-state))
              (set-stream-state! next state)))
          (stream-force stream)))))

;; Shows as much as has been computed.
(set-record-type-printer! <stream>
  (lambda (stream port)
    (display "#<stream" port)
    (let loop ((rest stream))
      (let ((state (stream-state rest)))
        (cond
         ((not (state-done? state)) (display " ..." port))
         ((stream-pair-value? (state-value state))
          (let ((head (stream-state (pair-car (state-value state)))))
            (display " " port)
            (if (state-done? head)
                (write (state-value head) port)
                (display "?" port))
            (loop (pair-cdr (state-value state))))))))
    (display ">" port)))

;;; What streams are made of

(define (wrong-type procedure complaint value)
  (scm-error 'wrong-type-arg procedure complaint '() (list value)))

(define stream-null (make-eager 'empty-stream))

(define-syntax-rule (stream-cons head tail)
  ;; A stream of HEAD and the elements of TAIL, neither computed yet.
  (make-eager (make-stream-pair (stream-delay head) (stream-lazy tail))))

(define (stream-null? object)
  "Return whether OBJECT is the stream without elements."
  (and (stream? object)
       (eq? (stream-force object) 'empty-stream)))

(define (stream-pair? object)
  "Return whether OBJECT is a stream with elements."
  (and (stream? object)
       (stream-pair-value? (stream-force object))))

(define (need-pair stream procedure)
  (unless (stream? stream) (wrong-type procedure "non-stream" stream))
  (let ((value (stream-force stream)))
    (unless (stream-pair-value? value)
      (wrong-type procedure "null stream" stream))
    value))

(define (stream-car stream)
  "Return the first element of STREAM."
  (stream-force (pair-car (need-pair stream 'stream-car))))

(define (stream-cdr stream)
  "Return the stream of all elements of STREAM but the first."
  (pair-cdr (need-pair stream 'stream-cdr)))

(define-syntax-rule (stream-lambda formals body0 body1 ...)
  ;; A procedure whose value is a stream, computed when it is asked for.
  (lambda formals (stream-lazy (let () body0 body1 ...))))

(define-syntax-rule (define-stream (name . formals) body0 body1 ...)
  (define name (stream-lambda formals body0 body1 ...)))

(define-syntax-rule (stream-let tag ((name value) ...) body0 body1 ...)
  ;; A named `let' whose value is a stream.
  ((letrec ((tag (stream-lambda (name ...) body0 body1 ...))) tag) value ...))

(define-syntax stream
  (syntax-rules ()
    ((_) stream-null)
    ((_ first rest ...) (stream-cons first (stream rest ...)))))

(define-syntax stream-match
  ;; The value of the first clause (PATTERN [FENDER] EXPRESSION) that fits the
  ;; elements of STREAM; a pattern is (), (P ...), (P ... . REST), or a name, and
  ;; `_' stands for anything.
  (syntax-rules ()
    ((_ expression clause ...)
     (let ((value expression))
       (cond
        ((not (stream? value)) (wrong-type 'stream-match "non-stream argument" value))
        ((stream-match-clause value clause) => car) ...
        (else (throw 'match-error "match" "no matching pattern" value)))))))

(define-syntax stream-match-clause
  (syntax-rules ()
    ((_ value (pattern expression))
     (stream-match-pattern value pattern () (list expression)))
    ((_ value (pattern fender expression))
     (stream-match-pattern value pattern () (and fender (list expression))))))

(define-syntax stream-match-pattern
  (lambda (form)
    (define (wildcard? stx)
      (and (identifier? stx) (free-identifier=? stx #'_)))
    (syntax-case form ()
      ((_ value () (binding ...) body)
       #'(and (stream-null? value) (let (binding ...) body)))
      ((_ value (any . rest) (binding ...) body)
       (wildcard? #'any)
       #'(and (stream-pair? value)
              (let ((tail (stream-cdr value)))
                (stream-match-pattern tail rest (binding ...) body))))
      ((_ value (name . rest) (binding ...) body)
       #'(and (stream-pair? value)
              (let ((head (stream-car value))
                    (tail (stream-cdr value)))
                (stream-match-pattern tail rest ((name head) binding ...) body))))
      ((_ value any (binding ...) body)
       (wildcard? #'any)
       #'(let (binding ...) body))
      ((_ value name (binding ...) body)
       #'(let ((name value) binding ...) body)))))

(define-syntax-rule (stream-of expression clause ...)
  ;; A stream of the values of EXPRESSION, as a list comprehension whose clauses
  ;; are (VARIABLE in STREAM), (VARIABLE is EXPRESSION), or a test.
  (stream-of-onto expression stream-null clause ...))

(define-syntax stream-of-onto
  (syntax-rules (in is)
    ((_ expression base)
     (stream-cons expression base))
    ((_ expression base (variable in stream) clause ...)
     (stream-let loop ((rest stream))
       (if (stream-null? rest)
           base
           (let ((variable (stream-car rest)))
             (stream-of-onto expression (loop (stream-cdr rest)) clause ...)))))
    ((_ expression base (variable is value) clause ...)
     (let ((variable value))
       (stream-of-onto expression base clause ...)))
    ((_ expression base test clause ...)
     (if test
         (stream-of-onto expression base clause ...)
         base))))

;;; The library

(define (need-stream stream procedure)
  (unless (stream? stream) (wrong-type procedure "non-stream argument" stream)))

(define* (need-procedure f procedure #:optional (name "argument"))
  (unless (procedure? f)
    (wrong-type procedure (string-append "non-procedural " name) f)))

(define* (need-natural n procedure #:optional (name "argument"))
  (unless (exact-integer? n)
    (wrong-type procedure (string-append "non-integer " name) n))
  (when (negative? n)
    (wrong-type procedure (string-append "negative " name) n)))

(define (need-number n procedure name)
  (unless (number? n)
    (wrong-type procedure (string-append "non-numeric " name) n)))

(define (list->stream elements)
  "Return a stream of ELEMENTS, a list."
  (unless (list? elements) (wrong-type 'list->stream "non-list argument" elements))
  (stream-let loop ((rest elements))
    (if (null? rest)
        stream-null
        (stream-cons (car rest) (loop (cdr rest))))))

(define* (port->stream #:optional (port (current-input-port)) (read read-char))
  "Return a stream of what READ (default `read-char') reads from PORT, up to its
end."
  (unless (input-port? port) (wrong-type 'port->stream "non-input-port argument" port))
  (stream-let loop ((element (read port)))
    (if (eof-object? element)
        stream-null
        (stream-cons element (loop (read port))))))

(define* (stream->list a #:optional b)
  "(stream->list [COUNT] STREAM): return the elements of STREAM, at most COUNT of
them, as a list."
  (let ((stream (or b a))
        (count (and b a)))
    (need-stream stream 'stream->list)
    (when count (need-natural count 'stream->list "count"))
    (let loop ((rest stream) (count (or count -1)) (result '()))
      (if (or (zero? count) (stream-null? rest))
          (reverse! result)
          (loop (stream-cdr rest) (- count 1) (cons (stream-car rest) result))))))

(define (stream-append . streams)
  "Return a stream of the elements of all STREAMS, in order."
  (for-each (lambda (stream) (need-stream stream 'stream-append)) streams)
  (if (null? streams)
      stream-null
      (stream-let outer ((streams streams))
        (if (null? (cdr streams))
            (car streams)
            (stream-let inner ((rest (car streams)))
              (if (stream-null? rest)
                  (outer (cdr streams))
                  (stream-cons (stream-car rest) (inner (stream-cdr rest)))))))))

(define (stream-concat streams)
  "Return a stream of the elements of all STREAMS, a stream of streams."
  (need-stream streams 'stream-concat)
  (stream-let outer ((streams streams))
    (if (stream-null? streams)
        stream-null
        (stream-let inner ((rest (stream-car streams)))
          (if (stream-null? rest)
              (outer (stream-cdr streams))
              (stream-cons (stream-car rest) (inner (stream-cdr rest))))))))

(define (stream-constant . elements)
  "Return the stream that repeats ELEMENTS without end."
  (if (null? elements)
      stream-null
      (stream-let loop ((rest elements))
        (if (null? rest)
            (loop elements)
            (stream-cons (car rest) (loop (cdr rest)))))))

(define (stream-drop count stream)
  "Return the stream of the elements of STREAM after the first COUNT."
  (need-natural count 'stream-drop)
  (need-stream stream 'stream-drop)
  (if (zero? count)
      stream
      (stream-let loop ((count count) (rest stream))
        (if (or (zero? count) (stream-null? rest))
            rest
            (loop (- count 1) (stream-cdr rest))))))

(define (stream-drop-while satisfies? stream)
  "Return the stream of the elements of STREAM from the first on of which
SATISFIES? does not hold."
  (need-procedure satisfies? 'stream-drop-while)
  (need-stream stream 'stream-drop-while)
  (stream-let loop ((rest stream))
    (if (and (stream-pair? rest) (satisfies? (stream-car rest)))
        (loop (stream-cdr rest))
        rest)))

(define (stream-filter satisfies? stream)
  "Return the stream of the elements of STREAM of which SATISFIES? holds."
  (need-procedure satisfies? 'stream-filter)
  (need-stream stream 'stream-filter)
  (stream-let loop ((rest stream))
    (cond ((stream-null? rest) stream-null)
          ((satisfies? (stream-car rest))
           (stream-cons (stream-car rest) (loop (stream-cdr rest))))
          (else (loop (stream-cdr rest))))))

(define (stream-fold f base stream)
  "Return the last result of F, called with the result so far, which starts as
BASE, and each element of STREAM."
  (need-procedure f 'stream-fold)
  (need-stream stream 'stream-fold)
  (let loop ((result base) (rest stream))
    (if (stream-null? rest)
        result
        (loop (f result (stream-car rest)) (stream-cdr rest)))))

(define (any-null? streams)
  (or-map stream-null? streams))

(define (stream-for-each f stream . streams)
  "Call F with the elements of the streams, in order."
  (need-procedure f 'stream-for-each)
  (for-each (lambda (stream) (need-stream stream 'stream-for-each))
            (cons stream streams))
  (let loop ((streams (cons stream streams)))
    (unless (any-null? streams)
      (apply f (map stream-car streams))
      (loop (map stream-cdr streams)))))

(define* (stream-from first #:optional (step 1))
  "Return the stream of FIRST, FIRST + STEP, and so on without end."
  (need-number first 'stream-from "starting number")
  (need-number step 'stream-from "step size")
  (stream-let loop ((n first))
    (stream-cons n (loop (+ n step)))))

(define (stream-iterate f base)
  "Return the stream of BASE, (F BASE), (F (F BASE)), and so on without end."
  (need-procedure f 'stream-iterate)
  (stream-let loop ((base base))
    (stream-cons base (loop (f base)))))

(define (stream-length stream)
  "Return how many elements STREAM has."
  (need-stream stream 'stream-length)
  (let loop ((length 0) (rest stream))
    (if (stream-null? rest)
        length
        (loop (+ length 1) (stream-cdr rest)))))

(define (stream-map f stream . streams)
  "Return the stream of the values of F for the elements of the streams."
  (need-procedure f 'stream-map)
  (for-each (lambda (stream) (need-stream stream 'stream-map))
            (cons stream streams))
  (stream-let loop ((streams (cons stream streams)))
    (if (any-null? streams)
        stream-null
        (stream-cons (apply f (map stream-car streams))
                     (loop (map stream-cdr streams))))))

(define* (stream-range first past #:optional step)
  "Return the stream of numbers from FIRST on, by STEP (default 1 or -1), that
come before PAST."
  (need-number first 'stream-range "starting number")
  (need-number past 'stream-range "ending number")
  (when step (need-number step 'stream-range "step size"))
  (let* ((step (or step (if (< first past) 1 -1)))
         (before? (if (< 0 step) < >)))
    (stream-let loop ((n first))
      (if (before? n past)
          (stream-cons n (loop (+ n step)))
          stream-null))))

(define (stream-ref stream index)
  "Return the element of STREAM at INDEX."
  (need-stream stream 'stream-ref)
  (need-natural index 'stream-ref)
  (let loop ((rest stream) (index index))
    (cond ((stream-null? rest)
           (wrong-type 'stream-ref "beyond end of stream" stream))
          ((zero? index) (stream-car rest))
          (else (loop (stream-cdr rest) (- index 1))))))

(define (stream-reverse stream)
  "Return the stream of the elements of STREAM, the last first."
  (need-stream stream 'stream-reverse)
  (stream-let loop ((rest stream) (result stream-null))
    (if (stream-null? rest)
        result
        (let ((head (stream-car rest)))
          (loop (stream-cdr rest) (stream-cons head result))))))

(define (stream-scan f base stream)
  "Return the stream of the results that `stream-fold' goes through."
  (need-procedure f 'stream-scan)
  (need-stream stream 'stream-scan)
  (stream-let loop ((base base) (rest stream))
    (if (stream-null? rest)
        (stream-cons base stream-null)
        (stream-cons base (loop (f base (stream-car rest)) (stream-cdr rest))))))

(define (stream-take count stream)
  "Return the stream of the first COUNT elements of STREAM."
  (need-stream stream 'stream-take)
  (need-natural count 'stream-take)
  (stream-let loop ((count count) (rest stream))
    (if (or (zero? count) (stream-null? rest))
        stream-null
        (stream-cons (stream-car rest) (loop (- count 1) (stream-cdr rest))))))

(define (stream-take-while satisfies? stream)
  "Return the stream of the elements of STREAM before the first of which
SATISFIES? does not hold."
  (need-stream stream 'stream-take-while)
  (need-procedure satisfies? 'stream-take-while)
  (stream-let loop ((rest stream))
    (cond ((stream-null? rest) stream-null)
          ((satisfies? (stream-car rest))
           (stream-cons (stream-car rest) (loop (stream-cdr rest))))
          (else stream-null))))

(define (stream-unfold map continue? next base)
  "Return the stream of (MAP SEED) while (CONTINUE? SEED); the seed starts as
BASE and becomes (NEXT SEED)."
  (need-procedure map 'stream-unfold "mapper")
  (need-procedure continue? 'stream-unfold "pred?")
  (need-procedure next 'stream-unfold "generator")
  (stream-let loop ((base base))
    (if (continue? base)
        (stream-cons (map base) (loop (next base)))
        stream-null)))

(define (stream-unfolds generate seed)
  "Return several streams as values.  GENERATE is called with a seed and returns
the next one and for each stream a list of the elements to come, #f when this step
has none, or () when the stream ends."
  (define count
    (call-with-values (lambda () (generate seed))
      (lambda values (- (length values) 1))))
  (define results
    (stream-let loop ((seed seed))
      (call-with-values (lambda () (generate seed))
        (lambda (next . results)
          (stream-cons results (loop next))))))
  (define (extract index)
    (stream-let loop ((results results))
      (let ((result (list-ref (stream-car results) index)))
        (cond ((pair? result)
               (let elements ((result result))
                 (if (null? result)
                     (loop (stream-cdr results))
                     (stream-cons (car result) (elements (cdr result))))))
              ((null? result) stream-null)
              (else (loop (stream-cdr results)))))))
  (need-procedure generate 'stream-unfolds)
  (apply values (map extract (iota count))))

(define (stream-zip stream . streams)
  "Return the stream of lists of the elements of the streams."
  (for-each (lambda (stream) (need-stream stream 'stream-zip))
            (cons stream streams))
  (apply stream-map list stream streams))
