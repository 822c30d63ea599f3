;;; Ports: what calls procedures, and the procedures of (ice-9 rdelim),
;;; (ice-9 textual-ports) and (ice-9 binary-ports), which those modules export.

(define (%with-current-port set-current! port thunk)
  (let ((inside port))
    (let ((swap! (lambda () (set! inside (set-current! inside)))))
      (dynamic-wind swap! thunk swap!))))

(define (with-output-to-port port thunk)
  "Call THUNK with PORT as current output port."
  (%with-current-port set-current-output-port port thunk))

(define (with-input-from-port port thunk)
  "Call THUNK with PORT as current input port."
  (%with-current-port set-current-input-port port thunk))

(define (with-error-to-port port thunk)
  "Call THUNK with PORT as current error port."
  (%with-current-port set-current-error-port port thunk))

(define (call-with-output-string procedure)
  "Call PROCEDURE with a string port and return what was written to it."
  (let ((port (open-output-string)))
    (procedure port)
    (get-output-string port)))

(define (with-output-to-string thunk)
  "Call THUNK and return what it wrote to the current output port."
  (let ((port (open-output-string)))
    (with-output-to-port port thunk)
    (get-output-string port)))

(define (with-error-to-string thunk)
  "Call THUNK and return what it wrote to the current error port."
  (let ((port (open-output-string)))
    (with-error-to-port port thunk)
    (get-output-string port)))

(define (call-with-input-string string procedure)
  "Call PROCEDURE with a port that reads STRING."
  (procedure (open-input-string string)))

(define (with-input-from-string string thunk)
  "Call THUNK with STRING to read from the current input port."
  (with-input-from-port (open-input-string string) thunk))

(define (call-with-port port procedure)
  "Call PROCEDURE with PORT and close PORT when it returns."
  (call-with-values (lambda () (procedure port))
    (lambda results
      (close-port port)
      (apply values results))))

(define (call-with-input-file name procedure . options)
  "Call PROCEDURE with a port that reads the file called NAME."
  (call-with-port (apply open-input-file name options) procedure))

(define (call-with-output-file name procedure . options)
  "Call PROCEDURE with a port that writes the file called NAME."
  (call-with-port (apply open-output-file name options) procedure))

(define (with-input-from-file name thunk . options)
  "Call THUNK with the file called NAME to read from the current input port."
  (call-with-port (apply open-input-file name options)
                  (lambda (port) (with-input-from-port port thunk))))

(define (with-output-to-file name thunk . options)
  "Call THUNK with the current output port writing the file called NAME."
  (call-with-port (apply open-output-file name options)
                  (lambda (port) (with-output-to-port port thunk))))

(define (with-error-to-file name thunk . options)
  "Call THUNK with the current error port writing the file called NAME."
  (call-with-port (apply open-output-file name options)
                  (lambda (port) (with-error-to-port port thunk))))

