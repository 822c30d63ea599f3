;;; R6RS bitwise arithmetic.

(define-module (rnrs arithmetic bitwise)
  #:version (6)
  #:export (bitwise-and bitwise-arithmetic-shift bitwise-arithmetic-shift-left
            bitwise-arithmetic-shift-right bitwise-bit-count bitwise-bit-field
            bitwise-bit-set? bitwise-copy-bit bitwise-copy-bit-field
            bitwise-first-bit-set bitwise-if bitwise-ior bitwise-length
            bitwise-not bitwise-reverse-bit-field bitwise-rotate-bit-field
            bitwise-xor))

(define (bitwise-not integer)
  "Return INTEGER with every bit inverted."
  (lognot integer))

(define (bitwise-and . integers)
  "Return the bits that all INTEGERS have."
  (apply logand integers))

(define (bitwise-ior . integers)
  "Return the bits that any of INTEGERS has."
  (apply logior integers))

(define (bitwise-xor . integers)
  "Return the bits that an odd number of INTEGERS have."
  (apply logxor integers))

(define (bitwise-if mask then else)
  "Return the bits of THEN where MASK has ones, and of ELSE where it has zeros."
  (logior (logand mask then) (logand (lognot mask) else)))

(define (bitwise-bit-count integer)
  "Return how many ones INTEGER has, or for a negative one the complement of how
many zeros."
  (if (negative? integer)
      (lognot (logcount (lognot integer)))
      (logcount integer)))

(define (bitwise-length integer)
  "Return how many bits INTEGER needs."
  (integer-length integer))

(define (bitwise-first-bit-set integer)
  "Return the place of the lowest one of INTEGER, or -1."
  (if (zero? integer)
      -1
      (let loop ((integer integer) (place 0))
        (if (odd? integer)
            place
            (loop (ash integer -1) (+ place 1))))))

(define (bitwise-bit-set? integer place)
  "Return whether INTEGER has a one at PLACE."
  (logbit? place integer))

(define (bitwise-copy-bit integer place bit)
  "Return INTEGER with BIT, 0 or 1, at PLACE."
  (bitwise-if (ash 1 place) (ash bit place) integer))

(define (bitwise-bit-field integer start end)
  "Return the bits of INTEGER from START to END."
  (logand (ash integer (- start)) (- (ash 1 (- end start)) 1)))

(define (bitwise-copy-bit-field integer start end from)
  "Return INTEGER with the lowest bits of FROM at START to END."
  (bitwise-if (ash (- (ash 1 (- end start)) 1) start)
              (ash from start)
              integer))

(define (bitwise-arithmetic-shift integer count)
  "Return INTEGER shifted left by COUNT bits, or right if that is negative."
  (ash integer count))

(define (bitwise-arithmetic-shift-left integer count)
  "Return INTEGER shifted left by COUNT bits."
  (ash integer count))

(define (bitwise-arithmetic-shift-right integer count)
  "Return INTEGER shifted right by COUNT bits."
  (ash integer (- count)))

(define (bitwise-rotate-bit-field integer start end count)
  "Return INTEGER with its bits from START to END rotated left by COUNT."
  (let ((width (- end start)))
    (if (positive? width)
        (let* ((count (modulo count width))
               (field (bitwise-bit-field integer start end))
               (rotated (logior (ash field count)
                                (ash field (- count width)))))
          (bitwise-copy-bit-field integer start end rotated))
        integer)))

(define (bitwise-reverse-bit-field integer start end)
  "Return INTEGER with its bits from START to END in reverse order."
  (let loop ((left (- end start))
             (field (bitwise-bit-field integer start end))
             (reversed 0))
    (if (positive? left)
        (loop (- left 1)
              (ash field -1)
              (logior (ash reversed 1) (logand field 1)))
        (bitwise-copy-bit-field integer start end reversed))))
