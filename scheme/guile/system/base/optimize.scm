;;; What a program may ask a compiler to do: nothing, here. Programs that pass on
;;; what this module tells work with either.

(define-module (system base optimize)
  #:export (optimizations-for-level pass-optimization-level available-optimizations))

(define (available-optimizations . languages)
  "Return '(): there is nothing that can be switched on or off."
  '())

(define (optimizations-for-level level)
  "Return '(), the compiler's options at LEVEL."
  '())

(define (pass-optimization-level keyword)
  "Throw 'misc-error: no pass is called KEYWORD."
  (error "unknown optimization pass" keyword))
