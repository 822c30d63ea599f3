;;; HTTP: the first lines of requests and responses.

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
  (let* ((line (read-header-line port))
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
  (let* ((line (read-header-line port))
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
