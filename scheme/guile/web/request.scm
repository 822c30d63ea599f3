;;; Requests: made, read, written; one procedure for each of their headers.
;;;
;;; Source: RFC 7230; GNU Guile reference manual, "Requests".

(define-module (web request)
  #:use-module (srfi srfi-9)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 binary-ports)
  #:use-module (web uri)
  #:use-module (web http)
  #:export (request? request-method request-uri request-version request-headers
            request-meta request-port
            build-request read-request write-request
            read-request-body write-request-body
            request-absolute-uri))

(define-record-type <request>
  (make-request method uri version headers meta port)
  request?
  (method request-method)         ;symbol
  (uri request-uri)               ;a URI or reference
  (version request-version)       ;pair of integers
  (headers request-headers)       ;alist
  (meta request-meta)             ;alist, what the server knows besides
  (port request-port))            ;where the body is

(define (refuse message . arguments)
  (throw 'bad-request message arguments))

(define (check-headers headers)
  (unless (list? headers)
    (refuse "Headers not a list: ~a" headers))
  (for-each (lambda (header)
              (unless (and (pair? header) (symbol? (car header)))
                (refuse "Header not a pair: ~a" header))
              (unless (valid-header? (car header) (cdr header))
                (refuse "Bad value for header ~a: ~s" (car header) (cdr header))))
            headers))

(define (check-version version)
  (unless (and (pair? version)
               (exact-integer? (car version)) (not (negative? (car version)))
               (exact-integer? (cdr version)) (not (negative? (cdr version))))
    (refuse "Bad version: ~a" version)))

(define* (build-request uri #:key (method 'GET) (version '(1 . 1)) (headers '())
                        port (meta '()) (validate-headers? #t))
  "Return a request of METHOD for URI.  A header `host' is added from URI where the
version asks for one.  Throw 'bad-request when the parts do not make one."
  (unless (uri-reference? uri)
    (refuse "Bad uri: ~a" uri))
  (check-version version)
  (unless (or (not port) (port? port))
    (refuse "Bad port: ~a" port))
  (when validate-headers?
    (check-headers headers))
  (make-request method uri version
                (if (or (assq 'host headers)
                        (not (equal? version '(1 . 1)))
                        (not (uri-host uri)))
                    headers
                    (acons 'host (cons (uri-host uri) (uri-port uri)) headers))
                meta port))

(define* (read-request port #:optional (meta '()))
  "Return the request from PORT; its body is left there."
  (set-port-encoding! port "ISO-8859-1")
  (call-with-values (lambda () (read-request-line port))
    (lambda (method uri version)
      (make-request method uri version (read-headers port) meta port))))

(define (write-request request port)
  "Write REQUEST to PORT, without a body; return it with that port."
  (write-request-line (request-method request) (request-uri request)
                      (request-version request) port)
  (write-headers (request-headers request) port)
  (display "\r\n" port)
  (make-request (request-method request) (request-uri request)
                (request-version request) (request-headers request)
                (request-meta request) port))

(define (read-request-body request)
  "Return the body of REQUEST as a bytevector, or #f when it has none."
  (let ((length (request-content-length request)))
    (and length
         (let ((bytes (if (zero? length)
                          (make-bytevector 0)
                          (get-bytevector-n (request-port request) length))))
           (if (and (bytevector? bytes) (= length (bytevector-length bytes)))
               bytes
               (refuse "EOF while reading request body: ~a bytes of ~a"
                       (if (bytevector? bytes) (bytevector-length bytes) 0)
                       length))))))

(define (write-request-body request bytes)
  "Write BYTES to the port of REQUEST."
  (put-bytevector (request-port request) bytes))

((@@ (web http) define-accessors) request-headers
  (request-cache-control cache-control '())
  (request-connection connection '())
  (request-date date #f)
  (request-pragma pragma '())
  (request-trailer trailer '())
  (request-transfer-encoding transfer-encoding '())
  (request-upgrade upgrade '())
  (request-via via '())
  (request-warning warning '())
  (request-allow allow '())
  (request-content-encoding content-encoding '())
  (request-content-language content-language '())
  (request-content-length content-length #f)
  (request-content-location content-location #f)
  (request-content-md5 content-md5 #f)
  (request-content-range content-range #f)
  (request-content-type content-type #f)
  (request-expires expires #f)
  (request-last-modified last-modified #f)
  (request-accept accept '())
  (request-accept-charset accept-charset '())
  (request-accept-encoding accept-encoding '())
  (request-accept-language accept-language '())
  (request-authorization authorization #f)
  (request-expect expect '())
  (request-from from #f)
  (request-host host #f)
  (request-if-match if-match #f)
  (request-if-modified-since if-modified-since #f)
  (request-if-none-match if-none-match #f)
  (request-if-range if-range #f)
  (request-if-unmodified-since if-unmodified-since #f)
  (request-max-forwards max-forwards #f)
  (request-proxy-authorization proxy-authorization #f)
  (request-range range #f)
  (request-referer referer #f)
  (request-te te '())
  (request-user-agent user-agent #f))

(define* (request-absolute-uri request #:optional default-host default-port
                               default-scheme)
  "Return the URI of REQUEST with a host: its own, that of header `host', or
DEFAULT-HOST and DEFAULT-PORT; and with a scheme, DEFAULT-SCHEME or http."
  (let ((uri (request-uri request)))
    (if (uri-host uri)
        uri
        (let ((host (or (request-host request)
                        (and default-host (cons default-host default-port))
                        (refuse "URI not absolute, no Host header, and no default: ~s"
                                uri))))
          (build-uri (or (uri-scheme uri) default-scheme 'http)
                     #:host (car host)
                     #:port (cdr host)
                     #:path (uri-path uri)
                     #:query (uri-query uri)
                     #:fragment (uri-fragment uri))))))
