;;; The server of `(web server)' that speaks HTTP over sockets.

(define-module (web server http)
  #:use-module (srfi srfi-9)
  #:use-module (ice-9 poll)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 binary-ports)
  #:use-module (web http)
  #:use-module (web request)
  #:use-module (web response)
  #:use-module (web server)
  #:export (http))

(define-record-type <http-server>
  (make-http-server socket poll-set)
  http-server?
  (socket http-socket)
  (poll-set http-poll-set))       ;the socket first, then idle connections

(define (listening-socket family address port)
  (let ((socket (socket family SOCK_STREAM 0)))
    (setsockopt socket SOL_SOCKET SO_REUSEADDR 1)
    (bind socket family address port)
    socket))

(define* (http-open #:key (host #f) (family AF_INET)
                    (addr (if host (inet-pton family host) INADDR_LOOPBACK))
                    (port 8080)
                    (socket (listening-socket family addr port)))
  (listen socket 128)
  (sigaction SIGPIPE SIG_IGN)
  (let ((set (make-empty-poll-set)))
    (poll-set-add! set socket POLLIN)
    (make-http-server socket set)))

(define (bad-request port)
  (write-response (build-response #:version '(1 . 0) #:code 400
                                  #:headers '((content-length . 0)))
                  port)
  (close-port port))

;; Wait for a client that says something; return it, its request and the body.
(define (http-read server)
  (let ((set (http-poll-set server)))
    (let loop ((index 0))
      (cond
       ((= index (poll-set-nfds set))
        (poll set)
        (loop 0))
       ((zero? (poll-set-revents set index))
        (loop (+ index 1)))
       ((zero? index)
        (set-poll-set-revents! set 0 0)
        (let ((client (car (accept (http-socket server)))))
          (setvbuf client 'block)
          (poll-set-add! set client POLLIN))
        (loop 1))
       (else
        (let ((client (poll-set-remove! set index)))
          (cond
           ((eof-object? (peek-char client))
            (close-port client)
            (loop index))
           (else
            (let ((found (catch #t
                           (lambda ()
                             (let ((request (read-request client)))
                               (cons request (read-request-body request))))
                           (lambda _
                             (catch #t
                               (lambda () (bad-request client))
                               (lambda _ (close-port client)))
                             #f))))
              (if found
                  (values client (car found) (cdr found))
                  (loop index)))))))))))

(define (keep-alive? response)
  (let ((version (response-version response)))
    (and (not (memq 'close (response-connection response)))
         (cond ((equal? version '(1 . 1)) #t)
               ((equal? version '(1 . 0))
                (memq 'keep-alive (response-connection response)))
               (else #f)))))

(define (http-write server client response body)
  (let* ((response (write-response response client))
         (port (response-port response)))
    (cond ((not body))
          ((bytevector? body) (write-response-body response body))
          (else (error "Expected a bytevector for body" body)))
    (cond ((keep-alive? response)
           (force-output port)
           (poll-set-add! (http-poll-set server) port POLLIN))
          (else (close-port port)))
    (values)))

(define (http-close server)
  (let ((set (http-poll-set server)))
    (let loop ()
      (unless (zero? (poll-set-nfds set))
        (close-port (poll-set-remove! set 0))
        (loop)))))

(define-server-impl http http-open http-read http-write http-close)
