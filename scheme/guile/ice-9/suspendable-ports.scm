;;; Ports that suspend their reader.  Here no port does: waiting is the
;;; program's one thread's, and the names are for programs that install them.

(define-module (ice-9 suspendable-ports)
  #:export (current-read-waiter current-write-waiter
            install-suspendable-ports! uninstall-suspendable-ports!))

(define current-read-waiter
  ;; What would be called with a port that has nothing to read.
  (make-parameter (lambda (port) #t)))

(define current-write-waiter
  ;; What would be called with a port that cannot be written.
  (make-parameter (lambda (port) #t)))

(define (install-suspendable-ports!)
  "Do nothing: ports block."
  (if #f #f))

(define (uninstall-suspendable-ports!)
  "Do nothing: ports block."
  (if #f #f))
