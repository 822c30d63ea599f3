;;; R6RS flonum arithmetic.

(define-module (rnrs arithmetic flonums)
  #:version (6)
  #:use-module (ice-9 exceptions)
  #:use-module ((rnrs base) #:select (assertion-violation div mod div0 mod0 div-and-mod
                               div0-and-mod0 log))
  #:export (&no-infinities &no-nans fixnum->flonum fl* fl+ fl- fl/ fl<=? fl<?
            fl=? fl>=? fl>? flabs flacos flasin flatan flceiling flcos
            fldenominator fldiv fldiv-and-mod fldiv0 fldiv0-and-mod0 fleven?
            flexp flexpt flfinite? flfloor flinfinite? flinteger? fllog flmax
            flmin flmod flmod0 flnan? flnegative? flnumerator flodd? flonum?
            flpositive? flround flsin flsqrt fltan fltruncate flzero?
            make-no-infinities-violation make-no-nans-violation
            no-infinities-violation? no-nans-violation? real->flonum))

(define-exception-type &no-infinities &implementation-restriction
  make-no-infinities-violation no-infinities-violation?)

(define-exception-type &no-nans &implementation-restriction
  make-no-nans-violation no-nans-violation?)

(define (flonum? object)
  "Return whether OBJECT is an inexact real number."
  (and (real? object) (inexact? object)))

(define (assert-flonums numbers)
  (for-each (lambda (number)
              (unless (flonum? number)
                (assertion-violation #f "not a flonum" number)))
            numbers))

(define (real->flonum real)
  "Return the flonum nearest to REAL."
  (exact->inexact real))

(define (fixnum->flonum fixnum)
  "Return the flonum nearest to FIXNUM."
  (exact->inexact fixnum))

;; NAME is what OPERATION is, for flonums, as DOCUMENTATION says.
(define-syntax-rule (define-flonum-operations (name operation documentation) ...)
  (begin
    (define (name . numbers)
      documentation
      (assert-flonums numbers)
      (apply operation numbers))
    ...))

(define-flonum-operations
  (fl=? = "Return whether all flonums are equal.")
  (fl<? < "Return whether each of the flonums is less than the next.")
  (fl>? > "Return whether each of the flonums is greater than the next.")
  (fl<=? <= "Return whether none of the flonums is greater than the next.")
  (fl>=? >= "Return whether none of the flonums is less than the next.")
  (flinteger? integer? "Return whether a flonum is an integer.")
  (flzero? zero? "Return whether a flonum is zero.")
  (flpositive? positive? "Return whether a flonum is above zero.")
  (flnegative? negative? "Return whether a flonum is below zero.")
  (flodd? odd? "Return whether a flonum is odd.")
  (fleven? even? "Return whether a flonum is even.")
  (flfinite? finite? "Return whether a flonum is neither infinite nor not a number.")
  (flinfinite? inf? "Return whether a flonum is infinite.")
  (flnan? nan? "Return whether a flonum is not a number.")
  (flmax max "Return the largest of the flonums.")
  (flmin min "Return the smallest of the flonums.")
  (fl/ / "Return the first flonum divided by the others, or 1 divided by an only one.")
  (flabs abs "Return a flonum without its sign.")
  (fldiv div "Return the integer quotient whose remainder is not negative.")
  (flmod mod "Return that remainder, which is not negative.")
  (fldiv0 div0 "Return the integer quotient whose remainder is nearest to zero.")
  (flmod0 mod0 "Return that remainder, which is nearest to zero.")
  (fldiv-and-mod div-and-mod
   "Return two values: the integer quotient whose remainder is not negative, and
the remainder.")
  (fldiv0-and-mod0 div0-and-mod0
   "Return two values: the integer quotient whose remainder is nearest to zero, and
the remainder.")
  (flfloor floor "Return the largest integer that is not above a flonum.")
  (flceiling ceiling "Return the smallest integer that is not below a flonum.")
  (fltruncate truncate "Return the integer nearest to a flonum towards zero.")
  (flround round "Return the integer nearest to a flonum, the even one of two.")
  (flexp exp "Return e to the power of a flonum.")
  (flsin sin "Return the sine of a flonum.")
  (flcos cos "Return the cosine of a flonum.")
  (fltan tan "Return the tangent of a flonum.")
  (flatan atan
   "Return the inverse tangent of a flonum, or of the first divided by the second
in the right quadrant.")
  (fl- - "Return the first flonum less the others, or an only one with its sign changed."))

(define (flexpt base exponent)
  "Return BASE to the power EXPONENT, not a number where that is not real."
  (assert-flonums (list base exponent))
  (real-or-nan (expt base exponent)))

(define (fl+ . numbers)
  "Return the sum of NUMBERS, flonums."
  (assert-flonums numbers)
  (apply + 0.0 numbers))

(define (fl* . numbers)
  "Return the product of NUMBERS, flonums."
  (assert-flonums numbers)
  (apply * 1.0 numbers))

;; What is not a real number is not a number at all here.
(define (real-or-nan number)
  (if (real? number) number +nan.0))

(define* (fllog number #:optional base)
  "Return the natural logarithm of NUMBER, or its logarithm to BASE."
  (assert-flonums (list number))
  (let ((logarithm (lambda (number) (if (zero? number) (- (inf)) (log number)))))
    (real-or-nan (if base
                     (/ (logarithm number) (logarithm base))
                     (logarithm number)))))

(define (flsqrt number)
  "Return the square root of NUMBER."
  (assert-flonums (list number))
  (real-or-nan (sqrt number)))

(define (flasin number)
  "Return the angle between -pi/2 and pi/2 whose sine is NUMBER."
  (assert-flonums (list number))
  (real-or-nan (asin number)))

(define (flacos number)
  "Return the angle between 0 and pi whose cosine is NUMBER."
  (assert-flonums (list number))
  (real-or-nan (acos number)))

(define (flnumerator number)
  "Return the numerator of NUMBER as a flonum."
  (if (or (inf? number) (nan? number) (zero? number))
      number
      (exact->inexact (numerator (inexact->exact number)))))

(define (fldenominator number)
  "Return the denominator of NUMBER as a flonum."
  (cond ((inf? number) 1.0)
        ((nan? number) number)
        (else (exact->inexact (denominator (inexact->exact number))))))
