;;; Responses: made, read, written; one procedure for each of their headers.
;;;
;;; Source: RFC 7230, RFC 7231; GNU Guile reference manual, "Responses".

(define-module (web response)
  #:use-module (srfi srfi-9)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 binary-ports)
  #:use-module (web http)
  #:export (response? response-version response-code response-headers response-port
            response-reason-phrase
            build-response read-response write-response adapt-response-version
            response-must-not-include-body? response-body-port
            read-response-body write-response-body
            text-content-type?))

(define-record-type <response>
  (make-response version code reason-phrase headers port)
  response?
  (version response-version)      ;pair of integers
  (code response-code)            ;integer
  (reason-phrase said-reason)     ;string, or #f for the usual one
  (headers response-headers)      ;alist
  (port response-port))           ;where the body is

(define (refuse message . arguments)
  (throw 'bad-response message arguments))

;; RFC 7231, section 6.1, and what the registry of status codes has besides.
(define reasons
  '((100 . "Continue") (101 . "Switching Protocols")
    (200 . "OK") (201 . "Created") (202 . "Accepted")
    (203 . "Non-Authoritative Information") (204 . "No Content")
    (205 . "Reset Content") (206 . "Partial Content")
    (300 . "Multiple Choices") (301 . "Moved Permanently") (302 . "Found")
    (303 . "See Other") (304 . "Not Modified") (305 . "Use Proxy")
    (307 . "Temporary Redirect")
    (400 . "Bad Request") (401 . "Unauthorized") (402 . "Payment Required")
    (403 . "Forbidden") (404 . "Not Found") (405 . "Method Not Allowed")
    (406 . "Not Acceptable") (407 . "Proxy Authentication Required")
    (408 . "Request Timeout") (409 . "Conflict") (410 . "Gone")
    (411 . "Length Required") (412 . "Precondition Failed")
    (413 . "Request Entity Too Large") (414 . "Request-URI Too Long")
    (415 . "Unsupported Media Type") (416 . "Requested Range Not Satisfiable")
    (417 . "Expectation Failed") (423 . "Locked") (426 . "Upgrade Required")
    (500 . "Internal Server Error") (501 . "Not Implemented") (502 . "Bad Gateway")
    (503 . "Service Unavailable") (504 . "Gateway Timeout")
    (505 . "HTTP Version Not Supported") (507 . "Insufficient Storage")))

(define (usual-reason code)
  (or (assv-ref reasons code)
      "(Unknown)"))

(define (response-reason-phrase response)
  "Return the words that RESPONSE has for its code."
  (or (said-reason response) (usual-reason (response-code response))))

(define (check-headers headers)
  (unless (list? headers)
    (refuse "Headers not a list: ~a" headers))
  (for-each (lambda (header)
              (unless (and (pair? header) (symbol? (car header)))
                (refuse "Header not a pair: ~a" header))
              (unless (valid-header? (car header) (cdr header))
                (refuse "Bad value for header ~a: ~s" (car header) (cdr header))))
            headers))

(define* (build-response #:key (version '(1 . 1)) (code 200) reason-phrase
                         (headers '()) port (validate-headers? #t))
  "Return a response with CODE.  Throw 'bad-response when the parts do not make one."
  (unless (and (pair? version) (exact-integer? (car version))
               (exact-integer? (cdr version)))
    (refuse "Bad version: ~a" version))
  (unless (and (exact-integer? code) (< -1 code 600))
    (refuse "Bad code: ~a" code))
  (unless (or (not reason-phrase) (string? reason-phrase))
    (refuse "Bad reason phrase" reason-phrase))
  (unless (or (not port) (port? port))
    (refuse "Bad port: ~a" port))
  (when validate-headers?
    (check-headers headers))
  (make-response version code reason-phrase headers port))

(define (read-response port)
  "Return the response from PORT; its body is left there."
  (set-port-encoding! port "ISO-8859-1")
  (call-with-values (lambda () (read-response-line port))
    (lambda (version code reason)
      (make-response version code reason (read-headers port) port))))

(define (adapt-response-version response version)
  "Return RESPONSE as one of VERSION."
  (build-response #:code (response-code response)
                  #:version version
                  #:headers (response-headers response)
                  #:port (response-port response)))

(define (write-response response port)
  "Write RESPONSE to PORT, without a body; return it with that port."
  (write-response-line (response-version response) (response-code response)
                       (response-reason-phrase response) port)
  (write-headers (response-headers response) port)
  (display "\r\n" port)
  (make-response (response-version response) (response-code response)
                 (said-reason response) (response-headers response) port))

(define (response-must-not-include-body? response)
  "Return whether a response with the code of RESPONSE has no body: RFC 7230, section
3.3.3."
  (let ((code (response-code response)))
    (or (<= 100 code 199) (= code 204) (= code 304))))

(define (limited-port port length keep-alive?)
  ;; A port for LENGTH bytes of PORT.
  (define left length)
  (define (read! bytes start count)
    (if (zero? left)
        0
        (let ((read (get-bytevector-n! port bytes start (min count left))))
          (when (eof-object? read)
            (refuse "EOF while reading response body: ~a bytes of ~a"
                    (- length left) length))
          (set! left (- left read))
          read)))
  (make-custom-binary-input-port "delimited input port" read! #f #f
                                 (lambda () (unless keep-alive? (close-port port)))))

(define* (response-body-port response #:key (decode? #t) (keep-alive? #t))
  "Return a port to read the body of RESPONSE from, or #f when it has none.  With
DECODE?, a text's port has its encoding; with KEEP-ALIVE?, the response's own port stays
open when this one is closed."
  (let* ((source (response-port response))
         (port
          (cond
           ((response-must-not-include-body? response) #f)
           ((member '(chunked) (response-transfer-encoding response))
            (make-chunked-input-port source #:keep-alive? keep-alive?))
           ((response-content-length response)
            => (lambda (length) (limited-port source length keep-alive?)))
           ;; Whatever comes until the other side closes.
           (else (and (not keep-alive?) source)))))
    (when (and decode? port)
      (let ((type (response-content-type response '(application/octet-stream))))
        (set-port-encoding! port
                            (cond ((assq-ref (cdr type) 'charset))
                                  (else "ISO-8859-1")))))
    port))

(define (read-response-body response)
  "Return the body of RESPONSE as a bytevector, or #f when it has none."
  (let ((port (or (response-body-port response #:decode? #f)
                  (and (not (response-must-not-include-body? response))
                       (response-port response)))))
    (and port
         (let ((bytes (get-bytevector-all port)))
           (if (eof-object? bytes) (make-bytevector 0) bytes)))))

(define (write-response-body response bytes)
  "Write BYTES to the port of RESPONSE."
  (put-bytevector (response-port response) bytes))

(define (text-content-type? type)
  "Return whether TYPE, a symbol, is that of a text."
  (let ((type (symbol->string type)))
    (or (string-prefix? "text/" type)
        (string-suffix? "/xml" type)
        (string-suffix? "+xml" type))))

((@@ (web http) define-accessors) response-headers
  (response-cache-control cache-control '())
  (response-connection connection '())
  (response-date date #f)
  (response-pragma pragma '())
  (response-trailer trailer '())
  (response-transfer-encoding transfer-encoding '())
  (response-upgrade upgrade '())
  (response-via via '())
  (response-warning warning '())
  (response-allow allow '())
  (response-content-encoding content-encoding '())
  (response-content-language content-language '())
  (response-content-length content-length #f)
  (response-content-location content-location #f)
  (response-content-md5 content-md5 #f)
  (response-content-range content-range #f)
  (response-content-type content-type #f)
  (response-expires expires #f)
  (response-last-modified last-modified #f)
  (response-accept-ranges accept-ranges #f)
  (response-age age #f)
  (response-etag etag #f)
  (response-location location #f)
  (response-proxy-authenticate proxy-authenticate #f)
  (response-retry-after retry-after #f)
  (response-server server #f)
  (response-vary vary '())
  (response-www-authenticate www-authenticate #f))
