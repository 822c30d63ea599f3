;;; SRFI 19: times and dates.
;;;
;;; Times of the types `time-utc', `time-tai', `time-monotonic',
;;; `time-duration', `time-process' and `time-thread' are seconds and
;;; nanoseconds.  A date is one in the Gregorian calendar, with an offset from
;;; UTC in seconds.

(define-module (srfi srfi-19)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (time-duration time-monotonic time-process time-tai time-thread
            time-utc
            make-time time? time-type time-nanosecond time-second
            set-time-type! set-time-nanosecond! set-time-second! copy-time
            time-resolution time<=? time<? time=? time>=? time>?
            time-difference time-difference! add-duration add-duration!
            subtract-duration subtract-duration!
            make-date date? date-nanosecond date-second date-minute date-hour
            date-day date-month date-year date-zone-offset date-year-day
            date-week-day date-week-number current-date
            current-julian-day current-modified-julian-day
            date->julian-day date->modified-julian-day
            date->time-utc date->time-tai date->time-monotonic
            julian-day->date julian-day->time-utc julian-day->time-tai
            julian-day->time-monotonic
            modified-julian-day->date modified-julian-day->time-utc
            modified-julian-day->time-tai modified-julian-day->time-monotonic
            time-utc->date time-utc->julian-day time-utc->modified-julian-day
            time-utc->time-tai time-utc->time-tai!
            time-utc->time-monotonic time-utc->time-monotonic!
            time-tai->date time-tai->julian-day time-tai->modified-julian-day
            time-tai->time-utc time-tai->time-utc!
            time-tai->time-monotonic time-tai->time-monotonic!
            time-monotonic->date time-monotonic->julian-day
            time-monotonic->modified-julian-day
            time-monotonic->time-utc time-monotonic->time-utc!
            time-monotonic->time-tai time-monotonic->time-tai!
            date->string string->date)
  #:replace (current-time))

(define time-utc 'time-utc)
(define time-tai 'time-tai)
(define time-monotonic 'time-monotonic)
(define time-thread 'time-thread)
(define time-process 'time-process)
(define time-duration 'time-duration)

(define %nano 1000000000)

(define-record-type time
  (%make-time type nanosecond second)
  time?
  (type       time-type set-time-type!)               ;symbol
  (nanosecond time-nanosecond set-time-nanosecond!)
  (second     time-second set-time-second!))

(define (make-time type nanosecond second)
  "Return a time of TYPE, of SECOND seconds and NANOSECOND nanoseconds."
  (cond ((and (positive? second) (negative? nanosecond))
         (%make-time type (+ nanosecond %nano) (- second 1)))
        ((and (negative? second) (positive? nanosecond))
         (%make-time type (- nanosecond %nano) (+ second 1)))
        (else
         (let ((whole (inexact->exact (truncate nanosecond))))
           (%make-time type (+ (remainder whole %nano) (- nanosecond whole))
                       (+ second (quotient whole %nano)))))))

(define-record-type date
  (make-date nanosecond second minute hour day month year zone-offset)
  date?
  (nanosecond date-nanosecond)
  (second date-second)
  (minute date-minute)
  (hour date-hour)
  (day date-day)
  (month date-month)
  (year date-year)
  (zone-offset date-zone-offset))     ;seconds east of UTC

(define (copy-time time)
  "Return a copy of TIME."
  (make-time (time-type time) (time-nanosecond time) (time-second time)))

(define (time-error procedure type value)
  (scm-error 'misc-error procedure "TIME-ERROR type ~A: ~S" (list type value) #f))

;;; Leap seconds: from each of these seconds of UTC on, TAI is this far ahead.

(define %leap-seconds
  '((1483228800 . 37) (1435708800 . 36) (1341100800 . 35) (1230768000 . 34)
    (1136073600 . 33) (915148800 . 32) (867715200 . 31) (820454400 . 30)
    (773020800 . 29) (741484800 . 28) (709948800 . 27) (662688000 . 26)
    (631152000 . 25) (567993600 . 24) (489024000 . 23) (425865600 . 22)
    (394329600 . 21) (362793600 . 20) (315532800 . 19) (283996800 . 18)
    (252460800 . 17) (220924800 . 16) (189302400 . 15) (157766400 . 14)
    (126230400 . 13) (94694400 . 12) (78796800 . 11) (63072000 . 10)))

(define (utc->tai-offset seconds)
  (let loop ((rest %leap-seconds))
    (cond ((null? rest) 0)
          ((>= seconds (car (car rest))) (cdr (car rest)))
          (else (loop (cdr rest))))))

(define (tai->utc-offset seconds)
  (let loop ((rest %leap-seconds))
    (cond ((null? rest) 0)
          ((>= (- seconds (cdr (car rest))) (car (car rest))) (cdr (car rest)))
          (else (loop (cdr rest))))))

;;; Times

(define* (current-time #:optional (type time-utc))
  "Return the time of TYPE that it is."
  (let* ((now (gettimeofday))
         (seconds (car now))
         (nanoseconds (* 1000 (cdr now))))
    (case type
      ((time-utc) (make-time type nanoseconds seconds))
      ((time-tai time-monotonic)
       (make-time type nanoseconds (+ seconds (utc->tai-offset seconds))))
      ((time-process time-thread)
       (let ((run (get-internal-run-time)))
         (make-time type
                    (* (quotient %nano internal-time-units-per-second)
                       (remainder run internal-time-units-per-second))
                    (quotient run internal-time-units-per-second))))
      (else (time-error 'current-time 'invalid-clock-type type)))))

(define* (time-resolution #:optional (type time-utc))
  "Return how many nanoseconds apart times of TYPE are at least."
  (case type
    ((time-utc time-tai time-monotonic) 1000)
    (else (quotient %nano internal-time-units-per-second))))

(define (time->nanoseconds time)
  (+ (* %nano (time-second time)) (time-nanosecond time)))

(define (set-nanoseconds! time type nanoseconds)
  (set-time-type! time type)
  (set-time-second! time (quotient nanoseconds %nano))
  (set-time-nanosecond! time (remainder nanoseconds %nano))
  time)

(define (nanoseconds->time type nanoseconds)
  (make-time type (remainder nanoseconds %nano) (quotient nanoseconds %nano)))

(define (assert-same-type one other procedure)
  (unless (eq? (time-type one) (time-type other))
    (time-error procedure 'incompatible-time-types (cons one other))))

(define-syntax-rule (define-comparisons (name operation documentation) ...)
  (begin
    (define (name one other)
      documentation
      (assert-same-type one other 'name)
      (operation (time->nanoseconds one) (time->nanoseconds other)))
    ...))

(define-comparisons
  (time=? = "Return whether the time ONE is the same as OTHER, of the same type.")
  (time<? < "Return whether the time ONE is before OTHER, of the same type.")
  (time<=? <= "Return whether the time ONE is not after OTHER, of the same type.")
  (time>? > "Return whether the time ONE is after OTHER, of the same type.")
  (time>=? >= "Return whether the time ONE is not before OTHER, of the same type."))

(define (time-difference later earlier)
  "Return the duration from EARLIER to LATER."
  (time-difference! (copy-time later) earlier))

(define (time-difference! later earlier)
  "Make LATER the duration from EARLIER to it, and return it."
  (assert-same-type later earlier 'time-difference!)
  (set-nanoseconds! later time-duration
                    (- (time->nanoseconds later) (time->nanoseconds earlier))))

(define (change! time duration operation)
  (unless (eq? (time-type duration) time-duration)
    (time-error 'add-duration! 'not-duration duration))
  (set-nanoseconds! time (time-type time)
                    (operation (time->nanoseconds time)
                               (time->nanoseconds duration))))

(define (add-duration time duration)
  "Return the time that is DURATION after TIME."
  (change! (copy-time time) duration +))

(define (add-duration! time duration)
  "Make TIME the time that is DURATION later, and return it."
  (change! time duration +))

(define (subtract-duration time duration)
  "Return the time that is DURATION before TIME."
  (change! (copy-time time) duration -))

(define (subtract-duration! time duration)
  "Make TIME the time that is DURATION earlier, and return it."
  (change! time duration -))

;; Make TIME one of type TO, with its seconds as SHIFT makes them.
(define (convert! time to shift)
  (set-time-type! time to)
  (set-time-second! time (shift (time-second time)))
  time)

(define (to-tai seconds) (+ seconds (utc->tai-offset seconds)))
(define (to-utc seconds) (- seconds (tai->utc-offset seconds)))

(define-syntax-rule (define-conversions (name name! to shift documentation documentation!) ...)
  (begin
    (begin
      (define (name! time)
        documentation!
        (convert! time to shift))
      (define (name time)
        documentation
        (name! (copy-time time))))
    ...))

(define-conversions
  (time-utc->time-tai time-utc->time-tai! time-tai to-tai
   "Return TIME, of UTC, in international atomic time."
   "Make TIME, of UTC, one of international atomic time, and return it.")
  (time-utc->time-monotonic time-utc->time-monotonic! time-monotonic to-tai
   "Return TIME, of UTC, in monotonic time."
   "Make TIME, of UTC, one of monotonic time, and return it.")
  (time-tai->time-utc time-tai->time-utc! time-utc to-utc
   "Return TIME, of international atomic time, in UTC."
   "Make TIME, of international atomic time, one of UTC, and return it.")
  (time-tai->time-monotonic time-tai->time-monotonic! time-monotonic identity
   "Return TIME, of international atomic time, in monotonic time."
   "Make TIME, of international atomic time, one of monotonic time, and return it.")
  (time-monotonic->time-utc time-monotonic->time-utc! time-utc to-utc
   "Return TIME, of monotonic time, in UTC."
   "Make TIME, of monotonic time, one of UTC, and return it.")
  (time-monotonic->time-tai time-monotonic->time-tai! time-tai identity
   "Return TIME, of monotonic time, in international atomic time."
   "Make TIME, of monotonic time, one of international atomic time, and return it."))

;;; Days, counted from 1970-01-01, and dates.

;; A date's years go from -1 to 0 as well, but that step is none in this count.
(define (astronomical year)
  (if (negative? year) (+ year 1) year))

(define (days year month day)
  ;; The year of this count starts in March, so that a leap day is its last.
  (let* ((late? (> month 2))
         (year (astronomical year))
         (year (if late? year (- year 1)))
         (month (if late? (- month 3) (+ month 9))))
    (+ (* 365 year) (floor-quotient year 4) (- (floor-quotient year 100))
       (floor-quotient year 400)
       (quotient (+ (* 153 month) 2) 5)
       day -719469)))

;; Call RETURN with year, month and day.
(define (civil day-number return)
  (let* ((shifted (+ day-number 719468))
         (era (floor-quotient shifted 146097))
         (day (- shifted (* era 146097)))
         (year (quotient (- day (quotient day 1460) (- (quotient day 36524))
                            (quotient day 146096))
                         365))
         (year-day (- day (- (+ (* 365 year) (quotient year 4))
                             (quotient year 100))))
         (month (quotient (+ (* 5 year-day) 2) 153)))
    (return (let ((year (+ year (* 400 era) (if (> month 9) 1 0))))
              (if (negative? year) (- year 1) year))
            (if (< month 10) (+ month 3) (- month 9))
            (+ 1 (- year-day (quotient (+ (* 153 month) 2) 5))))))

(define (date->seconds date)
  (+ (* 86400 (days (date-year date) (date-month date) (date-day date)))
     (* 3600 (date-hour date))
     (* 60 (date-minute date))
     (date-second date)
     (- (date-zone-offset date))))

;; Guile counts the seconds west of UTC.
(define (local-offset seconds)
  (- (tm:gmtoff (localtime seconds))))

(define (seconds->date seconds nanosecond offset)
  (let* ((offset (or offset (local-offset seconds)))
         (local (+ seconds offset))
         (day (floor-quotient local 86400))
         (rest (- local (* 86400 day))))
    (civil day
           (lambda (year month day)
             (make-date nanosecond
                        (remainder rest 60)
                        (remainder (quotient rest 60) 60)
                        (quotient rest 3600)
                        day month year offset)))))

(define (assert-type time type procedure)
  (unless (eq? (time-type time) type)
    (time-error procedure 'incompatible-time-types time)))

(define* (time-utc->date time #:optional offset)
  "Return the date of TIME, OFFSET seconds (default the local time's) east of UTC."
  (assert-type time time-utc 'time-utc->date)
  (seconds->date (time-second time) (time-nanosecond time) offset))

;; Before TAI gets further ahead, there is a second of UTC that is the 61st.
(define (tai->date time offset)
  (let* ((seconds (time-second time))
         (utc (to-utc seconds))
         (leap? (and (assv utc %leap-seconds)
                     (not (= (to-tai utc) seconds))))
         (date (seconds->date (if leap? (- utc 1) utc) (time-nanosecond time) offset)))
    (if leap?
        (make-date (date-nanosecond date) 60 (date-minute date) (date-hour date)
                   (date-day date) (date-month date) (date-year date)
                   (date-zone-offset date))
        date)))

(define* (time-tai->date time #:optional offset)
  "Return the date of TIME, OFFSET seconds east of UTC."
  (assert-type time time-tai 'time-tai->date)
  (tai->date time offset))

(define* (time-monotonic->date time #:optional offset)
  "Return the date of TIME, OFFSET seconds east of UTC."
  (assert-type time time-monotonic 'time-monotonic->date)
  (tai->date time offset))

(define (date->time-utc date)
  "Return the time of DATE in UTC."
  (make-time time-utc (date-nanosecond date) (date->seconds date)))

(define (date->time-tai date)
  "Return the time of DATE in TAI."
  (date->tai date time-utc->time-tai!))

(define (date->tai date convert!)
  (let ((time (convert! (date->time-utc date))))
    (when (= (date-second date) 60)
      (set-time-second! time (- (time-second time) 1)))
    time))

(define (date->time-monotonic date)
  "Return the monotonic time of DATE."
  (date->tai date time-utc->time-monotonic!))

(define* (current-date #:optional offset)
  "Return the date that it is, OFFSET seconds (default the local time's) east of
UTC."
  (time-utc->date (current-time time-utc) offset))

(define (date-year-day date)
  "Return which day of its year DATE is, from 1."
  (+ 1 (- (days (date-year date) (date-month date) (date-day date))
          (days (date-year date) 1 1))))

(define (date-week-day date)
  "Return which day of the week DATE is; Sunday is 0."
  (modulo (+ 4 (days (date-year date) (date-month date) (date-day date))) 7))

(define (date-week-number date first-day)
  "Return how many weeks that start with FIRST-DAY came in its year before DATE."
  (let* ((start (make-date 0 0 0 0 1 1 (date-year date) 0))
         (skipped (modulo (- first-day (date-week-day start)) 7)))
    (floor-quotient (- (date-year-day date) 1 skipped) 7)))

;;; Julian days

(define %julian-epoch 4881175/2)       ;the Julian day of 1970-01-01
(define %modified 4800001/2)

(define (utc->julian-day seconds nanoseconds)
  (+ %julian-epoch (/ (+ seconds (/ nanoseconds %nano)) 86400)))

(define (time-utc->julian-day time)
  "Return the Julian day of TIME."
  (utc->julian-day (time-second time) (time-nanosecond time)))

(define (time-utc->modified-julian-day time)
  "Return the modified Julian day of TIME."
  (- (time-utc->julian-day time) %modified))

(define (time-tai->julian-day time)
  "Return the Julian day of TIME."
  (utc->julian-day (to-utc (time-second time)) (time-nanosecond time)))

(define (time-tai->modified-julian-day time)
  "Return the modified Julian day of TIME."
  (- (time-tai->julian-day time) %modified))

(define time-monotonic->julian-day time-tai->julian-day)
(define time-monotonic->modified-julian-day time-tai->modified-julian-day)

(define (date->julian-day date)
  "Return the Julian day of DATE."
  (utc->julian-day (date->seconds date) (date-nanosecond date)))

(define (date->modified-julian-day date)
  "Return the modified Julian day of DATE."
  (- (date->julian-day date) %modified))

(define (current-julian-day)
  "Return the Julian day that it is."
  (time-utc->julian-day (current-time time-utc)))

(define (current-modified-julian-day)
  "Return the modified Julian day that it is."
  (time-utc->modified-julian-day (current-time time-utc)))

(define (julian-day->time-utc day)
  "Return the time in UTC of the Julian DAY."
  (nanoseconds->time time-utc
                     (truncate (* (inexact->exact (* (- day %julian-epoch) 86400)) %nano))))

(define (julian-day->time-tai day)
  "Return the time in TAI of the Julian DAY."
  (time-utc->time-tai! (julian-day->time-utc day)))

(define (julian-day->time-monotonic day)
  "Return the monotonic time of the Julian DAY."
  (time-utc->time-monotonic! (julian-day->time-utc day)))

(define* (julian-day->date day #:optional offset)
  "Return the date of the Julian DAY, OFFSET seconds east of UTC."
  (time-utc->date (julian-day->time-utc day) offset))

(define (modified-julian-day->time-utc day)
  "Return the time in UTC of the modified Julian DAY."
  (julian-day->time-utc (+ day %modified)))

(define (modified-julian-day->time-tai day)
  "Return the time in TAI of the modified Julian DAY."
  (julian-day->time-tai (+ day %modified)))

(define (modified-julian-day->time-monotonic day)
  "Return the monotonic time of the modified Julian DAY."
  (julian-day->time-monotonic (+ day %modified)))

(define* (modified-julian-day->date day #:optional offset)
  "Return the date of the modified Julian DAY, OFFSET seconds east of UTC."
  (julian-day->date (+ day %modified) offset))

;;; Dates as text

(define %day-names
  #("Sunday" "Monday" "Tuesday" "Wednesday" "Thursday" "Friday" "Saturday"))

(define %month-names
  #("January" "February" "March" "April" "May" "June" "July" "August"
    "September" "October" "November" "December"))

(define (short name) (substring name 0 3))
(define (day-name date) (vector-ref %day-names (date-week-day date)))
(define (month-name date) (vector-ref %month-names (- (date-month date) 1)))

;; NUMBER in at least WIDTH characters; FILL is a character or #f.
(define (padded number width fill)
  (let ((text (number->string number)))
    (if (and fill (< (string-length text) width))
        (string-append (make-string (- width (string-length text)) fill) text)
        text)))

(define (zone date colon?)
  (let ((offset (date-zone-offset date)))
    (if (and (zero? offset) (not colon?))
        "Z"
        (let ((minutes (quotient (abs offset) 60)))
          (string-append (if (negative? offset) "-" "+")
                         (padded (quotient minutes 60) 2 #\0)
                         (if colon? ":" "")
                         (padded (remainder minutes 60) 2 #\0))))))

(define (twelve hour)
  (if (> hour 12) (- hour 12) hour))

;; A date's year with at least four digits, and a sign when there are more.
(define (signed-year year)
  (let ((year (astronomical year)))
    (string-append (cond ((negative? year) "-") ((> year 9999) "+") (else ""))
                   (padded (abs year) 4 #\0))))

;; How many weeks that start with FIRST-DAY, the first one perhaps incomplete,
;; have begun in the year of DATE.
(define (weeks-begun date first-day)
  (let ((start (make-date 0 0 0 0 1 1 (date-year date) 0)))
    (+ (date-week-number date first-day)
       (if (= (date-week-day start) first-day) 0 1))))

(define* (date->string date #:optional (template "~c"))
  "Return DATE as TEMPLATE says, in which ~Y, ~m, ~d, ~H, ~M, ~S and the other
directives of SRFI 19 stand for its parts."
  (define (part directive fill)
    (define (two number) (padded number 2 fill))
    (case directive
      ((#\~) "~")
      ((#\a) (short (day-name date)))
      ((#\A) (day-name date))
      ((#\b #\h) (short (month-name date)))
      ((#\B) (month-name date))
      ((#\c) (date->string date "~a ~b ~d ~H:~M:~S~z ~Y"))
      ((#\d) (two (date-day date)))
      ((#\D) (date->string date "~m/~d/~y"))
      ((#\e) (padded (date-day date) 2 (and fill #\space)))
      ((#\f)
       (string-append (number->string (date-second date)) "."
                      (fraction (date-nanosecond date))))
      ((#\H) (two (date-hour date)))
      ((#\I) (two (twelve (date-hour date))))
      ((#\j) (padded (date-year-day date) 3 fill))
      ((#\k) (padded (date-hour date) 2 (and fill #\space)))
      ((#\l) (padded (twelve (date-hour date)) 2 (and fill #\space)))
      ((#\m) (two (date-month date)))
      ((#\M) (two (date-minute date)))
      ((#\n) "\n")
      ((#\N) (padded (date-nanosecond date) 9 fill))
      ((#\p) (if (< (date-hour date) 12) "AM" "PM"))
      ((#\r) (date->string date "~I:~M:~S ~p"))
      ((#\s) (number->string (time-second (date->time-utc date))))
      ((#\S) (two (date-second date)))
      ((#\t) "\t")
      ((#\T #\X) (date->string date "~H:~M:~S"))
      ((#\U) (two (weeks-begun date 0)))
      ((#\V) (two (date-week-number date 1)))
      ((#\w) (number->string (date-week-day date)))
      ((#\W) (two (weeks-begun date 1)))
      ((#\x) (date->string date "~m/~d/~y"))
      ((#\y) (two (remainder (abs (date-year date)) 100)))
      ((#\Y) (signed-year (date-year date)))
      ((#\z #\Z) (zone date #f))
      ((#\1) (date->string date "~Y-~m-~d"))
      ((#\2) (date->string date "~H:~M:~S~z"))
      ((#\3) (date->string date "~H:~M:~S"))
      ((#\4) (date->string date "~Y-~m-~dT~H:~M:~S~z"))
      ((#\5) (date->string date "~Y-~m-~dT~H:~M:~S"))
      (else
       (time-error 'date-printer 'bad-date-format-string template))))
  (define end (string-length template))
  (let loop ((index 0) (parts '()))
    (define (directive offset)
      (let ((place (+ index offset)))
        (if (< place end)
            (string-ref template place)
            (time-error 'date-printer 'bad-date-format-string template))))
    (cond
     ((= index end) (string-concatenate (reverse parts)))
     ((not (char=? (string-ref template index) #\~))
      (loop (+ index 1) (cons (string (string-ref template index)) parts)))
     ((memv (directive 1) '(#\- #\_))
      (loop (+ index 3)
            (cons (part (directive 2) (if (char=? (directive 1) #\_) #\space #f))
                  parts)))
     (else
      (loop (+ index 2) (cons (part (directive 1) #\0) parts))))))

(define (fraction nanosecond)
  (let ((text (string-trim-right (padded nanosecond 9 #\0) #\0)))
    (if (string-null? text) "0" text)))

(define (string->date string template)
  "Return the date that STRING is when read as TEMPLATE says, whose directives are
those of SRFI 19."
  (define end (string-length string))
  (define (bad)
    (time-error 'string->date 'bad-date-format-string template))
  (define (zone-start? char)
    (memv char '(#\Z #\z #\+ #\-)))
  (define (skip-to satisfies? index)
    (cond ((>= index end) (bad))
          ((satisfies? (string-ref string index)) index)
          (else (skip-to satisfies? (+ index 1)))))
  ;; Call NEXT with the number of at most WIDTH digits at INDEX and its end.
  (define (number index width next)
    (let loop ((place index) (value 0))
      (if (and (< place end) (< (- place index) width)
               (char-numeric? (string-ref string place)))
          (loop (+ place 1)
                (+ (* 10 value)
                   (- (char->integer (string-ref string place)) 48)))
          (if (= place index) (bad) (next value place)))))
  (define (name names shorten index next)
    (let loop ((place 0))
      (if (= place (vector-length names))
          (bad)
          (let* ((name (shorten (vector-ref names place)))
                 (past (+ index (string-length name))))
            (if (and (<= past end)
                     (string-ci=? name (substring string index past)))
                (next place past)
                (loop (+ place 1)))))))
  (define (offset index next)
    (let ((char (if (< index end) (string-ref string index) (bad))))
      (case char
        ((#\Z #\z) (next 0 (+ index 1)))
        ((#\+ #\-)
         (number (+ index 1) 2
                 (lambda (hours place)
                   (let ((place (if (and (< place end)
                                         (char=? (string-ref string place) #\:))
                                    (+ place 1)
                                    place)))
                     (number place 2
                             (lambda (minutes place)
                               (next (* (if (char=? char #\-) -1 1)
                                        (+ (* 3600 hours) (* 60 minutes)))
                                     place)))))))
        (else (bad)))))
  (define parts (make-vector 8 #f))     ;in the order of make-date's arguments
  (define (set place value) (vector-set! parts place value))
  (define (digit? char) (char-numeric? char))
  (define (read-number index place width t)
    (number (skip-to digit? index) width
            (lambda (value past) (set place value) (go t past))))
  (define (go t index)
    (cond
     ((= t (string-length template)) #t)
     ((not (char=? (string-ref template t) #\~))
      (if (and (< index end)
               (char=? (string-ref template t) (string-ref string index)))
          (go (+ t 1) (+ index 1))
          (bad)))
     ((= (+ t 1) (string-length template)) (bad))
     (else
      (let ((t* (+ t 2)))
        (case (string-ref template (+ t 1))
          ((#\~) (if (and (< index end) (char=? (string-ref string index) #\~))
                     (go t* (+ index 1))
                     (bad)))
          ((#\a) (name %day-names short (skip-to char-alphabetic? index)
                       (lambda (place past) (go t* past))))
          ((#\A) (name %day-names identity (skip-to char-alphabetic? index)
                       (lambda (place past) (go t* past))))
          ((#\b #\h) (name %month-names short (skip-to char-alphabetic? index)
                           (lambda (place past) (set 5 (+ place 1)) (go t* past))))
          ((#\B) (name %month-names identity (skip-to char-alphabetic? index)
                       (lambda (place past) (set 5 (+ place 1)) (go t* past))))
          ((#\d #\e) (read-number index 4 2 t*))
          ((#\H #\k) (read-number index 3 2 t*))
          ((#\m) (read-number index 5 2 t*))
          ((#\M) (read-number index 2 2 t*))
          ((#\S) (read-number index 1 2 t*))
          ((#\N)
           (let ((start (skip-to digit? index)))
             (number start 9
                     (lambda (value past)
                       (set 0 (* value (expt 10 (- 9 (- past start)))))
                       (go t* past)))))
          ((#\y)
           (number (skip-to digit? index) 2
                   (lambda (value past)
                     (set 6 (+ value (if (< value 50) 2000 1900)))
                     (go t* past))))
          ((#\Y)
           (let ((negative? (and (< index end)
                                 (char=? (string-ref string index) #\-))))
             (number (skip-to digit? index) 4
                     (lambda (value past)
                       (set 6 (if negative? (- value) value))
                       (go t* past)))))
          ((#\z) (offset (skip-to zone-start? index) (lambda (value past) (set 7 value) (go t* past))))
          (else (bad)))))))
  (go 0 0)
  (let* ((date (lambda (offset)
                 (apply make-date
                        (append
                         (map (lambda (place default)
                                (or (vector-ref parts place) default))
                              '(0 1 2 3) '(0 0 0 0))
                         (list (vector-ref parts 4) (vector-ref parts 5)
                               (vector-ref parts 6) offset)))))
         (given (vector-ref parts 7)))
    (unless (and (vector-ref parts 4) (vector-ref parts 5) (vector-ref parts 6))
      (bad))
    (date (or given (local-offset (date->seconds (date 0)))))))
