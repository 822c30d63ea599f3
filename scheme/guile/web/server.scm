;;; Web servers: a loop around an implementation, which opens, reads, writes and closes.
;;;
;;; Source: GNU Guile reference manual, "Web Server".

(define-module (web server)
  #:use-module (srfi srfi-9)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 iconv)
  #:use-module (web request)
  #:use-module (web response)
  #:use-module (web uri)
  #:export (define-server-impl lookup-server-impl make-server-impl server-impl?
            server-impl-name server-impl-open server-impl-read server-impl-write
            server-impl-close
            open-server read-client handle-request sanitize-response write-client
            close-server serve-one-client run-server))

(define-record-type <server-impl>
  (make-server-impl name open read write close)
  server-impl?
  (name server-impl-name)
  (open server-impl-open)         ;options -> server
  (read server-impl-read)         ;server -> client, request, body
  (write server-impl-write)       ;server, client, response, body -> nothing
  (close server-impl-close))      ;server -> nothing

(define-syntax-rule (define-server-impl name open read write close)
  ;; Define NAME as an implementation of servers.
  (define name (make-server-impl 'name open read write close)))

(define (lookup-server-impl impl)
  "Return the implementation that IMPL is, or that module (web server IMPL) exports."
  (cond ((server-impl? impl) impl)
        ((symbol? impl)
         (let ((found (module-ref (resolve-module `(web server ,impl)) impl)))
           (unless (server-impl? found)
             (error "expected a server impl in module" impl))
           found))
        (else (error "expected a server-impl or a symbol" impl))))

(define (open-server impl options)
  "Return a server of IMPL, opened with OPTIONS, keywords and values."
  (apply (server-impl-open impl) options))

(define (read-client impl server)
  "Wait for the next client of SERVER; return it, its request and the body, or #f thrice
when that fails."
  (catch #t
    (lambda () ((server-impl-read impl) server))
    (lambda (key . arguments)
      (if (memq key '(interrupt interrupted quit))
          (apply throw key arguments))
      (print-exception (current-error-port) #f key arguments)
      (values #f #f #f))))

(define (as-response response request)
  "Return RESPONSE, which may be an alist of headers, as a response to REQUEST."
  (if (response? response)
      (adapt-response-version response (request-version request))
      (build-response #:headers response #:version (request-version request))))

(define (encoded response text)
  "Return two values: RESPONSE with the encoding of TEXT, and TEXT in it as a bytevector."
  (let* ((type (response-content-type response '(text/plain)))
         (named (assq-ref (cdr type) 'charset))
         (charset (or named "utf-8")))
    (values (with-header response 'content-type
                         (if named type (append type (list (cons 'charset charset)))))
            (string->bytevector text charset))))

(define (measured request response body)
  "Return two values: RESPONSE to REQUEST with the length of BODY, a bytevector, and what of
BODY is to be sent."
  (unless (bytevector? body)
    (error "a body is a string, a bytevector or a procedure:" body))
  (let ((size (bytevector-length body))
        (said (response-content-length response)))
    (when (and (> size 0) (response-must-not-include-body? response))
      (error "a response of this code has no body:" (response-code response)))
    (when (and said (not (= said size)))
      (error "the length that the header tells is not that of the body:" said size))
    (values (if (or said (assq 'transfer-encoding (response-headers response)))
                response
                (with-header response 'content-length size))
            (and (not (eq? (request-method request) 'HEAD)) body))))

(define (sanitize-response request response body)
  "Return RESPONSE, which may be an alist of headers, and BODY, which may be a string or a
procedure that writes to a port, as a response with its length and a bytevector; #f for
HEAD."
  (let ((response (as-response response request))
        (body (if (procedure? body) (call-with-output-string body) body)))
    (call-with-values
        (lambda ()
          (if (string? body) (encoded response body) (values response body)))
      (lambda (response body)
        (if body
            (measured request response body)
            (values response #vu8()))))))

(define (with-header response name value)
  (build-response #:version (response-version response)
                  #:code (response-code response)
                  #:headers (acons name value
                                   (assq-remove! (list-copy (response-headers response))
                                                 name))
                  #:port (response-port response)))

(define (handle-request handler request body state)
  "Return the response, the body and the new state, a list, that HANDLER gives for
REQUEST with BODY and STATE; a response of code 500 when it fails."
  (catch #t
    (lambda ()
      (call-with-values (lambda () (apply handler request body state))
        (lambda* (response #:optional body #:rest state)
          (call-with-values (lambda () (sanitize-response request response body))
            (lambda (response body)
              (values response body state))))))
    (lambda (key . arguments)
      (if (memq key '(interrupt interrupted quit))
          (apply throw key arguments))
      (print-exception (current-error-port) #f key arguments)
      (values (build-response #:code 500 #:headers '((content-length . 0)))
              #f state))))

(define (write-client impl server client response body)
  "Write RESPONSE and BODY to CLIENT of SERVER."
  (catch #t
    (lambda () ((server-impl-write impl) server client response body))
    (lambda (key . arguments)
      (if (memq key '(interrupt interrupted quit))
          (apply throw key arguments))
      (print-exception (current-error-port) #f key arguments)
      (values))))

(define (close-server impl server)
  "Close SERVER."
  ((server-impl-close impl) server))

(define (serve-one-client handler impl server state)
  "Answer the next client of SERVER with HANDLER, and return the new state."
  (call-with-values (lambda () (read-client impl server))
    (lambda (client request body)
      (if client
          (call-with-values (lambda () (handle-request handler request body state))
            (lambda (response body state)
              (write-client impl server client response body)
              state))
          state))))

(define* (run-server handler #:optional (impl 'http) (options '()) . state)
  "Answer clients with HANDLER until interrupted: called with a request, its body and
STATE, it returns a response or an alist of headers, a body, and the new state.  IMPL is
an implementation or its name, OPTIONS are keywords and values for it."
  (let* ((impl (lookup-server-impl impl))
         (server (open-server impl options)))
    (dynamic-wind
      (const #f)
      (lambda ()
        (let loop ((state state))
          (loop (serve-one-client handler impl server state))))
      (lambda ()
        (close-server impl server)))))
