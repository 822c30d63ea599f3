;;; Numbers: what needs no native of its own, and random numbers.

(define most-positive-fixnum 2305843009213693951)
(define most-negative-fixnum -2305843009213693952)

(define (nan)
  "Return the float that is no number."
  +nan.0)

(define (inf)
  "Return the float above all numbers."
  +inf.0)

(define (exact-nonnegative-integer? object)
  "Return whether OBJECT is an exact integer of zero or more."
  (%exact-nonnegative-integer? object))

(define *random-state* (%first-random-state))

(define* (random limit #:optional (state *random-state*))
  "Return a number from zero to LIMIT, exclusive: exact when LIMIT is."
  (%random limit state))

(define* (random:uniform #:optional (state *random-state*))
  "Return a float from 0 to 1."
  (%random:uniform state))

(define* (random:normal #:optional (state *random-state*))
  "Return a float of the normal distribution."
  (%random:normal state))

(define* (random:exp #:optional (state *random-state*))
  "Return a float of the exponential distribution."
  (%random:exp state))

(define* (random:normal-vector! vector #:optional (state *random-state*))
  "Fill VECTOR with floats of the normal distribution."
  (%random:normal-vector! vector state))

(define* (random:hollow-sphere! vector #:optional (state *random-state*))
  "Make VECTOR a point on the sphere of radius 1."
  (%random:hollow-sphere! vector state))

(define* (random:solid-sphere! vector #:optional (state *random-state*))
  "Make VECTOR a point in the ball of radius 1."
  (%random:solid-sphere! vector state))

(define* (copy-random-state #:optional (state *random-state*))
  "Return a copy of STATE, which gives the numbers that STATE would give."
  (%copy-random-state state))