(define* (object->string object #:optional (printer write))
  "Return what PRINTER prints of OBJECT."
  (call-with-output-string (lambda (port) (printer object port))))

(define (pipe . flags)
  "Return a pair of ports: what is written to the second is read from the first."
  (%pipe))

(define (port-with-print-state port . state)
  "Return PORT."
  port)

;;; Options.  Each interface is an association list from names to values,
;;; kept in the order in which Guile shows it.

(define %read-option-values
  (list (cons 'curly-infix #f) (cons 'r7rs-symbols #f) (cons 'hungry-eol-escapes #f)
        (cons 'square-brackets #t) (cons 'r6rs-hex-escapes #f) (cons 'keywords #f)
        (cons 'case-insensitive #f) (cons 'positions #t)))

(define %print-option-values
  (list (cons 'r7rs-symbols #f) (cons 'escape-newlines #t)
        (cons 'quote-keywordish-symbols 'reader)
        (cons 'highlight-suffix "}") (cons 'highlight-prefix "{")))

(define %debug-option-values
  (list (cons 'warn-deprecated #f) (cons 'show-file-name #t) (cons 'stack 838860)
        (cons 'trace #f) (cons 'backtrace #t) (cons 'depth 20)
        (cons 'maxdepth 1000) (cons 'frames 3) (cons 'indent 10) (cons 'width 79)
        (cons 'cheap #t) (cons 'breakpoints #f) (cons 'backwards #f) (cons 'debug #f)))

;; Options that have a value, which is listed after the name.
(define %valued-options
  '(keywords quote-keywordish-symbols highlight-suffix highlight-prefix
    show-file-name stack depth maxdepth frames indent width))

(define (%options-list values)
  (let loop ((values values) (found '()))
    (if (null? values)
        (reverse! found)
        (let ((name (car (car values))) (value (cdr (car values))))
          (cond ((memq name '(maxdepth frames indent)) (loop (cdr values) found))
                ((memq name %valued-options)
                 (loop (cdr values) (cons value (cons name found))))
                (value (loop (cdr values) (cons name found)))
                (else (loop (cdr values) found)))))))

(define (%set-option! values name value effect)
  (let ((entry (assq name values)))
    (if (not entry)
        (scm-error 'misc-error #f "Unknown option name: ~S" (list name) #f))
    (set-cdr! entry value)
    (effect name value)))

(define (%set-options! values options effect)
  (for-each (lambda (entry)
              (if (not (memq (car entry) '(show-file-name stack depth width
                                           highlight-suffix highlight-prefix
                                           maxdepth frames indent)))
                  (%set-option! values (car entry) #f effect)))
            values)
  (let loop ((options options))
    (cond ((null? options) #t)
          ((memq (car options) %valued-options)
           (%set-option! values (car options) (cadr options) effect)
           (loop (cddr options)))
          (else
           (%set-option! values (car options) #t effect)
           (loop (cdr options))))))

(define (%options-interface values options effect)
  (let ((before (%options-list values)))
    (if (and (pair? options) (list? (car options)))
        (%set-options! values (car options) effect))
    before))

(define (%no-effect name value) #t)

(define (read-options . options)
  "Return the list of read options in force; given such a list, make it so."
  (%options-interface %read-option-values options %set-read-option!))
(define (read-options-interface . options)
  "Short for read-options."
  (apply read-options options))
(define (read-enable . names)
  "Switch the read options NAMES on."
  (for-each (lambda (name) (%set-option! %read-option-values name #t %set-read-option!)) names)
  (read-options))
(define (read-disable . names)
  "Switch the read options NAMES off."
  (for-each (lambda (name) (%set-option! %read-option-values name #f %set-read-option!)) names)
  (read-options))
(define-syntax-rule (read-set! name value)
  (begin
    (%set-option! %read-option-values 'name value %set-read-option!)
    (read-options)))

(define (print-options . options)
  "Return the list of print options in force; given such a list, make it so."
  (%options-interface %print-option-values options %set-print-option!))
(define (print-enable . names)
  "Switch the print options NAMES on."
  (for-each (lambda (name) (%set-option! %print-option-values name #t %set-print-option!)) names)
  (print-options))
(define (print-disable . names)
  "Switch the print options NAMES off."
  (for-each (lambda (name) (%set-option! %print-option-values name #f %set-print-option!)) names)
  (print-options))
(define-syntax-rule (print-set! name value)
  (begin
    (%set-option! %print-option-values 'name value %set-print-option!)
    (print-options)))

(define (debug-options . options)
  "Return the list of debug options; they have no effect here."
  (%options-interface %debug-option-values options %no-effect))
(define (debug-options-interface . options)
  "Short for debug-options."
  (apply debug-options options))
(define (debug-enable . names)
  "Switch the debug options NAMES on; they have no effect here."
  (for-each (lambda (name) (%set-option! %debug-option-values name #t %no-effect)) names)
  (debug-options))
(define (debug-disable . names)
  "Switch the debug options NAMES off; they have no effect here."
  (for-each (lambda (name) (%set-option! %debug-option-values name #f %no-effect)) names)
  (debug-options))
(define-syntax-rule (debug-set! name value)
  (begin
    (%set-option! %debug-option-values 'name value %no-effect)
    (debug-options)))

;;; What characters after # mean, and where objects were read.

(define %read-hash-procedures (make-fluid '()))

(define %default-port-encoding
  ;; What programs bind around opening ports.
  (%default-encoding-in (make-fluid "UTF-8")))
(define %default-port-conversion-strategy (%default-strategy-in (make-fluid 'substitute)))

(define (read-hash-extend char procedure)
  "Let PROCEDURE, called with CHAR and the port, read what begins with # and CHAR.
With #f, CHAR means what it meant before."
  (fluid-set! %read-hash-procedures
              (cons (cons char procedure)
                    (filter (lambda (entry) (not (eqv? (car entry) char)))
                            (fluid-ref %read-hash-procedures))))
  (%read-hash-extend char %read-hash-procedures))

(define %source-properties (make-weak-key-hash-table))

(define (source-properties object)
  "Return the association list of where OBJECT was read, and of what was set on it."
  (let ((own (hashq-ref %source-properties object #f)))
    (or own
        (let ((place (%read-place object)))
          (if place
              (append (if (car place) (list (cons 'filename (car place))) '())
                      (list (cons 'line (cadr place)) (cons 'column (caddr place))))
              '())))))

(define (source-property object key)
  "Return the value of KEY in the source properties of OBJECT, or #f."
  (assq-ref (source-properties object) key))

(define (set-source-properties! object properties)
  "Make PROPERTIES the source properties of OBJECT."
  (hashq-set! %source-properties object properties)
  properties)

(define (set-source-property! object key value)
  "Make VALUE the value of KEY in the source properties of OBJECT."
  (set-source-properties! object (assq-set! (alist-copy (source-properties object)) key value)))

(define (supports-source-properties? object)
  "Tell whether OBJECT can have source properties."
  (not (or (symbol? object) (keyword? object) (char? object) (boolean? object)
           (null? object) (and (exact-integer? object) (< (abs object) 2305843009213693952)))))

(define (cons-source original car cdr)
  "Return a pair of CAR and CDR that has the source properties of ORIGINAL."
  (let ((pair (cons car cdr)))
    (set-source-properties! pair (source-properties original))
    pair))

(define SEEK_SET 0)
(define SEEK_CUR 1)
(define SEEK_END 2)
(define OPEN_READ "r")
(define OPEN_WRITE "w")
(define OPEN_BOTH "r+")

;;; (ice-9 rdelim).

(define* (read-string #:optional (port (current-input-port)) (limit #f))
  "Return the text that is left in PORT, at most LIMIT characters of it."
  (if limit (%read-string port limit) (%read-string port)))

(define* (read-delimited delimiters #:optional (port (current-input-port))
                         (handle-delim 'trim))
  "Return the text of PORT up to a character of the string DELIMITERS."
  (let* ((found (%read-delimited delimiters port))
         (text (car found))
         (delimiter (cdr found))
         (end? (eof-object? delimiter)))
    (case handle-delim
      ((trim) (if (and end? (string-null? text)) delimiter text))
      ((concat) (cond ((not end?) (string-append text (string delimiter)))
                      ((string-null? text) delimiter)
                      (else text)))
      ((peek) (if (not end?) (unread-char delimiter port))
              (if (and end? (string-null? text)) delimiter text))
      ((split) (cons (if (and end? (string-null? text)) delimiter text) delimiter))
      (else (error "unexpected handle-delim value: " handle-delim)))))

(define* (read-delimited! delimiters buffer #:optional (port (current-input-port))
                          (handle-delim 'trim) (start 0) (end (string-length buffer)))
  "Read up to a character of DELIMITERS into BUFFER and return the number of characters."
  (let loop ((index start))
    (let* ((room? (< index end))
           (character (peek-char port))
           (read (- index start))
           (end? (eof-object? character))
           (delimiter? (and (not end?) (string-index delimiters character))))
      (cond ((and room? (not end?) (not delimiter?))
             (read-char port)
             (string-set! buffer index character)
             (loop (+ index 1)))
            ((eq? handle-delim 'split)
             (cons (if (and end? (eqv? read 0)) character read)
                   (cond (end? character)
                         (delimiter? (read-char port) character)
                         (else #f))))
            (end? (if (eqv? read 0) character read))
            ((not room?) read)
            ((eq? handle-delim 'peek) read)
            ((eq? handle-delim 'concat)
             (read-char port)
             (string-set! buffer index character)
             (+ read 1))
            (else (read-char port) read)))))

(define* (read-string! buffer #:optional (port (current-input-port))
                       (start 0) (end (string-length buffer)))
  "Read text of PORT into BUFFER and return the number of characters."
  (let loop ((index start))
    (if (>= index end)
        (- index start)
        (let ((character (read-char port)))
          (if (eof-object? character)
              (- index start)
              (begin
                (string-set! buffer index character)
                (loop (+ index 1))))))))

;;; (ice-9 textual-ports) and (ice-9 binary-ports).

(define (%unget-char port character)
  "Put CHARACTER back into PORT."
  (unread-char character port))

(define* (%unget-string port string #:optional (start 0) (count (- (string-length string) start)))
  "Put COUNT characters of STRING from START on back into PORT."
  (unread-string (substring string start (+ start count)) port))

(define (%get-line port)
  "Return the next line of PORT, or the end-of-file object."
  (%next-line port 'trim))

(define (%get-string-n! port buffer start count)
  "Read at most COUNT characters into BUFFER from START on and return how many."
  (let ((text (%get-string-n port count)))
    (if (eof-object? text)
        text
        (begin
          (string-copy! buffer start text)
          (string-length text)))))

(define* (%unget-bytevector port bytes #:optional (start 0)
                            (count (- (bytevector-length bytes) start)))
  "Put COUNT bytes of BYTES from START on back into PORT."
  (%unread-bytes port (bytevector-copy bytes start (+ start count))))

(define* (%open-bytevector-input-port bytes #:optional transcoder)
  "Return a port that reads BYTES."
  (%open-input-bytevector bytes))

(define* (%open-bytevector-output-port #:optional transcoder)
  "Return two values: a port, and a procedure that returns the bytes written to it so far."
  (let ((port (%open-output-bytevector)))
    (values port (lambda () (%take-output-bytevector port)))))

(define (%call-with-output-bytevector procedure)
  "Call PROCEDURE with a port and return the bytes written to it."
  (let ((port (%open-output-bytevector)))
    (procedure port)
    (%output-bytevector port)))

(define (%call-with-input-bytevector bytes procedure)
  "Call PROCEDURE with a port that reads BYTES."
  (procedure (%open-input-bytevector bytes)))
