;;; Asking HTTP servers.  TLS is not spoken here: `https' is refused where it is asked
;;; for.
;;;
;;; Source: RFC 7230; GNU Guile reference manual, "Web Client".

(define-module (web client)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 binary-ports)
  #:use-module (ice-9 iconv)
  #:use-module (srfi srfi-1)
  #:use-module (web uri)
  #:use-module (web http)
  #:use-module (web request)
  #:use-module (web response)
  #:export (current-http-proxy current-https-proxy x509-certificate-directory
            open-socket-for-uri http-request
            http-get http-head http-post http-put http-delete http-trace http-options))

(define (proxy-of-environment name)
  (let ((value (getenv name)))
    (and value (not (string-null? value)) value)))

(define current-http-proxy
  (make-parameter (proxy-of-environment "http_proxy")))

(define current-https-proxy
  (make-parameter (proxy-of-environment "https_proxy")))

(define x509-certificate-directory
  (make-parameter (or (getenv "GUILE_TLS_CERTIFICATE_DIRECTORY")
                      (getenv "SSL_CERT_DIR")
                      "/etc/ssl/certs")))

(define (as-uri uri)
  (if (string? uri)
      (or (string->uri uri) (error "not a URI:" uri))
      uri))

(define (connect-to uri)
  ;; A port to the host of URI: the first of its addresses that answers.
  (let loop ((addresses (getaddrinfo (uri-host uri)
                                     (cond ((uri-port uri) => number->string)
                                           ((uri-scheme uri) => symbol->string)
                                           (else "http"))
                                     (if (uri-port uri) AI_NUMERICSERV 0)
                                     0 SOCK_STREAM)))
    (let* ((address (car addresses))
           (port (socket (addrinfo:fam address) SOCK_STREAM IPPROTO_IP)))
      (catch 'system-error
        (lambda ()
          (connect port (addrinfo:addr address))
          (setvbuf port 'block)
          port)
        (lambda failure
          (close-port port)
          (if (null? (cdr addresses))
              (apply throw failure)
              (loop (cdr addresses))))))))

(define* (open-socket-for-uri uri #:key (verify-certificate? #t))
  "Return a port that is connected with the server of URI, or with the proxy for it.
Throw 'system-error (ENOSYS) for https: there is no TLS here."
  (let* ((uri (as-uri uri))
         (https? (eq? (uri-scheme uri) 'https))
         (proxy (and (not https?) (current-http-proxy))))
    (when https?
      (scm-error 'system-error "open-socket-for-uri" "~A: TLS is not spoken here: ~A"
                 (list (strerror ENOSYS) (uri->string uri)) (list ENOSYS)))
    (let ((port (connect-to (as-uri (or proxy uri)))))
      (when proxy
        (set-http-proxy-port?! port #t))
      (set-port-encoding! port "ISO-8859-1")
      port)))

(define (with-default headers name value)
  (if (assq name headers) headers (acons name value headers)))

(define (request-of uri method version headers port body keep-alive?)
  ;; The request, and its body as a bytevector, a procedure or #f.
  (let* ((type (assq-ref headers 'content-type))
         (body (if (string? body)
                   (string->bytevector body (or (and type (assq-ref (cdr type) 'charset))
                                                "utf-8"))
                   body))
         (headers (if keep-alive? headers (with-default headers 'connection '(close))))
         (headers (if body
                      (with-default headers 'content-type '(application/octet-stream))
                      headers))
         (headers (if (bytevector? body)
                      (with-default headers 'content-length (bytevector-length body))
                      headers)))
    (values (build-request uri #:method method #:version version #:headers headers
                           #:port port)
            body)))

(define (decoded response body)
  ;; Text as a string, anything else as it is.
  (let ((type (response-content-type response)))
    (if (and body type (text-content-type? (car type)))
        (bytevector->string body (or (assq-ref (cdr type) 'charset) "iso-8859-1"))
        body)))

(define* (http-request uri #:key (body #f) (verify-certificate? #t)
                       (port (open-socket-for-uri uri)) (method 'GET)
                       (version '(1 . 1)) (keep-alive? #f) (headers '())
                       (decode-body? #t) (streaming? #f) (request #f))
  "Ask the server of URI over PORT with METHOD, HEADERS and BODY, a string or a
bytevector.  Return the response and its body: a string for text with DECODE-BODY?, else
a bytevector; a port with STREAMING?; #f when there is none."
  (call-with-values
      (lambda ()
        (if request
            (values request body)
            (request-of (as-uri uri) method version headers port body keep-alive?)))
    (lambda (request body)
      (let ((request (write-request request port)))
        (when (bytevector? body)
          (write-request-body request body))
        (force-output port)
        (let ((response (read-response port)))
          (cond
           ((eq? (request-method request) 'HEAD)
            (unless keep-alive? (close-port port))
            (values response #f))
           (streaming?
            (values response
                    (response-body-port response #:keep-alive? keep-alive?
                                        #:decode? decode-body?)))
           (else
            (let ((body (read-response-body response)))
              (unless keep-alive? (close-port port))
              (values response
                      (if decode-body? (decoded response body) body))))))))))

(define-syntax-rule (define-verb name method documentation)
  (define* (name uri #:rest options)
    documentation
    (apply http-request uri #:method 'method options)))

(define-verb http-get GET
  "Ask for URI with GET; the options and what is returned are those of `http-request'.")
(define-verb http-head HEAD
  "Ask for URI with HEAD; the options and what is returned are those of `http-request'.")
(define-verb http-post POST
  "Ask for URI with POST; the options and what is returned are those of `http-request'.")
(define-verb http-put PUT
  "Ask for URI with PUT; the options and what is returned are those of `http-request'.")
(define-verb http-delete DELETE
  "Ask for URI with DELETE; the options and what is returned are those of `http-request'.")
(define-verb http-trace TRACE
  "Ask for URI with TRACE; the options and what is returned are those of `http-request'.")
(define-verb http-options OPTIONS
  "Ask for URI with OPTIONS; the options and what is returned are those of `http-request'.")
