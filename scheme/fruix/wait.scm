;;; Waiting for something to become true, with a deadline.
;;;
;;; Names and the order of arguments are those of Guix's marionette.  What was
;;; last seen is part of the message when the deadline passes.

(define-module (fruix wait)
  #:use-module (fruix guest)
  #:use-module (fruix native ssh)
  #:use-module (fruix ssh)
  #:use-module (ice-9 format)
  #:export (wait-for
            wait-for-file
            wait-for-tcp-port))

(define* (wait-for predicate
                   #:key
                   (what "a condition")
                   (timeout 10)
                   (interval 0.2)
                   (last-seen (const #f))
                   (while (const #t)))
  "Wait until PREDICATE, a procedure without arguments, returns true, and return
what it returned.  It is called every INTERVAL seconds; of a wait that lasts,
every hundredth of the time waited, but at least every 10 seconds.

Throw 'timeout after TIMEOUT seconds; the message names WHAT, a string, and
what LAST-SEEN, a procedure without arguments, returns: a string or #f.  Throw
'check-failed as soon as WHILE, a procedure without arguments, returns #f: what must
hold meanwhile."
  (let ((start (get-internal-real-time)))
    (let loop ()
      (or (predicate)
          (let ((waited (/ (- (get-internal-real-time) start)
                           internal-time-units-per-second)))
            (when (>= waited timeout)
              (let ((seen (last-seen)))
                (throw 'timeout 'wait-for "~A"
                       (list (format #f "waited ~a s for ~a~a" timeout what
                                     (if seen
                                         (string-append "; last: " seen)
                                         "")))
                       (if seen `((last . ,seen)) '()))))
            (unless (while)
              (throw 'check-failed 'wait-for "~A"
                     (list (format #f "what must hold while waiting for ~a does not" what))
                     '()))
            (%pause (exact->inexact
                     (min (max interval (min 10 (/ waited 100)))
                          (- timeout waited)))
                    (string-append "waiting for " what))
            (loop))))))

(define* (wait-for-file file guest #:key (timeout 10) (read read))
  "Wait until FILE exists in GUEST, and return what READ, a procedure of one
port, reads from it: a datum.

Throw 'timeout after TIMEOUT seconds with what was in its place."
  (wait-for (lambda ()
              (guest-file? guest file))
            #:what (string-append "`" file "` in the guest")
            #:timeout timeout
            #:last-seen (lambda ()
                          (guest-description guest file)))
  (call-with-input-string (guest-file-ref guest file) read))

(define* (wait-for-tcp-port port guest
                            #:key
                            (timeout 20)
                            (address "127.0.0.1"))
  "Wait until something accepts connections at PORT and ADDRESS as seen from
GUEST, and return #t.

Throw 'timeout after TIMEOUT seconds."
  (wait-for (lambda ()
              (ssh-port-open? guest port #:address address))
            #:what (format #f "~a port ~a in the guest" address port)
            #:timeout timeout
            #:last-seen (const "connection refused")))
