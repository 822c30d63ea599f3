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

(define (read-wire-line port)
  ;; A line without its end, or the end of the file.
  (let ((line (read-line port)))
    (if (eof-object? line)
        line
        (string-trim-right line (char-set #\return)))))

(define (read-header-line port)
  (let ((line (read-wire-line port)))
    (if (eof-object? line)
        (throw 'bad-header 'headers line)
        line)))

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

;;; Parts that headers are made of.

(define (trimmed text)
  (string-trim-both text blank?))

;; Split TEXT at DELIMITER, but not within double quotes.
(define (split text delimiter)
  (let loop ((index 0) (start 0) (quoted? #f) (parts '()))
    (cond
     ((= index (string-length text))
      (reverse (cons (trimmed (substring text start)) parts)))
     ((and quoted? (char=? (string-ref text index) #\\)
           (< (+ index 1) (string-length text)))
      (loop (+ index 2) start quoted? parts))
     ((char=? (string-ref text index) #\")
      (loop (+ index 1) start (not quoted?) parts))
     ((and (not quoted?) (char=? (string-ref text index) delimiter))
      (loop (+ index 1) (+ index 1) quoted?
            (cons (trimmed (substring text start index)) parts)))
     (else (loop (+ index 1) start quoted? parts)))))

(define (split-list text)
  (filter (lambda (part) (not (string-null? part))) (split text #\,)))

(define token-set
  (char-set-difference char-set:ascii
                       char-set:iso-control
                       (string->char-set "()<>@,;:\\\"/[]?={} \t")))

(define (token? text)
  (and (not (string-null? text)) (string-every token-set text)))

(define (unquoted text)
  ;; What TEXT means: a string between double quotes, or itself.
  (if (string-prefix? "\"" text)
      (let loop ((index 1) (chars '()))
        (cond ((>= index (string-length text)) (bad-component 'qstring text))
              ((char=? (string-ref text index) #\")
               (if (= (+ index 1) (string-length text))
                   (list->string (reverse chars))
                   (bad-component 'qstring text)))
              ((and (char=? (string-ref text index) #\\)
                    (< (+ index 1) (string-length text)))
               (loop (+ index 2) (cons (string-ref text (+ index 1)) chars)))
              (else (loop (+ index 1) (cons (string-ref text index) chars)))))
      text))

(define (put-quoted text port)
  (put "\"" port)
  (string-for-each (lambda (char)
                     (when (memv char '(#\" #\\))
                       (put "\\" port))
                     (put char port))
                   text)
  (put "\"" port))

(define (put-list items put-item delimiter port)
  (let loop ((items items) (first? #t))
    (when (pair? items)
      (unless first? (put delimiter port))
      (put-item (car items) port)
      (loop (cdr items) #f))))

(define (parse-integer text)
  (let ((number (and (not (string-null? text))
                     (string-every char-set:digit text)
                     (string->number text))))
    (or number (bad-component 'non-negative-integer text))))

(define (natural? value)
  (and (exact-integer? value) (not (negative? value))))

;; Qualities are thousandths.
(define (parse-quality text)
  (let ((number (string->number text)))
    (if (and number (real? number) (<= 0 number 1))
        (inexact->exact (round (* 1000 number)))
        (bad-component 'quality text))))

(define (quality? value)
  (and (exact-integer? value) (<= 0 value 1000)))

(define (put-quality quality port)
  (if (= quality 1000)
      (put "1" port)
      (let ((digits (string-pad (number->string quality) 3 #\0)))
        (put "0." port)
        (put digits port))))

(define (parse-quality-list text)
  (map (lambda (part)
         (match (split part #\;)
           ((item) (cons 1000 item))
           ((item quality)
            (unless (string-prefix? "q=" quality)
              (bad-component 'quality quality))
            (cons (parse-quality (substring quality 2)) item))
           (_ (bad-component 'quality part))))
       (split-list text)))

(define (quality-list? value)
  (and (list? value)
       (every (lambda (item)
                (and (pair? item) (quality? (car item)) (string? (cdr item))))
              value)))

(define (put-quality-list items port)
  (put-list items
            (lambda (item port)
              (put (cdr item) port)
              (unless (= (car item) 1000)
                (put ";q=" port)
                (put-quality (car item) port)))
            "," port))

;; Key=value, as alists; a key alone is its symbol, or has #t in cache directives.
(define* (parse-pair text #:optional (parse-value (lambda (key text) text)))
  (let ((place (string-index text #\=)))
    (if place
        (let ((key (string->symbol (trimmed (substring text 0 place)))))
          (cons key (parse-value key (unquoted (trimmed (substring text (+ place 1)))))))
        (string->symbol text))))

(define* (put-pair pair port #:optional (put-value put-value))
  (cond ((symbol? pair) (put pair port))
        (else
         (put (car pair) port)
         (when (cdr pair)
           (unless (eq? (cdr pair) #t)
             (put "=" port)
             (put-value (car pair) (cdr pair) port))))))

(define (put-value key value port)
  (cond ((not (string? value)) (put value port))
        ((token? value) (put value port))
        (else (put-quoted value port))))

(define (pairs? value)
  (and (list? value)
       (every (lambda (item)
                (or (symbol? item)
                    (and (pair? item) (symbol? (car item)))))
              value)))

(define (quality-or-text key text)
  (if (eq? key 'q) (parse-quality text) text))

(define (put-quality-or-text key value port)
  (if (eq? key 'q)
      (put-quality value port)
      (put-value key value port)))

;; A thing with parameters: (text/html (q . 500)).
(define* (parse-parameters text #:optional (parse-item string->symbol))
  (match (split text #\;)
    ((item parameters ...)
     (cons (parse-item item)
           (map (lambda (parameter) (parse-pair parameter quality-or-text))
                (filter (lambda (parameter) (not (string-null? parameter)))
                        parameters))))))

(define (put-parameters item port)
  (put (car item) port)
  (for-each (lambda (parameter)
              (put ";" port)
              (put-pair parameter port put-quality-or-text))
            (cdr item)))

(define (parameters? item)
  (and (pair? item)
       (or (symbol? (car item)) (string? (car item)))
       (pairs? (cdr item))))

(define (parse-parameters-list text)
  (map parse-parameters (split-list text)))

(define (parameters-list? value)
  (and (list? value) (every parameters? value)))

(define (put-parameters-list value port)
  (put-list value put-parameters "," port))

;;; Dates.

(define months
  '#("Jan" "Feb" "Mar" "Apr" "May" "Jun" "Jul" "Aug" "Sep" "Oct" "Nov" "Dec"))
(define days '#("Sun" "Mon" "Tue" "Wed" "Thu" "Fri" "Sat"))

(define (month-of name)
  (let ((index (list-index (lambda (month) (string-ci=? month name))
                           (vector->list months))))
    (if index (+ index 1) (bad-component 'month name))))

(define (in-greenwich date)
  (time-tai->date (date->time-tai date) 0))

(define (zone-of text)
  ;; Seconds east of Greenwich.
  (cond ((member text '("GMT" "UTC" "Z")) 0)
        ((and (= (string-length text) 5) (memv (string-ref text 0) '(#\+ #\-)))
         (* (if (char=? (string-ref text 0) #\-) -1 1)
            (+ (* 3600 (parse-integer (substring text 1 3)))
               (* 60 (parse-integer (substring text 3 5))))))
        (else (bad-component 'zone text))))

(define (date-of day month year time zone)
  (match (map parse-integer (string-split time #\:))
    ((hour minute second)
     (let ((date (make-date 0 second minute hour (parse-integer day) (month-of month)
                            year (zone-of zone))))
       (if (zero? (date-zone-offset date)) date (in-greenwich date))))
    (_ (bad-component 'time time))))

;; RFC 7231, section 7.1.1.1: the form of today and the two that are obsolete.
(define (parse-date text)
  (match (string-tokenize text)
    ((_ day month year time zone)
     (date-of day month (parse-integer year) time zone))
    ((_ date time zone)
     (match (string-split date #\-)
       ((day month year)
        (let ((year (parse-integer year)))
          (date-of day month
                   (cond ((> year 99) year)
                         ((< year 70) (+ 2000 year))
                         (else (+ 1900 year)))
                   time zone)))
       (_ (bad-component 'date text))))
    ((_ month day time year)
     (date-of day month (parse-integer year) time "GMT"))
    (_ (bad-component 'date text))))

(define (put-date date port)
  (define (two number)
    (string-pad (number->string number) 2 #\0))
  (let ((date (if (zero? (date-zone-offset date))
                  date
                  (in-greenwich date))))
    (put (vector-ref days (date-week-day date)) port)
    (put ", " port)
    (put (string-join (list (two (date-day date))
                            (vector-ref months (- (date-month date) 1))
                            (string-pad (number->string (date-year date)) 4 #\0)
                            (string-append (two (date-hour date)) ":"
                                           (two (date-minute date)) ":"
                                           (two (date-second date)))
                            "GMT"))
         port)))

;;; Entity tags: (TAG . STRONG?).

(define (parse-entity-tag text)
  (cond ((string-prefix? "W/\"" text) (cons (unquoted (substring text 2)) #f))
        ((string-prefix? "\"" text) (cons (unquoted text) #t))
        (else (cons text #t))))

(define (entity-tag? value)
  (and (pair? value) (string? (car value)) (boolean? (cdr value))))

(define (put-entity-tag tag port)
  (unless (cdr tag) (put "W/" port))
  (put-quoted (car tag) port))

(define (parse-entity-tags text)
  (if (string=? text "*")
      '*
      (map parse-entity-tag (split-list text))))

(define (entity-tags? value)
  (or (eq? value '*)
      (and (list? value) (every entity-tag? value))))

(define (put-entity-tags value port)
  (if (eq? value '*)
      (put "*" port)
      (put-list value put-entity-tag ", " port)))

;;; Credentials and challenges: (SCHEME . "…") for basic, (SCHEME (KEY . VALUE) …).

(define (scheme-and-rest text)
  (let ((place (or (string-index text blank?) (string-length text))))
    (values (string->symbol (string-downcase (substring text 0 place)))
            (trimmed (substring text place)))))

(define (parse-credentials text)
  (call-with-values (lambda () (scheme-and-rest text))
    (lambda (scheme rest)
      (cons scheme
            (if (eq? scheme 'basic)
                rest
                (map parse-pair (split-list rest)))))))

(define (credentials? value)
  (and (pair? value)
       (symbol? (car value))
       (or (string? (cdr value)) (pairs? (cdr value)))))

(define (put-credentials value port)
  (put (car value) port)
  (put " " port)
  (if (string? (cdr value))
      (put (cdr value) port)
      (put-list (cdr value) put-pair ", " port)))

;; A part with a blank before any equals sign begins the next challenge.
(define (parse-challenges text)
  (let loop ((parts (split-list text)) (challenges '()))
    (if (null? parts)
        (reverse (map (lambda (challenge)
                        (cons (car challenge) (reverse (cdr challenge))))
                      challenges))
        (let* ((part (car parts))
               (blank (string-index part blank?))
               (equals (string-index part #\=)))
          (cond
           ((or (not equals) (and blank (< blank equals)))
            (call-with-values (lambda () (scheme-and-rest part))
              (lambda (scheme rest)
                (loop (cdr parts)
                      (cons (cons scheme
                                  (if (string-null? rest)
                                      '()
                                      (list (parse-pair rest))))
                            challenges)))))
           ((null? challenges) (bad-component 'challenge text))
           (else
            (loop (cdr parts)
                  (cons (cons (caar challenges)
                              (cons (parse-pair part) (cdar challenges)))
                        (cdr challenges)))))))))

(define (put-challenges value port)
  (put-list value put-credentials ", " port))

;;; Standard headers, by the kind of their values.

(define (declare-kind! parse valid? write multiple? names)
  (for-each (lambda (name)
              (declare-header! name parse valid? write #:multiple? multiple?))
            names))

(for-each declare-opaque-header!
          '("Content-MD5" "From" "Server" "User-Agent"))

(declare-kind! parse-integer natural? put #f
               '("Content-Length" "Age" "Max-Forwards"))

(declare-kind! parse-date date? put-date #f
               '("Date" "If-Modified-Since" "If-Unmodified-Since"
                 "Last-Modified"))

;; Many servers say that something has expired with a number.
(declare-header! "Expires"
                 (lambda (text)
                   (if (member text '("0" "-1"))
                       (make-date 0 0 0 0 1 1 1970 0)
                       (parse-date text)))
                 date? put-date)

(define (parse-symbols text)
  (map string->symbol (split-list text)))

(define (symbols? value)
  (and (list? value) (every symbol? value)))

(define (put-symbols value port)
  (put-list value put ", " port))

(declare-kind! parse-symbols symbols? put-symbols #t '("Allow" "Accept-Ranges"
                                                      "Content-Encoding"))

(define (parse-strings text)
  (split-list text))

(define (strings? value)
  (and (list? value) (every string? value)))

(declare-kind! parse-strings strings? put-symbols #t
               '("Content-Language" "Upgrade"))

(define (parse-header-names text)
  (map string->header (split-list text)))

(define (put-header-names value port)
  (put-list value
            (lambda (name port)
              (put (if (symbol? name) (header->string name) name) port))
            ", " port))

(declare-kind! parse-header-names symbols? put-header-names #t '("Trailer"))

(declare-header! "Connection"
                 parse-header-names symbols?
                 (lambda (value port)
                   (put-list value
                             (lambda (name port)
                               (put (if (eq? name 'close) 'close (header->string name))
                                    port))
                             ", " port))
                 #:multiple? #t)

(declare-header! "Vary"
                 (lambda (text)
                   (if (string=? text "*") '* (parse-header-names text)))
                 (lambda (value) (or (eq? value '*) (symbols? value)))
                 (lambda (value port)
                   (if (eq? value '*) (put "*" port) (put-header-names value port)))
                 #:multiple? #t)

(define (parse-cache-directive key text)
  (case key
    ((max-age max-stale min-fresh s-maxage) (parse-integer text))
    ((private no-cache) (parse-header-names text))
    (else text)))

(define (put-cache-directive key value port)
  (if (list? value)
      (put-quoted (call-with-output-string
                    (lambda (port) (put-header-names value port)))
                  port)
      (put-value key value port)))

(declare-header! "Cache-Control"
                 (lambda (text)
                   (map (lambda (part) (parse-pair part parse-cache-directive))
                        (split-list text)))
                 pairs?
                 (lambda (value port)
                   (put-list value
                             (lambda (pair port) (put-pair pair port put-cache-directive))
                             ", " port))
                 #:multiple? #t)

(declare-header! "Pragma"
                 (lambda (text) (map parse-pair (split-list text)))
                 pairs?
                 (lambda (value port) (put-list value put-pair ", " port))
                 #:multiple? #t)

(declare-kind! parse-parameters-list parameters-list? put-parameters-list #t
               '("Accept" "Transfer-Encoding" "TE" "Expect"))

(declare-kind! parse-quality-list quality-list? put-quality-list #t
               '("Accept-Charset" "Accept-Encoding" "Accept-Language"))

(declare-kind! (lambda (text) (parse-parameters text))
               parameters? put-parameters #f
               '("Content-Type" "Content-Disposition"))

(declare-kind! parse-credentials credentials? put-credentials #f
               '("Authorization" "Proxy-Authorization"))

(declare-kind! parse-challenges
               (lambda (value) (and (list? value) (every credentials? value)))
               put-challenges #t
               '("WWW-Authenticate" "Proxy-Authenticate"))

(declare-kind! parse-entity-tags entity-tags? put-entity-tags #t
               '("If-Match" "If-None-Match"))

(declare-header! "ETag" parse-entity-tag entity-tag? put-entity-tag)

(define (date-or parse)
  ;; Weekdays begin with a letter and hold a comma or a blank; what PARSE reads does not.
  (lambda (text)
    (catch 'bad-header-component
      (lambda () (parse-date text))
      (lambda _ (parse text)))))

(declare-header! "If-Range"
                 (date-or parse-entity-tag)
                 (lambda (value) (or (date? value) (entity-tag? value)))
                 (lambda (value port)
                   (if (date? value) (put-date value port) (put-entity-tag value port))))

(declare-header! "Retry-After"
                 (date-or parse-integer)
                 (lambda (value) (or (date? value) (natural? value)))
                 (lambda (value port)
                   (if (date? value) (put-date value port) (put value port))))

(define (parse-reference text)
  (or (string->uri-reference text) (bad-component 'uri-reference text)))

(declare-kind! parse-reference uri-reference?
               (lambda (uri port) (put (uri->string uri) port))
               #f
               '("Location" "Referer" "Content-Location"))

;; Host: (NAME . PORT), PORT #f when it is not said.
(define (parse-host text)
  (let* ((bracket (string-rindex text #\]))
         (colon (string-rindex text #\:))
         (port (and colon (or (not bracket) (> colon bracket)) colon))
         (name (if port (substring text 0 port) text)))
    (cons (if bracket (substring name 1 bracket) name)
          (and port
               (< (+ port 1) (string-length text))
               (parse-integer (substring text (+ port 1)))))))

(declare-header! "Host"
                 parse-host
                 (lambda (value)
                   (and (pair? value) (string? (car value))
                        (or (not (cdr value)) (natural? (cdr value)))))
                 (lambda (value port)
                   (put (if (string-index (car value) #\:)
                            (string-append "[" (car value) "]")
                            (car value))
                        port)
                   (when (cdr value)
                     (put ":" port)
                     (put (cdr value) port))))

;; Range: (bytes (FIRST . LAST) …), either of them #f.
(define (parse-bound text)
  (and (not (string-null? text)) (parse-integer text)))

(define (put-bound bound port)
  (when bound (put bound port)))

(declare-header! "Range"
                 (lambda (text)
                   (unless (string-prefix? "bytes=" text)
                     (bad-component 'range text))
                   (cons 'bytes
                         (map (lambda (part)
                                (match (string-split part #\-)
                                  ((first last)
                                   (cons (parse-bound first) (parse-bound last)))
                                  (_ (bad-component 'range part))))
                              (split-list (substring text 6)))))
                 (lambda (value)
                   (and (pair? value) (symbol? (car value)) (list? (cdr value))
                        (every pair? (cdr value))))
                 (lambda (value port)
                   (put (car value) port)
                   (put "=" port)
                   (put-list (cdr value)
                             (lambda (range port)
                               (put-bound (car range) port)
                               (put "-" port)
                               (put-bound (cdr range) port))
                             "," port)))

;; Content-Range: (bytes (FIRST . LAST) LENGTH), '* for what is not known.
(declare-header! "Content-Range"
                 (lambda (text)
                   (match (string-split text (char-set #\space #\- #\/))
                     ((unit "*" length) (list (string->symbol unit) '* (known length)))
                     ((unit first last length)
                      (list (string->symbol unit)
                            (cons (parse-integer first) (parse-integer last))
                            (known length)))
                     (_ (bad-component 'content-range text))))
                 (lambda (value) (and (list? value) (= 3 (length value))))
                 (lambda (value port)
                   (match value
                     ((unit range length)
                      (put unit port)
                      (put " " port)
                      (cond ((pair? range)
                             (put (car range) port)
                             (put "-" port)
                             (put (cdr range) port))
                            (else (put range port)))
                      (put "/" port)
                      (put length port)))))

(define (known text)
  (if (string=? text "*") '* (parse-integer text)))

(declare-kind! split-list strings? put-symbols #t '("Via"))

;; Warning: ((CODE HOST TEXT DATE) …), HOST a string, DATE or #f.
(define (parse-warning text)
  (let* ((first (or (string-index text #\space) (bad-component 'warning text)))
         (second (or (string-index text #\space (+ first 1))
                     (bad-component 'warning text)))
         (rest (trimmed (substring text (+ second 1))))
         (end (let loop ((index 1))
                (cond ((>= index (string-length rest)) (bad-component 'warning text))
                      ((char=? (string-ref rest index) #\\) (loop (+ index 2)))
                      ((char=? (string-ref rest index) #\") (+ index 1))
                      (else (loop (+ index 1))))))
         (date (trimmed (substring rest end))))
    (list (parse-integer (substring text 0 first))
          (substring text (+ first 1) second)
          (unquoted (substring rest 0 end))
          (and (not (string-null? date)) (parse-date (unquoted date))))))

(declare-header! "Warning"
                 (lambda (text) (map parse-warning (split-list text)))
                 (lambda (value)
                   (and (list? value)
                        (every (lambda (item) (and (list? item) (= 4 (length item))))
                               value)))
                 (lambda (value port)
                   (put-list value
                             (lambda (warning port)
                               (match warning
                                 ((code host text date)
                                  (put code port)
                                  (put " " port)
                                  (put host port)
                                  (put " " port)
                                  (put-quoted text port)
                                  (when date
                                    (put " \"" port)
                                    (put-date date port)
                                    (put "\"" port)))))
                             ", " port))
                 #:multiple? #t)

;;; Lines of requests and responses.

(define* (parse-http-version text #:optional (start 0) (end (string-length text)))
  "Return the version that TEXT names, as a pair of integers: (1 . 1)."
  (let ((text (substring text start end)))
    (match (and (string-prefix? "HTTP/" text)
                (string-split (substring text 5) #\.))
      (((? (lambda (part) (string->number part)) major)
        (? (lambda (part) (string->number part)) minor))
       (cons (string->number major) (string->number minor)))
      (_ (bad-component 'non-negative-integer text)))))

(define (put-version version port)
  (put "HTTP/" port)
  (put (car version) port)
  (put "." port)
  (put (cdr version) port))

(define* (parse-http-method text #:optional (start 0) (end (string-length text)))
  "Return the method that TEXT names, as a symbol."
  (let ((text (substring text start end)))
    (unless (token? text)
      (bad-request "Invalid method: ~a" text))
    (string->symbol text)))

(define* (parse-request-uri text #:optional (start 0) (end (string-length text)))
  "Return the URI of a request line's TEXT: a URI, a path, or #f for an asterisk."
  (let ((text (substring text start end)))
    (cond ((string=? text "*") #f)
          ((string-prefix? "/" text)
           (let* ((fragment (string-index text #\#))
                  (query (string-index text #\?))
                  (query (and query (or (not fragment) (< query fragment)) query)))
             (build-uri-reference
              #:path (substring text 0 (or query fragment (string-length text)))
              #:query (and query
                           (substring text (+ query 1)
                                      (or fragment (string-length text))))
              #:fragment (and fragment (substring text (+ fragment 1)))
              #:validate? #f)))
          (else (or (string->uri text) (bad-request "Invalid URI: ~S" text))))))

(define (read-request-line port)
  "Return method, URI and version of a request from PORT."
  (let* ((line (read-wire-line port))
         (line (if (eof-object? line) (bad-header 'read-header-line line) line))
         (first (string-index line char-set:whitespace))
         (last (string-rindex line char-set:whitespace)))
    (unless (and first last (< first last))
      (bad-request "Bad Request-Line: ~s" line))
    (values (parse-http-method line 0 first)
            (parse-request-uri (string-trim-both line char-set:whitespace (+ first 1) last))
            (parse-http-version line (+ last 1)))))

(define proxies (make-weak-key-hash-table))

(define (http-proxy-port? port)
  "Return whether PORT leads to a proxy, which is told whole URIs."
  (hashq-ref proxies port #f))

(define (set-http-proxy-port?! port proxy?)
  "Say whether PORT leads to a proxy."
  (hashq-set! proxies port proxy?))

(define (write-request-line method uri version port)
  "Write the first line of a request of METHOD for URI to PORT."
  (put method port)
  (put " " port)
  (cond ((not uri) (put "*" port))
        ((and (http-proxy-port? port) (uri-scheme uri))
         (put (uri->string uri #:include-fragment? #f) port))
        (else
         (put (if (string-null? (uri-path uri)) "/" (uri-path uri)) port)
         (when (uri-query uri)
           (put "?" port)
           (put (uri-query uri) port))))
  (put " " port)
  (put-version version port)
  (put "\r\n" port))

(define (read-response-line port)
  "Return version, code and reason of a response from PORT."
  (let* ((line (read-wire-line port))
         (line (if (eof-object? line) (bad-header 'read-header-line line) line))
         (first (string-index line char-set:whitespace))
         (rest (and first (string-trim line char-set:whitespace first)))
         (code (and rest
                    (substring rest 0 (or (string-index rest char-set:whitespace)
                                          (string-length rest))))))
    (unless (and code (string->number code)
                 (string-index rest char-set:whitespace))
      (bad-response "Bad Response-Line: ~s" line))
    (values (parse-http-version line 0 first)
            (parse-integer code)
            (string-trim-both (substring rest (string-length code))))))

(define (write-response-line version code reason port)
  "Write the first line of a response with CODE and REASON to PORT."
  (put-version version port)
  (put " " port)
  (put code port)
  (put " " port)
  (put reason port)
  (put "\r\n" port))

;;; Bodies in chunks: RFC 7230, section 4.1.

(define (read-chunk-size port)
  (let ((line (read-wire-line port)))
    (if (eof-object? line)
        (bad-response "EOF while reading chunk header")
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
(define-syntax-rule (define-accessors headers (name header default) ...)
  (begin
    (define* (name message #:optional (otherwise default))
      (let ((found (assq 'header (headers message))))
        (if found (cdr found) otherwise)))
    ...
    (export name ...)))
