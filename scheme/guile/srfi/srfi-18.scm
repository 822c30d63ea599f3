;;; SRFI 18: threads, on those of (ice-9 threads).
;;;
;;; A thread begins to run when it is started.  What ends it with an error is
;;; kept and raised again, wrapped, for whoever joins it.

(define-module (srfi srfi-18)
  #:use-module ((ice-9 threads) #:prefix threads:)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:use-module ((srfi srfi-34) #:prefix srfi-34:)
  #:use-module (srfi srfi-35)
  #:export (make-thread thread-name thread-specific thread-specific-set!
            thread-start! thread-yield! thread-sleep! thread-terminate! thread-join!

            mutex make-mutex mutex? mutex-name mutex-specific mutex-specific-set!
            mutex-state mutex-lock! mutex-unlock!

            make-condition-variable condition-variable? condition-variable-name
            condition-variable-specific condition-variable-specific-set!
            condition-variable-signal! condition-variable-broadcast!

            time? current-time time->seconds seconds->time
            current-thread thread?

            current-exception-handler with-exception-handler raise
            join-timeout-exception? abandoned-mutex-exception?
            terminated-thread-exception? uncaught-exception? uncaught-exception-reason)
  #:replace (current-time current-thread thread? make-thread make-mutex mutex?
             make-condition-variable condition-variable? raise with-exception-handler))

;;; Exceptions

(define-condition-type &abandoned-mutex &error abandoned-mutex-exception?)
(define-condition-type &join-timeout &error join-timeout-exception?)
(define-condition-type &terminated-thread &error terminated-thread-exception?)
(define-condition-type &uncaught &error uncaught-exception?
  (reason uncaught-exception-reason))

(define (raise object)
  "Raise OBJECT; return what the handler returns."
  (raise-continuable object))

(define with-exception-handler srfi-34:with-exception-handler)

(define (current-exception-handler)
  "Return a procedure that raises its argument to the handler in force."
  raise)

(define (check predicate value procedure)
  (unless (predicate value)
    (scm-error 'wrong-type-arg procedure "Wrong type argument in position ~A: ~S"
               (list 1 value) (list value))))

;;; Time

(define-record-type <time>
  (seconds->moment seconds)
  time?
  (seconds moment-seconds))       ;since the beginning of 1970

(define (current-time)
  "Return the present."
  (match (gettimeofday)
    ((seconds . microseconds)
     (seconds->moment (+ seconds (/ microseconds 1e6))))))

(define (time->seconds time)
  "Return TIME as an inexact number of seconds since the beginning of 1970."
  (check time? time "time->seconds")
  (moment-seconds time))

(define (seconds->time seconds)
  "Return the time that is SECONDS after the beginning of 1970."
  (check number? seconds "seconds->time")
  (seconds->moment (exact->inexact seconds)))

