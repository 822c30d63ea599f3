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

;; NAME is what OPERATION is, for flonums.
(define-syntax-rule (define-flonum-operations (name operation) ...)
  (begin
    (define (name . numbers)
      (assert-flonums numbers)
      (apply operation numbers))
    ...))

(define-flonum-operations
  (fl=? =) (fl<? <) (fl>? >) (fl<=? <=) (fl>=? >=)
  (flinteger? integer?) (flzero? zero?) (flpositive? positive?)
  (flnegative? negative?) (flodd? odd?) (fleven? even?)
  (flfinite? finite?) (flinfinite? inf?) (flnan? nan?)
  (flmax max) (flmin min) (fl/ /)
  (flabs abs) (fldiv div) (flmod mod) (fldiv0 div0) (flmod0 mod0)
  (fldiv-and-mod div-and-mod) (fldiv0-and-mod0 div0-and-mod0)
  (flfloor floor) (flceiling ceiling) (fltruncate truncate) (flround round)
  (flexp exp) (flsin sin) (flcos cos) (fltan tan)
  (flatan atan) (fl- -))

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
