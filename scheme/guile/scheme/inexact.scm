;;; R7RS inexact numbers.

(define-module (scheme inexact)
  #:use-module ((rnrs base) #:select (log))
  #:use-module ((scheme base) #:select (exact inexact))
  #:re-export (acos asin atan cos exact exp inexact log sin sqrt tan)
  #:export (infinite?)
  #:replace (finite? nan?))

(define (both? satisfies? number)
  (and (satisfies? (real-part number)) (satisfies? (imag-part number))))

(define (finite? number)
  "Return whether NUMBER has no infinite or undefined part."
  (both? (@ (guile) finite?) number))

(define (infinite? number)
  "Return whether NUMBER has an infinite part."
  (or (inf? (real-part number))
      (inf? (imag-part number))))

(define (nan? number)
  "Return whether NUMBER has an undefined part."
  (or ((@ (guile) nan?) (real-part number))
      ((@ (guile) nan?) (imag-part number))))
