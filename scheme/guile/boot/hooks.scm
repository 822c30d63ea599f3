;;; Hooks: lists of procedures that are called together.

;; Asyncs.  The thread that runs does its own at once, the others when they go
;; on; (ice-9 threads) keeps the car of %running-thread.
(define %running-thread (list #f))
(define %asyncs '())            ;list of (THREAD . THUNK), the oldest first

(define* (system-async-mark thunk #:optional (thread #f))
  "Let THREAD, or the one that runs, call THUNK as soon as it can."
  (if (or (not thread) (eq? thread (car %running-thread)))
      (thunk)
      (set! %asyncs (append %asyncs (list (cons thread thunk)))))
  *unspecified*)

(define (%has-asyncs? thread)
  (and (assq thread %asyncs) #t))

(define (%run-asyncs thread)
  (let ((found (assq thread %asyncs)))
    (if found
        (begin
          (set! %asyncs (delq found %asyncs))
          ((cdr found))
          (%run-asyncs thread)))))

;; What a thread other than the first does to pause, which gives a true value;
;; (ice-9 threads) puts it here.
(define %thread-pause (list #f))

;; How a program with threads sleeps: a procedure of the seconds, the amount that
;; was given, and what sleeps for that amount alone.
(define %thread-sleep (list #f))

(define (sleep seconds)
  "Wait until SECONDS have passed or a signal has been handled; return how many are
left."
  (%sleep-as seconds 1 %sleep))

(define (usleep microseconds)
  "Wait until MICROSECONDS have passed or a signal has been handled; return how many
are left."
  (%sleep-as microseconds 1/1000000 %usleep))

(define (%sleep-as amount unit alone)
  (let ((among-threads (car %thread-sleep)))
    (if (and among-threads (real? amount) (> amount 0))
        (among-threads (* amount unit) amount alone)
        (alone amount))))

(define (pause)
  "Wait until a signal has been handled."
  (if (not (and (car %thread-pause) ((car %thread-pause))))
      (%pause)))

(define (call-with-blocked-asyncs thunk)
  "Call THUNK; asyncs come only when a thread waits, whatever it says."
  (thunk))

(define (call-with-unblocked-asyncs thunk)
  "Call THUNK; asyncs come when a thread waits."
  (thunk))

(define <hook>
  (make-record-type 'hook '(arity procedures)
                    (lambda (hook port)
                      (display "#<hook " port)
                      (display (%record-field hook 0) port)
                      (display " " port)
                      (display (number->string (object-address hook) 16) port)
                      (for-each (lambda (procedure)
                                  (display " " port)
                                  (display (or (procedure-name procedure) procedure) port))
                                (%record-field hook 1))
                      (display ">" port))))

(define* (make-hook #:optional (arity 0))
  "Return a hook for procedures of ARITY arguments."
  (if (not (exact-integer? arity))
      (scm-error 'wrong-type-arg #f "Wrong type (expecting ~A): ~S"
                 (list "exact integer" arity) (list arity)))
  (if (negative? arity)
      (scm-error 'out-of-range "make-hook" "Value out of range: ~S"
                 (list arity) (list arity)))
  (%record <hook> arity '()))

(define (hook? object)
  "Return whether OBJECT is a hook."
  (%record-is-a? object <hook>))

(define (%check-hook name hook)
  (if (not (hook? hook))
      (scm-error 'wrong-type-arg name
                 "Wrong type argument in position ~A (expecting ~A): ~S"
                 (list 1 "hook" hook) (list hook))))

(define (hook-empty? hook)
  "Return whether HOOK has no procedures."
  (%check-hook "hook-empty?" hook)
  (null? (%record-field hook 1)))

(define (hook->list hook)
  "Return the procedures of HOOK."
  (%check-hook "hook->list" hook)
  (list-copy (%record-field hook 1)))

(define (%hook-accepts? procedure count)
  (let ((arity (procedure-minimum-arity procedure)))
    (or (not arity)
        (and (>= count (car arity))
             (or (caddr arity)
                 (<= count (+ (car arity) (cadr arity))))))))

(define* (add-hook! hook procedure #:optional append?)
  "Add PROCEDURE to the front of HOOK, or to its end when APPEND? is true."
  (%check-hook "add-hook!" hook)
  (if (not (and (procedure? procedure)
                (%hook-accepts? procedure (%record-field hook 0))))
      (scm-error 'wrong-type-arg "add-hook!"
                 "Wrong type argument in position ~A: ~S"
                 (list 2 procedure) (list procedure)))
  (let ((others (delq procedure (%record-field hook 1))))
    (%set-record-field! hook 1
                        (if append?
                            (append others (list procedure))
                            (cons procedure others)))))

(define (remove-hook! hook procedure)
  "Take PROCEDURE out of HOOK."
  (%check-hook "remove-hook!" hook)
  (%set-record-field! hook 1 (delq procedure (%record-field hook 1))))

(define (reset-hook! hook)
  "Take all procedures out of HOOK."
  (%check-hook "reset-hook!" hook)
  (%set-record-field! hook 1 '()))

(define (run-hook hook . arguments)
  "Call the procedures of HOOK with ARGUMENTS."
  (%check-hook "run-hook" hook)
  (if (not (= (length arguments) (%record-field hook 0)))
      (scm-error 'misc-error "run-hook" "Hook ~S requires ~A arguments"
                 (list hook (%record-field hook 0)) #f))
  (for-each (lambda (procedure) (apply procedure arguments))
            (%record-field hook 1)))

(define before-error-hook (make-hook))
(define after-error-hook (make-hook))
(define before-backtrace-hook (make-hook))
(define after-backtrace-hook (make-hook))
(define before-read-hook (make-hook))
(define after-read-hook (make-hook))
(define before-eval-hook (make-hook 1))
(define after-eval-hook (make-hook 1))
(define before-print-hook (make-hook 1))
(define after-print-hook (make-hook 1))
(define after-gc-hook (make-hook))
(define exit-hook (make-hook))
(define abort-hook (make-hook))
(define module-defined-hook (make-hook 1))
