;;; R7RS time.

(define-module (scheme time)
  #:export (current-second current-jiffy jiffies-per-second))

(define (current-second)
  "Return the seconds since the beginning of 1970, with what is between them."
  (let ((time (gettimeofday)))
    (+ (car time) (/ (cdr time) 1e6))))

(define (current-jiffy)
  "Return how many jiffies have passed since a moment that stays the same."
  (get-internal-real-time))

(define (jiffies-per-second)
  "Return how many jiffies a second has."
  internal-time-units-per-second)
