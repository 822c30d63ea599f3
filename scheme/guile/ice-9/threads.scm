;;; Threads for a program that runs in one.
;;;
;;; A new thread runs at once, until it ends or has to wait; then whoever made
;;; it goes on.  When the program's first thread has to wait, for a thread, a
;;; mutex, a condition or a time, the threads that can go on do so.  When none can, the
;;; wait is an error unless it has a time limit.

(define-module (ice-9 threads)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (call-with-new-thread begin-thread make-thread
            current-thread all-threads thread? thread-exited?
            join-thread cancel-thread yield %thread-handler
            total-processor-count current-processor-count

            make-mutex make-recursive-mutex mutex? lock-mutex try-mutex
            unlock-mutex mutex-owner mutex-level mutex-locked? with-mutex monitor

            make-condition-variable condition-variable?
            wait-condition-variable signal-condition-variable
            broadcast-condition-variable

            parallel letpar par-map par-for-each n-par-map n-par-for-each
            n-for-each-par-map))

(define-record-type <thread>
  (%make-thread state values)
  thread?
  (state  thread-state set-thread-state!)      ;running, done, failed, cancelled
  (values thread-values set-thread-values!))   ;list, once it is done

(define-record-type <mutex>
  (%make-mutex kind owner level)
  mutex?
  (kind  mutex-kind)                           ;list of symbols
  (owner mutex-owner set-mutex-owner!)         ;thread or #f
  (level mutex-level set-mutex-level!))        ;how often it is locked

(define-record-type <condition-variable>
  (%make-condition-variable signals)
  condition-variable?
  (signals signals set-signals!))              ;how often it has been signalled

(define (show name)
  (lambda (object port)
    (display "#<" port)
    (display name port)
    (display " " port)
    (display (number->string (object-address object) 16) port)
    (display ">" port)))

(set-record-type-printer! <thread> (show "thread"))
(set-record-type-printer! <mutex> (show "mutex"))
(set-record-type-printer! <condition-variable> (show "condition-variable"))

(define main-thread (%make-thread 'running '()))
(define running main-thread)
(set-car! %running-thread main-thread)
(define has-asyncs? %has-asyncs?)
(define run-asyncs %run-asyncs)
(define (run-as! thread)
  (set! running thread)
  (set-car! %running-thread thread))
(define threads (list main-thread))