;; The time that TIMEOUT stands for, as the threads below know it: #f is never,
;; a number is so many seconds from now.
(define (deadline timeout procedure)
  (cond ((not timeout) #f)
        ((time? timeout) (moment-seconds timeout))
        ((number? timeout)
         (+ (moment-seconds (current-time)) timeout))
        (else (check time? timeout procedure))))

;;; Threads

(define-record-type <thread>
  (%make-thread name specific gate running exception)
  %thread?
  (name      %thread-name)
  (specific  %thread-specific set-thread-specific!)
  (gate      thread-gate set-thread-gate!)            ;mutex; #f once it has been opened
  (running   thread-running set-thread-running!)      ;thread below
  (exception thread-exception set-thread-exception!)) ;condition that it ended with, or #f

(define running-threads '())      ;thread below -> thread

(define (thread? object)
  "Return whether OBJECT is a thread."
  (%thread? object))

(define primordial
  (let ((thread (%make-thread 'main #f #f (threads:current-thread) #f)))
    (set! running-threads (acons (threads:current-thread) thread running-threads))
    thread))

(define (current-thread)
  "Return the thread that is running."
  (let* ((below (threads:current-thread))
         (known (assq below running-threads)))
    (if known
        (cdr known)
        (let ((thread (%make-thread #f #f #f below #f)))
          (set! running-threads (acons below thread running-threads))
          thread))))

(define* (make-thread thunk #:optional name)
  "Return a new thread called NAME that calls THUNK once it is started."
  (check procedure? thunk "make-thread")
  (let* ((gate (threads:make-mutex 'unchecked-unlock 'allow-external-unlock))
         (thread (%make-thread name #f gate #f #f)))
    (threads:lock-mutex gate)
    (set-thread-running!
     thread
     (threads:call-with-new-thread
      (lambda ()
        (threads:lock-mutex gate)
        (srfi-34:guard (reason
                        (#t (set-thread-exception!
                             thread (condition (&uncaught (reason reason))))
                            #f))
          (thunk)))))
    (set! running-threads (acons (thread-running thread) thread running-threads))
    thread))

(define (thread-name thread)
  "Return the name of THREAD."
  (check thread? thread "thread-name")
  (%thread-name thread))

(define (thread-specific thread)
  "Return the value that a program has given to THREAD."
  (check thread? thread "thread-specific")
  (%thread-specific thread))

(define (thread-specific-set! thread value)
  "Give VALUE to THREAD."
  (check thread? thread "thread-specific-set!")
  (set-thread-specific! thread value)
  *unspecified*)

(define (thread-start! thread)
  "Let THREAD, which is new, run; return it."
  (check thread? thread "thread-start!")
  (let ((gate (thread-gate thread)))
    (unless gate
      (scm-error 'misc-error "thread-start!" "thread has been started: ~S" (list thread) #f))
    (set-thread-gate! thread #f)
    (threads:unlock-mutex gate)
    (threads:yield)
    thread))

(define (thread-yield!)
  "Let other threads run."
  (threads:yield)
  *unspecified*)

(define (thread-sleep! timeout)
  "Wait for TIMEOUT seconds, or until the time TIMEOUT."
  (unless (or (time? timeout) (number? timeout))
    (check time? timeout "thread-sleep!"))
  (let ((mutex (threads:make-mutex))
        (never (threads:make-condition-variable)))
    (threads:lock-mutex mutex)
    (threads:wait-condition-variable never mutex (deadline timeout "thread-sleep!"))
    (threads:unlock-mutex mutex)
    *unspecified*))

(define (thread-terminate! thread)
  "End THREAD, which whoever joins it is told."
  (check thread? thread "thread-terminate!")
  (set-thread-exception! thread (condition (&terminated-thread)))
  (threads:cancel-thread (thread-running thread))
  *unspecified*)

(define no-value (list 'no-value))

(define* (thread-join! thread #:optional timeout (timeout-value no-value))
  "Wait until THREAD has ended and return its result; raise what ended it.  When
TIMEOUT comes first, return TIMEOUT-VALUE, or raise an exception if there is none."
  (check thread? thread "thread-join!")
  (let* ((limit (deadline timeout "thread-join!"))
         (running (thread-running thread))
         (result (call-with-values
                     (lambda ()
                       (if limit
                           (threads:join-thread running limit no-value)
                           (threads:join-thread running)))
                   ;; One that was ended gives none.
                   (lambda results
                     (if (pair? results) (car results) #f)))))
    (cond
     ((and (eq? result no-value) (not (threads:thread-exited? running)))
      (if (eq? timeout-value no-value)
          (raise (condition (&join-timeout)))
          timeout-value))
     ((thread-exception thread) => raise)
     (else result))))

;;; Mutexes

(define-record-type <mutex>
  (%make-mutex name specific below owner abandoned?)
  mutex?
  (name       %mutex-name)
  (specific   %mutex-specific set-mutex-specific!)
  (below      mutex-below)
  (owner      mutex-owner set-mutex-owner!)             ;thread, or #f for nobody
  (abandoned? mutex-abandoned? set-mutex-abandoned?!))

(define* (make-mutex #:optional name)
  "Return a new mutex called NAME."
  (%make-mutex name #f
               (threads:make-mutex 'unchecked-unlock 'allow-external-unlock)
               #f #f))

(define mutex make-mutex)

(define (mutex-name mutex)
  "Return the name of MUTEX."
  (check mutex? mutex "mutex-name")
  (%mutex-name mutex))

(define (mutex-specific mutex)
  "Return the value that a program has given to MUTEX."
  (check mutex? mutex "mutex-specific")
  (%mutex-specific mutex))

(define (mutex-specific-set! mutex value)
  "Give VALUE to MUTEX."
  (check mutex? mutex "mutex-specific-set!")
  (set-mutex-specific! mutex value)
  *unspecified*)

(define (ended? thread)
  (threads:thread-exited? (thread-running thread)))

;; Unlock MUTEX when its owner has ended without doing so.
(define (notice-abandonment! mutex)
  (let ((owner (mutex-owner mutex)))
    (when (and owner (ended? owner))
      (set-mutex-owner! mutex #f)
      (set-mutex-abandoned?! mutex #t)
      (threads:unlock-mutex (mutex-below mutex)))))

(define (mutex-state mutex)
  "Return the thread that owns MUTEX, or `not-owned', `abandoned' or `not-abandoned'."
  (check mutex? mutex "mutex-state")
  (notice-abandonment! mutex)
  (cond ((mutex-owner mutex))
        ((threads:mutex-locked? (mutex-below mutex)) 'not-owned)
        ((mutex-abandoned? mutex) 'abandoned)
        (else 'not-abandoned)))

(define* (mutex-lock! mutex #:optional timeout (owner (current-thread)))
  "Lock MUTEX for the thread OWNER, or for nobody if that is #f.  Return #t, or #f
when TIMEOUT came first."
  (check mutex? mutex "mutex-lock!")
  (let ((limit (deadline timeout "mutex-lock!")))
    (let wait ()
      (notice-abandonment! mutex)
      (let* ((below (mutex-below mutex))
             (locked? (cond
                       ((not (threads:mutex-locked? below))
                        (threads:lock-mutex below))
                       ((and limit (>= (moment-seconds (current-time)) limit)) 'late)
                       (else
                        (thread-sleep! 1/1000)
                        #f))))
        (case locked?
          ((#f) (wait))
          ((late) #f)
          (else
           (set-mutex-owner! mutex owner)
           (when (mutex-abandoned? mutex)
             (set-mutex-abandoned?! mutex #f)
             (raise (condition (&abandoned-mutex))))
           #t))))))

(define* (mutex-unlock! mutex #:optional variable timeout)
  "Unlock MUTEX.  With VARIABLE, wait until it is signalled, and return #t, or #f
when TIMEOUT came first."
  (check mutex? mutex "mutex-unlock!")
  (set-mutex-owner! mutex #f)
  (cond
   (variable
    (let* ((waiting (threads:make-mutex))
           (below (mutex-below mutex))
           (limit (deadline timeout "mutex-unlock!")))
      (threads:lock-mutex waiting)
      (when (threads:mutex-locked? below) (threads:unlock-mutex below))
      (let ((signalled? (if limit
                            (threads:wait-condition-variable
                             (variable-below variable) waiting limit)
                            (threads:wait-condition-variable
                             (variable-below variable) waiting))))
        (threads:unlock-mutex waiting)
        (and signalled? #t))))
   (else
    (when (threads:mutex-locked? (mutex-below mutex))
      (threads:unlock-mutex (mutex-below mutex)))
    #t)))

;;; Condition variables

(define-record-type <condition-variable>
  (%make-condition-variable name specific below)
  condition-variable?
  (name     %variable-name)
  (specific %variable-specific set-variable-specific!)
  (below    variable-below))

(define* (make-condition-variable #:optional name)
  "Return a new condition variable called NAME."
  (%make-condition-variable name #f (threads:make-condition-variable)))

(define (condition-variable-name variable)
  "Return the name of VARIABLE."
  (check condition-variable? variable "condition-variable-name")
  (%variable-name variable))

(define (condition-variable-specific variable)
  "Return the value that a program has given to VARIABLE."
  (check condition-variable? variable "condition-variable-specific")
  (%variable-specific variable))

(define (condition-variable-specific-set! variable value)
  "Give VALUE to VARIABLE."
  (check condition-variable? variable "condition-variable-specific-set!")
  (set-variable-specific! variable value)
  *unspecified*)

(define (condition-variable-signal! variable)
  "Wake a thread that waits for VARIABLE."
  (check condition-variable? variable "condition-variable-signal!")
  (threads:signal-condition-variable (variable-below variable))
  *unspecified*)

(define (condition-variable-broadcast! variable)
  "Wake all threads that wait for VARIABLE."
  (check condition-variable? variable "condition-variable-broadcast!")
  (threads:broadcast-condition-variable (variable-below variable))
  *unspecified*)
