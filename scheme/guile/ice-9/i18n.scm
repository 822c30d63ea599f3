;;; Text and numbers as a locale wants them.  There is one locale here, "C", in
;;; which order is that of the characters' codes.

(define-module (ice-9 i18n)
  #:use-module (srfi srfi-9)
  #:export (make-locale locale? %global-locale
            string-locale<? string-locale>? string-locale-ci<?
            string-locale-ci>? string-locale-ci=?
            char-locale<? char-locale>? char-locale-ci<? char-locale-ci>?
            char-locale-ci=?
            char-locale-downcase char-locale-upcase char-locale-titlecase
            string-locale-downcase string-locale-upcase string-locale-titlecase
            locale-string->integer locale-string->inexact
            number->locale-string monetary-amount->locale-string
            locale-day locale-day-short locale-month locale-month-short
            locale-am-string locale-pm-string
            locale-date-format locale-time-format locale-date+time-format
            locale-time+am/pm-format
            locale-decimal-point locale-thousands-separator
            locale-digit-grouping locale-encoding
            locale-monetary-grouping locale-positive-separated-by-space?
            locale-yes-regexp locale-no-regexp))

(define-record-type <locale>
  (%make-locale categories name)
  locale?
  (categories locale-categories)
  (name       locale-name))

(define* (make-locale categories name #:optional base)
  "Return a locale that is BASE but for CATEGORIES, a number or a list of them, which are as
in the locale called NAME.  There is one locale, C."
  (if (not (member name '("" "C" "POSIX" "C.UTF-8" "C.utf8")))
      (scm-error 'system-error "make-locale" "Failed to install locale" '() (list ENOENT)))
  (%make-locale categories name))

(define %global-locale (make-locale '() "C"))

;; NAME does what OPERATION does; the locale that may come last makes no
;; difference.
(define-syntax-rule (define-comparisons (name operation documentation) ...)
  (begin
    (define* (name one other #:optional locale)
      documentation
      (operation one other))
    ...))

(define-comparisons
  (string-locale<? string<? "Return whether the first string comes before the second.")
  (string-locale>? string>? "Return whether the first string comes after the second.")
  (string-locale-ci<? string-ci<?
   "Return whether the first string comes before the second, where case does not
count.")
  (string-locale-ci>? string-ci>?
   "Return whether the first string comes after the second, where case does not
count.")
  (string-locale-ci=? string-ci=? "Return whether the strings are the same but for case.")
  (char-locale<? char<? "Return whether the first character comes before the second.")
  (char-locale>? char>? "Return whether the first character comes after the second.")
  (char-locale-ci<? char-ci<?
   "Return whether the first character comes before the second, where case does not
count.")
  (char-locale-ci>? char-ci>?
   "Return whether the first character comes after the second, where case does not
count.")
  (char-locale-ci=? char-ci=? "Return whether the characters are the same but for case."))

(define-syntax-rule (define-mappings (name operation documentation) ...)
  (begin
    (define* (name object #:optional locale)
      documentation
      (operation object))
    ...))

(define-mappings
  (char-locale-downcase char-downcase "Return the character in lower case.")
  (char-locale-upcase char-upcase "Return the character in upper case.")
  (char-locale-titlecase char-titlecase "Return the character in title case.")
  (string-locale-downcase string-downcase "Return the string in lower case.")
  (string-locale-upcase string-upcase "Return the string in upper case.")
  (string-locale-titlecase string-titlecase "Return the string in title case."))

;; Return the number that STRING begins with and how many characters it takes,
;; or #f and 0.
(define (leading-number string allowed? convert)
  (let loop ((end (or (string-index string (lambda (char) (not (allowed? char))))
                      (string-length string))))
    (if (zero? end)
        (values #f 0)
        (let ((number (convert (substring string 0 end))))
          (if number
              (values number end)
              (loop (- end 1)))))))

(define* (locale-string->integer string #:optional (base 10) locale)
  "Return the integer that STRING begins with, in BASE, and how many characters it
takes; or #f and 0."
  (leading-number string
                  (lambda (char) (or (char-alphabetic? char) (char-numeric? char)
                                     (memv char '(#\+ #\-))))
                  (lambda (text)
                    (let ((number (string->number text base)))
                      (and (exact-integer? number) number)))))

(define* (locale-string->inexact string #:optional locale)
  "Return the inexact number that STRING begins with, and how many characters it
takes; or #f and 0."
  (leading-number string
                  (lambda (char) (or (char-numeric? char)
                                     (memv char '(#\+ #\- #\. #\e #\E))))
                  (lambda (text)
                    (let ((number (string->number text)))
                      (and (real? number) (exact->inexact number))))))

(define* (number->locale-string number #:optional (fraction-digits #t) locale)
  "Return NUMBER as text, with FRACTION-DIGITS digits after the point, or as many
as there are if that is #t."
  (if (and (inexact? number) (exact-integer? fraction-digits))
      (let* ((scale (expt 10 fraction-digits))
             (exact (* (inexact->exact (abs number)) scale))
             ;; Without digits after the point, the whole part is as it is.
             (scaled (if (zero? fraction-digits) (truncate exact) (round exact)))
             (whole (number->string (quotient scaled scale)))
             (rest (number->string (remainder scaled scale))))
        (string-append (if (negative? number) "-" "")
                       whole
                       (if (zero? fraction-digits) "" ".")
                       (make-string (if (zero? fraction-digits)
                                        0
                                        (- fraction-digits (string-length rest)))
                                    #\0)
                       (if (zero? fraction-digits) "" rest)))
      (number->string number)))

;; What the C locale says of money: nothing.
(define* (locale-monetary-grouping #:optional locale)
  "Return into how many digits amounts of money are grouped: none."
  '())

(define* (locale-positive-separated-by-space? international? #:optional locale)
  "Return whether the name of the currency is apart from a positive amount."
  #t)

(define* (monetary-amount->locale-string amount international? #:optional locale)
  "Return AMOUNT, of money, as text."
  (number->locale-string amount 2))

(define %days
  #("Sunday" "Monday" "Tuesday" "Wednesday" "Thursday" "Friday" "Saturday"))

(define %months
  #("January" "February" "March" "April" "May" "June" "July" "August"
    "September" "October" "November" "December"))

(define* (locale-day day #:optional locale)
  "Return the name of DAY; Sunday is 1."
  (vector-ref %days (- day 1)))

(define* (locale-day-short day #:optional locale)
  "Return the short name of DAY; Sunday is 1."
  (substring (locale-day day) 0 3))

(define* (locale-month month #:optional locale)
  "Return the name of MONTH; January is 1."
  (vector-ref %months (- month 1)))

(define* (locale-month-short month #:optional locale)
  "Return the short name of MONTH; January is 1."
  (substring (locale-month month) 0 3))

(define-syntax-rule (define-facts (name fact documentation) ...)
  (begin
    (define* (name #:optional locale)
      documentation
      fact)
    ...))

(define-facts
  (locale-am-string "AM" "Return what stands for the time before noon.")
  (locale-pm-string "PM" "Return what stands for the time after noon.")
  (locale-date-format "%m/%d/%y" "Return how `strftime' is to write a date.")
  (locale-time-format "%H:%M:%S" "Return how `strftime' is to write a time.")
  (locale-date+time-format "%a %b %e %H:%M:%S %Y"
   "Return how `strftime' is to write a date with its time.")
  (locale-time+am/pm-format "%I:%M:%S %p"
   "Return how `strftime' is to write a time by the clock of twelve hours.")
  (locale-decimal-point "." "Return what stands before the decimals.")
  (locale-thousands-separator "" "Return what stands between groups of digits.")
  (locale-digit-grouping '()
   "Return how many digits make a group, a list from the decimal point on.")
  (locale-yes-regexp "^[yY]" "Return a regular expression for what means yes.")
  (locale-no-regexp "^[nN]" "Return a regular expression for what means no."))

(define* (locale-encoding #:optional (locale %global-locale))
  "Return the name of the encoding of LOCALE, by default of the one in force."
  (let ((name (if (eq? locale %global-locale)
                  (setlocale LC_CTYPE)
                  (locale-name locale))))
    (cond ((string-index name #\.)
           => (lambda (dot)
                (let ((encoding (string-upcase (substring name (+ dot 1)))))
                  (if (string=? encoding "UTF8") "UTF-8" encoding))))
          (else "ANSI_X3.4-1968"))))