(define (complain procedure message)
  (scm-error 'misc-error procedure message '() #f))

;;; Waiting.  A thread that has to wait aborts to the prompt in which it runs
;;; and leaves what it waits for and how to go on.

(define-record-type <waiting>
  (make-waiting thread ready? limit continue)
  waiting?
  (thread   waiting-thread)
  (ready?   waiting-ready?)       ;thunk
  (limit    waiting-limit)        ;time in seconds, or #f
  (continue waiting-continue))    ;procedure of whether it is ready

;; The evaluation in which threads run.  What a native calls is another one, which
;; cannot be left and entered again.
(define evaluation #f)
(define (can-switch?) (eqv? (%run-number) evaluation))

(define thread-prompt (make-prompt-tag "thread"))
(define waitings '())

;; Leaving and entering a thread are no reason to unlock and lock its mutexes.
(define switching? #f)

;; Call THUNK as THREAD, until it ends or waits.
(define (run-thread thread thunk)
  (let ((before running))
    (run-as! thread)
    (set! evaluation (%run-number))
    (call-with-prompt thread-prompt
      thunk
      (lambda (continue ready? limit)
        (set! switching? #f)
        (set! waitings
              (append waitings
                      (list (make-waiting thread ready? limit continue))))))
    (run-as! before)))

(define (ready-for waiting)
  (or ((waiting-ready? waiting))
      (has-asyncs? (waiting-thread waiting))
      (and (waiting-limit waiting)
           (>= (now) (waiting-limit waiting)))))

;; Go on with the first thread that can; return whether there was one.
(define (run-another)
  (let loop ((rest waitings))
    (cond
     ((null? rest) #f)
     ((ready-for (car rest))
      (let ((waiting (car rest)))
        (set! waitings (delq waiting waitings))
        (run-thread (waiting-thread waiting)
                    (lambda ()
                      (set! switching? #t)
                      ((waiting-continue waiting) ((waiting-ready? waiting)))))
        #t))
     (else (loop (cdr rest))))))

(define (yield)
  "Let the other threads go on."
  (cond
   ((not (can-switch?)) #f)
   ((eq? running main-thread)
    ;; Each once: one that yields for ever would never let us go on.
    (let loop ((count (length waitings)))
      (when (and (> count 0) (run-another))
        (loop (- count 1)))))
   (else
    (switch (lambda () #t) #f)))
  (run-asyncs running)
  #t)

;; Let others go on; come back when READY? holds or LIMIT has come, with whether
;; it held.
(define (switch ready? limit)
  (set! switching? #t)
  (let ((result (abort-to-prompt thread-prompt ready? limit)))
    (set! switching? #f)
    result))

;; Let the others go on until READY? holds; return whether it does.  LIMIT is a
;; time in seconds, or #f.
(define (wait-until ready? limit procedure)
  (run-asyncs running)
  (cond
   ((ready?) #t)
   ((and limit (>= (now) limit)) #f)
   ((eq? running main-thread)
    (cond
     ((run-another) (wait-until ready? limit procedure))
     ((or limit (or-map waiting-limit waitings))
      (%usleep 1000)
      (wait-until ready? limit procedure))
     (else
      (complain procedure "deadlock: no thread can go on"))))
   (else
    (let ((result (switch ready? limit)))
      (if (has-asyncs? running)
          (wait-until ready? limit procedure)
          result)))))

(define (never) #f)

;; Where there are no others to go on, signals wake us early.
(set-car! %thread-sleep
          (lambda (seconds amount alone)
            (cond
             ((or (not (can-switch?))
                  (and (eq? running main-thread) (null? waitings)))
              (alone amount))
             (else
              (wait-until never (+ (now) seconds) "sleep")
              0))))

(set-car! %thread-pause
          (lambda ()
            (and (not (eq? running main-thread))
                 (begin
                   (wait-until never #f "pause")
                   #t))))

(define (now)
  (let ((time (gettimeofday)))
    (+ (car time) (/ (cdr time) 1000000))))

;; TIME as a number of seconds: a number, or a pair of seconds and microseconds.
(define (limit->seconds time)
  (cond ((not time) #f)
        ((pair? time) (+ (car time) (/ (cdr time) 1000000)))
        (else time)))

;;; Threads

(define %thread-handler
  ;; What a thread calls when an error ends it and it has no handler.
  (make-fluid #f))

(define (report key arguments)
  (let ((port (current-error-port)))
    (display "error in a thread: " port)
    (write key port)
    (display " " port)
    (write arguments port)
    (newline port)))

(define* (call-with-new-thread thunk #:optional handler)
  "Return a new thread that calls THUNK, and HANDLER with the key and the arguments
of what it throws."
  (let ((thread (%make-thread 'running '())))
    (set! threads (cons thread threads))
    (run-thread
     thread
     (lambda ()
       (catch #t
         (lambda ()
           (call-with-values
               (lambda ()
                 (if handler
                     (catch #t thunk handler)
                     (thunk)))
             (lambda values
               (set-thread-values! thread values)
               (set-thread-state! thread 'done))))
         (lambda (key . arguments)
           (set-thread-state! thread 'failed)
           (report key arguments)))
       (end-thread! thread)))
    thread))

(define (end-thread! thread)
  (set! threads (delq thread threads)))

(define-syntax-rule (begin-thread body0 body ...)
  ;; A new thread that does BODY.
  (call-with-new-thread (lambda () body0 body ...)))

(define-syntax-rule (make-thread procedure argument ...)
  ;; A new thread that calls PROCEDURE.
  (call-with-new-thread (lambda () (procedure argument ...))))

(define (current-thread)
  "Return the thread that is running."
  running)

(define (all-threads)
  "Return the list of the threads that have not ended."
  threads)

(define (thread-exited? thread)
  "Return whether THREAD has ended."
  (not (eq? (thread-state thread) 'running)))

(define* (join-thread thread #:optional limit (timeout-value #f))
  "Wait until THREAD has ended and return its values, or TIMEOUT-VALUE when it has
not at the time LIMIT, in seconds since the beginning of 1970."
  (if (wait-until (lambda () (thread-exited? thread))
                  (limit->seconds limit) "join-thread")
      (if (eq? (thread-state thread) 'done)
          (apply values (thread-values thread))
          (complain #f "Zero values returned to single-valued continuation"))
      timeout-value))

(define (cancel-thread thread . values)
  "End THREAD, whose values are VALUES."
  (unless (thread-exited? thread)
    (set-thread-values! thread values)
    (set-thread-state! thread 'done)
    (end-thread! thread)
    (set! waitings
          (let loop ((rest waitings))
            (cond ((null? rest) '())
                  ((eq? (waiting-thread (car rest)) thread) (loop (cdr rest)))
                  (else (cons (car rest) (loop (cdr rest)))))))))

(define (total-processor-count)
  "Return how many processors there are to use: one."
  1)

(define (current-processor-count)
  "Return how many processors this program may use: one."
  1)

;;; Mutexes

(define (make-mutex . kind)
  "Return a new mutex; KIND may be `recursive', `unchecked-unlock' and
`allow-external-unlock'."
  (%make-mutex kind #f 0))

(define (make-recursive-mutex)
  "Return a new mutex that its owner can lock more than once."
  (make-mutex 'recursive))

(define (mutex-locked? mutex)
  "Return whether MUTEX is locked."
  (positive? (mutex-level mutex)))

(define* (lock-mutex mutex #:optional limit)
  "Lock MUTEX as soon as nobody has it, and return #t; or #f when that has not
happened at the time LIMIT."
  (cond
   ((not (mutex-locked? mutex))
    (set-mutex-owner! mutex running)
    (set-mutex-level! mutex 1)
    #t)
   ((eq? (mutex-owner mutex) running)
    (cond
     ((memq 'recursive (mutex-kind mutex))
      (set-mutex-level! mutex (+ (mutex-level mutex) 1))
      #t)
     (else
      (complain "lock-mutex" "mutex already locked by thread"))))
   ((wait-until (lambda () (not (mutex-locked? mutex)))
                (limit->seconds limit) "lock-mutex")
    (lock-mutex mutex))
   (else #f)))

(define (try-mutex mutex)
  "Lock MUTEX if nobody has it, and return whether that was so."
  (lock-mutex mutex 0))

(define (unlock-mutex mutex)
  "Unlock MUTEX."
  (cond
   ((not (mutex-locked? mutex))
    (if (memq 'unchecked-unlock (mutex-kind mutex))
        #t
        (complain "unlock-mutex" "mutex not locked")))
   ((and (not (eq? (mutex-owner mutex) running))
         (not (memq 'allow-external-unlock (mutex-kind mutex)))
         (not (memq 'unchecked-unlock (mutex-kind mutex))))
    (complain "unlock-mutex" "mutex not locked by current thread"))
   (else
    (set-mutex-level! mutex (- (mutex-level mutex) 1))
    (when (zero? (mutex-level mutex)) (set-mutex-owner! mutex #f))
    #t)))

(define-syntax-rule (with-mutex mutex body0 body ...)
  ;; Do BODY with MUTEX locked.
  (let ((it mutex))
    (dynamic-wind
      (lambda () (unless switching? (lock-mutex it)))
      (lambda () body0 body ...)
      (lambda () (unless switching? (unlock-mutex it))))))

(define-syntax-rule (monitor body0 body ...)
  ;; Do BODY; no two threads are in the same one at once, and here no two ever are.
  (let () body0 body ...))

;;; Condition variables

(define (make-condition-variable)
  "Return a new condition variable."
  (%make-condition-variable 0))

(define* (wait-condition-variable variable mutex #:optional limit)
  "Unlock MUTEX, wait until VARIABLE is signalled, lock MUTEX, and return #t; or #f
when the time LIMIT came first."
  (let ((before (signals variable))
        (level (mutex-level mutex)))
    (set-mutex-level! mutex 0)
    (set-mutex-owner! mutex #f)
    (let ((signalled?
           (wait-until (lambda () (not (= before (signals variable))))
                       (limit->seconds limit) "wait-condition-variable")))
      (lock-mutex mutex)
      (set-mutex-level! mutex level)
      signalled?)))

(define (signal-condition-variable variable)
  "Wake a thread that waits for VARIABLE."
  (set-signals! variable (+ (signals variable) 1))
  #t)

(define (broadcast-condition-variable variable)
  "Wake all threads that wait for VARIABLE."
  (signal-condition-variable variable))

;;; Doing things in parallel, which is one after the other

(define-syntax-rule (parallel expression ...)
  ;; The values of the EXPRESSIONs.
  (values expression ...))

(define-syntax-rule (letpar ((variable expression) ...) body0 body ...)
  (let ((variable expression) ...) body0 body ...))

(define (par-map f . lists)
  "Return the list of the values of F for the elements of LISTS."
  (apply map f lists))

(define (par-for-each f . lists)
  "Call F with the elements of LISTS."
  (apply for-each f lists))

(define (n-par-map n f . lists)
  "Return the list of the values of F for the elements of LISTS, with at most N
threads."
  (apply map f lists))

(define (n-par-for-each n f . lists)
  "Call F with the elements of LISTS, with at most N threads."
  (apply for-each f lists))

(define (n-for-each-par-map n consume f . lists)
  "Call CONSUME with the values of F for the elements of LISTS, in order, with at
most N threads."
  (apply for-each
         (lambda elements (consume (apply f elements)))
         lists))
