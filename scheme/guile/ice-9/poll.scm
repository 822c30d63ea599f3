;;; Waiting for several ports at once.
;;;
;;; Source: poll(2); the names are those of Guile's module.

(define-module (ice-9 poll)
  #:use-module (srfi srfi-9)
  #:export (make-empty-poll-set poll-set? poll-set-nfds poll-set-find-port
            poll-set-port poll-set-events set-poll-set-events!
            poll-set-revents set-poll-set-revents!
            poll-set-add! poll-set-remove! poll
            POLLIN POLLPRI POLLOUT POLLERR POLLHUP POLLNVAL POLLRDHUP))

(define POLLIN 1)
(define POLLPRI 2)
(define POLLOUT 4)
(define POLLERR 8)
(define POLLHUP 16)
(define POLLNVAL 32)
(define POLLRDHUP 8192)

(define-record-type <poll-set>
  (make-poll-set entries)
  poll-set?
  (entries entries set-entries!)) ;list, in order

(define-record-type <entry>
  (make-entry port events revents)
  entry?
  (port entry-port)               ;port, or descriptor
  (events entry-events set-entry-events!)
  (revents entry-revents set-entry-revents!))

(define (make-empty-poll-set)
  "Return a set of nothing to wait for."
  (make-poll-set '()))

(define (poll-set-nfds set)
  "Return how many ports are in SET."
  (length (entries set)))

(define (entry-at set index)
  (list-ref (entries set) index))

(define (poll-set-port set index)
  "Return the port at INDEX of SET."
  (entry-port (entry-at set index)))

(define (poll-set-events set index)
  "Return the events that the port at INDEX of SET is waited for."
  (entry-events (entry-at set index)))

(define (set-poll-set-events! set index events)
  "Wait for EVENTS of the port at INDEX of SET."
  (set-entry-events! (entry-at set index) events))

(define (poll-set-revents set index)
  "Return the events that the last `poll' has found for the port at INDEX of SET."
  (entry-revents (entry-at set index)))

(define (set-poll-set-revents! set index events)
  "Let EVENTS be what was found for the port at INDEX of SET."
  (set-entry-revents! (entry-at set index) events))

(define (poll-set-find-port set port)
  "Return the index of PORT in SET, or #f."
  (let loop ((left (entries set)) (index 0))
    (cond ((null? left) #f)
          ((eqv? port (entry-port (car left))) index)
          (else (loop (cdr left) (+ index 1))))))

(define* (poll-set-add! set port events)
  "Wait for EVENTS of PORT in SET, too."
  (set-entries! set (append (entries set) (list (make-entry port events 0)))))

(define (poll-set-remove! set index)
  "Take the port at INDEX out of SET and return it."
  (let ((entry (entry-at set index)))
    (set-entries! set (delq entry (entries set)))
    (entry-port entry)))

(define* (poll set #:optional (timeout -1))
  "Wait until something happens to a port of SET, TIMEOUT milliseconds at most, without
an end when that is negative.  Return of how many ports something was found."
  (define (wanting event)
    (map entry-port
         (filter (lambda (entry) (logtest event (entry-events entry))) (entries set))))
  (let* ((found (if (negative? timeout)
                    (select (wanting POLLIN) (wanting POLLOUT) (wanting POLLPRI))
                    (select (wanting POLLIN) (wanting POLLOUT) (wanting POLLPRI)
                            (/ timeout 1000.0))))
         (happened (lambda (port)
                     (logior (if (memv port (car found)) POLLIN 0)
                             (if (memv port (cadr found)) POLLOUT 0)
                             (if (memv port (caddr found)) POLLPRI 0)))))
    (for-each (lambda (entry)
                (set-entry-revents! entry (happened (entry-port entry))))
              (entries set))
    (length (filter (lambda (entry) (not (zero? (entry-revents entry))))
                    (entries set)))))
