;;; HTTP/1.1: versions, methods, request and response lines, and headers, each with the
;;; Scheme value that the manual gives it.
;;;
;;; Source: RFC 7230 to 7235; GNU Guile reference manual, "HTTP" and "HTTP Headers".

(define-module (web http)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-19)
  #:use-module (ice-9 rdelim)
  #:use-module (ice-9 match)
  #:use-module (ice-9 binary-ports)
  #:use-module (rnrs bytevectors)
  #:use-module (web uri)
  #:export (string->header header->string
            declare-header! declare-opaque-header! known-header?
            header-parser header-validator header-writer
            read-header parse-header valid-header? write-header
            read-headers write-headers
            parse-http-method parse-http-version parse-request-uri
            read-request-line write-request-line
            read-response-line write-response-line
            make-chunked-input-port make-chunked-output-port
            http-proxy-port? set-http-proxy-port?!))

(define (bad-header name value)
  (throw 'bad-header name value))

(define (bad-component what value)
  (throw 'bad-header-component what value))

(define (bad-request message . arguments)
  (throw 'bad-request message arguments))

(define (bad-response message . arguments)
  (throw 'bad-response message arguments))

;;; Names.

(define (string->header name)
  "Return the symbol of the header called NAME: NAME in lower case."
  (string->symbol (string-downcase name)))

(define-record-type <declaration>
  (make-declaration name parser validator writer multiple?)
  declaration?
  (name declared-name)            ;as it is written on the wire
  (parser declared-parser)        ;string -> value
  (validator declared-validator)  ;value -> whether it can be written
  (writer declared-writer)        ;value, port -> nothing
  (multiple? declared-multiple?)) ;whether several lines make one value

(define declarations (make-hash-table))

(define (declaration symbol)
  (hashq-ref declarations symbol))

(define* (declare-header! name parser validator writer #:key multiple?)
  "Let the header called NAME be parsed, checked and written by the procedures given.
Where MULTIPLE?, several lines of it are joined by commas."
  (hashq-set! declarations (string->header name)
              (make-declaration name parser validator writer multiple?)))

(define (declare-opaque-header! name)
  "Let the value of the header called NAME be the string that it is."
  (declare-header! name identity string? (lambda (value port) (put value port))))

(define (known-header? symbol)
  "Return whether a header of that name has been declared."
  (and (declaration symbol) #t))

(define (header->string symbol)
  "Return the name of header SYMBOL as it is written."
  (cond ((declaration symbol) => declared-name)
        (else (string-titlecase (symbol->string symbol)))))

(define (header-parser symbol)
  "Return the procedure that turns a string into a value of header SYMBOL."
  (cond ((declaration symbol) => declared-parser)
        (else identity)))

(define (header-validator symbol)
  "Return the procedure that tells whether something is a value of header SYMBOL."
  (cond ((declaration symbol) => declared-validator)
        (else string?)))

(define (header-writer symbol)
  "Return the procedure that writes a value of header SYMBOL to a port."
  (cond ((declaration symbol) => declared-writer)
        (else (lambda (value port) (put value port)))))

(define (parse-header symbol text)
  "Return the value that TEXT is for header SYMBOL.  Throw 'bad-header when it is none."
  (catch 'bad-header-component
    (lambda () ((header-parser symbol) text))
    (lambda (key what value)
      ;; A header that is one number says so itself.
      (if (and (eq? what 'non-negative-integer) (equal? value text))
          (bad-component what value)
          (bad-header symbol text)))))

(define (valid-header? symbol value)
  "Return whether VALUE is one of header SYMBOL; throw 'bad-header for what is no symbol."
  (unless (symbol? symbol)
    (bad-header 'symbol symbol))
  ((header-validator symbol) value))

(define (put thing port)
  ;; Symbols as they are, without what `display' puts around unusual ones.
  (display (if (symbol? thing) (symbol->string thing) thing) port))

;;; Reading and writing headers.

(define (without-return line)
  (string-trim-right line (char-set #\return)))

(define (read-wire-line port)
  ;; A line without its end, or the end of the file.
  (let ((line (read-line port)))
    (if (eof-object? line) line (without-return line))))

(define (read-header-line port)
  ;; A line without its end, which it must have: what was cut off is no header.
  (match (read-line port 'split)
    ((line . (? eof-object?)) (bad-header 'read-header-line line))
    ((line . _) (without-return line))))

(define (blank? char)
  (or (char=? char #\space) (char=? char #\tab)))

(define (read-header port)
  "Return name and value of the next header from PORT, or the end of file twice after
the last."
  (let ((line (read-header-line port)))
    (if (string-null? line)
        (values (eof-object) (eof-object))
        (let ((colon (string-index line #\:)))
          (unless (and colon (not (zero? colon)))
            (bad-header '%read line))
          (let ((symbol (string->header (substring line 0 colon))))
            (values symbol
                    (parse-header symbol
                                  (string-trim-both
                                   (continued (substring line (+ colon 1)) port)))))))))

(define (continued text port)
  ;; TEXT and the lines after it that begin with a blank.
  (let ((next (peek-char port)))
    (if (and (char? next) (blank? next))
        (continued (string-append text " " (string-trim (read-header-line port))) port)
        text)))

(define (read-headers port)
  "Return the headers from PORT up to an empty line, as an alist in their order."
  (let loop ((headers '()))
    (call-with-values (lambda () (read-header port))
      (lambda (symbol value)
        (if (eof-object? symbol)
            (reverse headers)
            (loop (acons symbol value headers)))))))

(define (write-header symbol value port)
  "Write header SYMBOL with VALUE to PORT."
  (put (header->string symbol) port)
  (put ": " port)
  ((header-writer symbol) value port)
  (put "\r\n" port))

(define (write-headers headers port)
  "Write HEADERS, an alist, to PORT."
  (for-each (lambda (header) (write-header (car header) (cdr header) port)) headers))

(include "http/values.scm")
(include "http/headers.scm")
(include "http/lines.scm")

;;; Bodies in chunks: RFC 7230, section 4.1.

(define (read-chunk-size port)
  ;; A body that is cut off ends where it is cut.
  (let ((line (read-wire-line port)))
    (if (eof-object? line)
        0
        (let ((end (or (string-index line (char-set #\; #\space)) (string-length line))))
          (or (string->number (substring line 0 end) 16)
              (bad-response "Invalid chunk header: ~S" line))))))

(define* (make-chunked-input-port port #:key keep-alive?)
  "Return a port to read what comes in chunks from PORT, which is closed with it unless
KEEP-ALIVE?."
  (define left 0)
  (define finished? #f)
  (define (next-chunk!)
    (set! left (read-chunk-size port))
    (when (zero? left)
      (set! finished? #t)
      ;; Trailers, up to an empty line.
      (let loop ((line (read-wire-line port)))
        (unless (or (eof-object? line) (string-null? line))
          (loop (read-wire-line port))))))
  (define (read! bytes start count)
    (when (and (zero? left) (not finished?))
      (next-chunk!))
    (if finished?
        0
        (let ((read (get-bytevector-n! port bytes start (min count left))))
          (when (eof-object? read)
            (bad-response "EOF while reading chunk of ~A bytes" left))
          (set! left (- left read))
          (when (zero? left)
            (read-wire-line port))
          read)))
  (make-custom-binary-input-port "chunked input port" read! #f #f
                                 (lambda () (unless keep-alive? (close-port port)))))

(define* (make-chunked-output-port port #:key keep-alive? (buffering 1200))
  "Return a port whose output goes to PORT in chunks.  Closing it writes the last one,
and closes PORT unless KEEP-ALIVE?."
  (define (write! bytes start count)
    (unless (zero? count)
      (put (number->string count 16) port)
      (put "\r\n" port)
      (put-bytevector port bytes start count)
      (put "\r\n" port))
    count)
  (define (close)
    (put "0\r\n\r\n" port)
    (force-output port)
    (unless keep-alive? (close-port port)))
  (let ((made (make-custom-binary-output-port "chunked http port" write! #f #f close)))
    (setvbuf made 'block buffering)
    made))

;;; What requests and responses have headers read by.

;; (define-accessors HEADERS (NAME HEADER DEFAULT) …): a procedure for each, exported, that
;; gives the value of HEADER of a message whose headers HEADERS tells.
(define-syntax define-accessors
  (lambda (form)
    (define (documentation header)
      (string-append "Return the value of header `"
                     (symbol->string (syntax->datum header))
                     "' of MESSAGE, or OTHERWISE when it has none."))
    (syntax-case form ()
      ((_ headers (name header default) ...)
       (with-syntax (((text ...) (map documentation #'(header ...))))
         #'(begin
             (define* (name message #:optional (otherwise default))
               text
               (let ((found (assq 'header (headers message))))
                 (if found (cdr found) otherwise)))
             ...
             (export name ...)))))))
