;;; SRFI 27: sources of random bits.
;;;
;;; A source multiplies with carry, which gives 32 bits at a time with a period
;;; near 2^63.  It is not for secrets.

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
  (state source-state set-source-state!))     ;integer below 2^63

(define %multiplier 4294957665)
(define %word 4294967296)

;; The state for SEED, a natural number.
(define (seeded seed)
  (let ((state (modulo (+ seed 88172645463325252) (- (* %multiplier %word) 2))))
    (if (zero? state) 1 state)))

(define (next-word! source)
  (let* ((state (source-state source))
         (next (+ (* %multiplier (remainder state %word))
                  (quotient state %word))))
    (set-source-state! source next)
    (remainder next %word)))

(define (make-random-source)
  "Return a new random source, in the state that every new one has."
  (%make-random-source (seeded 0)))

(define (random-source-state-ref source)
  "Return the state of SOURCE as a datum that can be written and read back."
  (list 'random-source-state (source-state source)))

(define (random-source-state-set! source state)
  "Put SOURCE into STATE, which `random-source-state-ref' returned."
  (unless (and (list? state)
               (= (length state) 2)
               (eq? (car state) 'random-source-state))
    (scm-error 'wrong-type-arg "random-source-state-set!"
               "Wrong type argument in position 2: ~S" (list state) (list state)))
  (set-source-state! source (cadr state)))

(define (random-source-randomize! source)
  "Put SOURCE into a state that depends on the time."
  (let ((time (gettimeofday)))
    (set-source-state! source
                       (seeded (+ (* 1000003 (+ (* 1000000 (car time)) (cdr time)))
                                  (getpid)
                                  (get-internal-real-time))))
    (next-word! source)
    (if #f #f)))

(define (random-source-pseudo-randomize! source i j)
  "Put SOURCE into the state that belongs to the natural numbers I and J."
  (set-source-state! source
                     (seeded (+ (* i 6364136223846793005)
                                (* j 1442695040888963407)
                                1)))
  (next-word! source)
  (if #f #f))

(define (random-source-make-integers source)
  "Return a procedure that returns random integers below its argument."
  (lambda (n)
    (unless (and (exact-integer? n) (positive? n))
      (scm-error 'wrong-type-arg #f "Wrong type argument: ~S" (list n) (list n)))
    (let grow ((range %word) (words 1))
      (if (< range n)
          (grow (* range %word) (+ words 1))
          ;; Numbers from the last, incomplete, N of the range are drawn again.
          (let ((limit (* n (quotient range n))))
            (let draw ()
              (let collect ((number 0) (left words))
                (cond
                 ((positive? left)
                  (collect (+ (* number %word) (next-word! source)) (- left 1)))
                 ((< number limit) (remainder number n))
                 (else (draw))))))))))

(define* (random-source-make-reals source #:optional unit)
  "Return a procedure that returns random real numbers between 0 and 1, neither
included; multiples of UNIT when that is given."
  (when (and unit (not (and (real? unit) (< 0 unit 1))))
    (scm-error 'misc-error "random-source-make-reals"
               "unit must be between 0 and 1: ~S" (list unit) #f))
  (if unit
      (let ((parts (- (inexact->exact (floor (/ 1 unit))) 1))
            (integer (random-source-make-integers source)))
        (lambda () (* unit (+ 1 (integer parts)))))
      (lambda ()
        (let* ((high (quotient (next-word! source) 64))
               (low (quotient (next-word! source) 64)))
          (/ (+ (* high 67108864.0) low 0.5) 4503599627370496.0)))))

(define default-random-source (make-random-source))

(define random-integer (random-source-make-integers default-random-source))
(set-procedure-property! random-integer 'documentation
                         "Return an exact integer from 0 up to a limit, drawn at
random.")

(define random-real (random-source-make-reals default-random-source))
(set-procedure-property! random-real 'documentation
                         "Return a real number between 0 and 1, drawn at random.")
