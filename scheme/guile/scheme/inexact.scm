;;; R7RS inexact numbers.

(define-module (scheme inexact)
  #:use-module ((rnrs base) #:select (infinite? log))
  #:re-export (acos asin atan cos exp infinite? log sin sqrt tan)
  #:replace (finite? nan?))

(define (both? satisfies? number)
  (and (satisfies? (real-part number)) (satisfies? (imag-part number))))

(define (finite? number)
  "Return whether NUMBER has no infinite or undefined part."
  (both? (@ (guile) finite?) number))

(define (nan? number)
  "Return whether NUMBER has an undefined part."
  (or ((@ (guile) nan?) (real-part number))
      ((@ (guile) nan?) (imag-part number))))
