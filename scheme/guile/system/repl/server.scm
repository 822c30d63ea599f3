;;; Prompts over sockets.

(define-module (system repl server)
  #:use-module (ice-9 threads)
  #:use-module (system repl repl)
  #:export (make-tcp-server-socket make-unix-domain-server-socket run-server spawn-server
            stop-server-and-clients!))

(define* (make-tcp-server-socket #:key (host #f)
                                 (addr (if host (inet-aton host) INADDR_LOOPBACK))
                                 (port 37146))
  "Return a socket bound to PORT of ADDR, by default of this machine alone."
  (let ((socket (socket PF_INET SOCK_STREAM 0)))
    (setsockopt socket SOL_SOCKET SO_REUSEADDR 1)
    (bind socket AF_INET addr port)
    socket))

(define (inet-aton host)
  (inet-pton AF_INET host))

(define* (make-unix-domain-server-socket #:key (path "/tmp/guile-socket"))
  "Return a socket bound to PATH."
  (let ((socket (socket PF_UNIX SOCK_STREAM 0)))
    (bind socket AF_UNIX path)
    socket))

;; Sockets and clients that are open.
(define open '())

(define (stop-server-and-clients!)
  "Close every socket and client of prompts over sockets."
  (for-each close-port open)
  (set! open '()))

(define (serve client)
  (set! open (cons client open))
  (with-input-from-port client
    (lambda ()
      (with-output-to-port client
        (lambda ()
          (with-error-to-port client start-repl)))))
  (set! open (delq client open))
  (close-port client))

(define* (run-server #:optional (socket (make-tcp-server-socket)))
  "Open a prompt for everybody who connects with SOCKET, one after the other."
  (listen socket 5)
  (set! open (cons socket open))
  (let loop ()
    (when (memq socket open)
      (serve (car (accept socket)))
      (loop))))

(define* (spawn-server #:optional (socket (make-tcp-server-socket)))
  "Do as `run-server' in a thread of its own, and return that."
  (make-thread run-server socket))
