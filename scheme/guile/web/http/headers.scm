;;; HTTP: the standard headers.

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
