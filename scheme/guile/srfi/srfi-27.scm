;;; SRFI 27: sources of random bits, on Guile's own random states.

(define-module (srfi srfi-27)
  #:use-module (srfi srfi-9)
  #:export (random-integer random-real default-random-source
            make-random-source random-source?
            random-source-state-ref random-source-state-set!
            random-source-randomize! random-source-pseudo-randomize!
            random-source-make-integers random-source-make-reals))

(define-record-type <random-source>
  (%make-random-source state)
  random-source?
  (state random-source-state set-random-source-state!))

(define (make-random-source)
  "Return a new random source, in the state that every new one has."
  (%make-random-source (seed->random-state 0)))

(define (random-source-state-ref source)
  "Return the state of SOURCE as a datum that can be written and read back."
  (random-state->datum (random-source-state source)))

(define (random-source-state-set! source state)
  "Put SOURCE into STATE, which `random-source-state-ref' returned."
  (set-random-source-state! source (datum->random-state state)))

(define (random-source-randomize! source)
  "Put SOURCE into a state that nobody can tell beforehand."
  (set-random-source-state! source (random-state-from-platform)))

(define (random-source-pseudo-randomize! source i j)
  "Put SOURCE into the state that belongs to the natural numbers I and J."
  (set-random-source-state!
   source
   (seed->random-state (string-append (number->string i) "/"
                                      (number->string j)))))

(define (random-source-make-integers source)
  "Return a procedure that returns random integers below its argument."
  (lambda (n)
    (unless (and (exact-integer? n) (positive? n))
      (scm-error 'wrong-type-arg #f "Wrong type argument: ~S" (list n) (list n)))
    (random n (random-source-state source))))

(define* (random-source-make-reals source #:optional unit)
  "Return a procedure that returns random real numbers between 0 and 1, neither
included; multiples of UNIT when that is given."
  (when (and unit (not (and (real? unit) (< 0 unit 1))))
    (scm-error 'misc-error "random-source-make-reals"
               "unit must be between 0 and 1: ~S" (list unit) #f))
  (define (uniform)
    (let ((x (random:uniform (random-source-state source))))
      (if (zero? x) (uniform) x)))
  (if unit
      (let ((parts (- (inexact->exact (floor (/ 1 unit))) 1)))
        (lambda ()
          (* unit (+ 1 (random parts (random-source-state source))))))
      uniform))

(define default-random-source (make-random-source))

(define random-integer (random-source-make-integers default-random-source))

(define random-real (random-source-make-reals default-random-source))
