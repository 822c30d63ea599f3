;;; The machine that programs are for: this one, unless `with-target' says otherwise.

(define-module (system base target)
  #:use-module (rnrs bytevectors)
  #:export (target-type with-target with-native-target
            target-cpu target-vendor target-os
            target-endianness target-word-size
            target-max-size-t target-max-size-t/scm target-max-vector-length
            target-most-negative-fixnum target-most-positive-fixnum target-fixnum?))

(define (target-type)
  "Return the name of the target: cpu, vendor and operating system."
  (fluid-ref %target-type))

(define %target-type (make-fluid %host-type))

;; Word N of the target's name; the last takes what is left of it.
(define (part n)
  (let loop ((text (target-type)) (n n))
    (let ((dash (string-index text #\-)))
      (cond ((= n 0) (if dash (substring text 0 dash) text))
            ((not dash) "")
            ((= n 1) (let ((rest (substring text (+ dash 1))))
                       (let ((next (string-index rest #\-)))
                         (if next (substring rest 0 next) rest))))
            (else (let* ((rest (substring text (+ dash 1)))
                         (next (string-index rest #\-)))
                    (if next (substring rest (+ next 1)) rest)))))))

(define (target-cpu)
  "Return the target's processor."
  (part 0))

(define (target-vendor)
  "Return the target's maker."
  (part 1))

(define (target-os)
  "Return the target's operating system."
  (part 2))

(define (with-target target thunk)
  "Call THUNK while TARGET, a name such as x86_64-unknown-freebsd, is the target."
  (unless (string-index target #\-)
    (scm-error 'misc-error "with-target" "invalid target: ~S" (list target) #f))
  (with-fluids ((%target-type target))
    (thunk)))

(define (with-native-target thunk)
  "Call THUNK while this machine is the target."
  (with-fluids ((%target-type %host-type))
    (thunk)))

(define (cpu-begins? . names)
  (or-map (lambda (name) (string-prefix? name (target-cpu))) names))

(define (target-word-size)
  "Return how many bytes an address of the target has."
  (if (or (cpu-begins? "x86_64" "amd64" "aarch64" "alpha" "ia64" "s390x" "sparc64")
          (string-contains (target-cpu) "64"))
      8
      4))

(define (target-endianness)
  "Return how the target orders bytes."
  (if (and (cpu-begins? "powerpc" "ppc" "s390" "sparc" "mips" "m68k" "hppa" "sh4eb")
           (not (string-suffix? "le" (target-cpu)))
           (not (string-suffix? "el" (target-cpu))))
      (endianness big)
      (endianness little)))

(define (bits) (* 8 (target-word-size)))

(define (target-max-size-t)
  "Return the largest size that a program of the target can name."
  (- (expt 2 (min (bits) 48)) 1))

(define (target-max-size-t/scm)
  "Return the largest size of which half the values are left free."
  (target-max-size-t))

(define (target-max-vector-length)
  "Return how many elements a vector of the target can have."
  (min (- (ash 1 (- (bits) 8)) 1) (target-max-size-t)))

(define (target-most-positive-fixnum)
  "Return the largest small integer of the target."
  (- (ash 1 (- (bits) 3)) 1))

(define (target-most-negative-fixnum)
  "Return the smallest small integer of the target."
  (- (ash 1 (- (bits) 3))))

(define (target-fixnum? object)
  "Tell whether OBJECT is a small integer of the target."
  (and (exact-integer? object)
       (<= (target-most-negative-fixnum) object (target-most-positive-fixnum))))
