;;; Timing expressions.

(define-module (ice-9 time)
  #:use-module (ice-9 format)
  #:export (time))

(define (call-timed thunk)
  (let* ((collected (gc-run-time))
         (before (times))
         (value (thunk))
         (after (times))
         (collecting (- (gc-run-time) collected)))
    (define (spent part)
      (/ (- (part after) (part before))
         (exact->inexact internal-time-units-per-second)))
    (display "clock utime stime cutime cstime gctime\n")
    (format #t "~5,2F ~5,2F ~5,2F ~6,2F ~6,2F ~6,2F\n"
            (spent tms:clock) (spent tms:utime) (spent tms:stime)
            (spent tms:cutime) (spent tms:cstime)
            (/ collecting (exact->inexact internal-time-units-per-second)))
    value))

(define-syntax-rule (time expression)
  ;; The value of EXPRESSION; prints how much time it took.
  (call-timed (lambda () expression)))
