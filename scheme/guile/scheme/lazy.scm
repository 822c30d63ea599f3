;;; R7RS lazy evaluation.

(define-module (scheme lazy)
  #:use-module ((srfi srfi-45) #:prefix s:)
  #:export (delay-force make-promise)
  #:replace (delay force promise?))

(define-syntax-rule (delay expression)
  ;; A promise of the value of EXPRESSION.
  (s:delay expression))

(define-syntax-rule (delay-force expression)
  ;; A promise of what the promise EXPRESSION gives will give.
  (s:lazy expression))

(define promise? s:promise?)

(define (make-promise object)
  "Return OBJECT if it is a promise, or a promise whose value is OBJECT."
  (if (promise? object) object (s:eager object)))

(define (force object)
  "Return the value of OBJECT if it is a promise, or OBJECT."
  (if (promise? object) (s:force object) object))
