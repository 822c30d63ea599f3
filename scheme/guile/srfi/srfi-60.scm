;;; SRFI 60: integers as bits.

(define-module (srfi srfi-60)
  #:use-module ((rnrs arithmetic bitwise) #:select (bitwise-and bitwise-ior bitwise-xor bitwise-not
                                           bitwise-if bitwise-bit-field
                                           bitwise-copy-bit-field
                                           bitwise-rotate-bit-field
                                           bitwise-reverse-bit-field
                                           bitwise-first-bit-set))
  #:re-export (ash bitwise-and bitwise-if bitwise-ior bitwise-not bitwise-xor
               integer-length logand logbit? logcount logior logtest logxor)
  #:export (any-bits-set? arithmetic-shift bit-count bit-field bit-set?
            bitwise-merge booleans->integer copy-bit copy-bit-field
            first-set-bit integer->list list->integer log2-binary-factors
            reverse-bit-field rotate-bit-field))

(define bitwise-merge bitwise-if)

(define (any-bits-set? integer bits)
  "Return whether INTEGER has a one where BITS has one."
  (logtest integer bits))

(define (bit-count integer)
  "Return how many ones INTEGER has, or zeros if it is negative."
  (logcount integer))

(define (bit-set? place integer)
  "Return whether INTEGER has a one at PLACE."
  (logbit? place integer))

(define (first-set-bit integer)
  "Return the place of the lowest one of INTEGER, or -1."
  (bitwise-first-bit-set integer))

(define log2-binary-factors first-set-bit)

(define (copy-bit place integer bit)
  "Return INTEGER with a one at PLACE if BIT, or else a zero."
  (if bit
      (logior integer (ash 1 place))
      (logand integer (lognot (ash 1 place)))))

(define (bit-field integer start end)
  "Return the bits of INTEGER from START to END."
  (bitwise-bit-field integer start end))

(define (copy-bit-field to from start end)
  "Return TO with the lowest bits of FROM at START to END."
  (bitwise-copy-bit-field to start end from))

(define (arithmetic-shift integer count)
  "Return INTEGER shifted left by COUNT bits, or right if that is negative."
  (ash integer count))

(define (rotate-bit-field integer count start end)
  "Return INTEGER with its bits from START to END rotated left by COUNT."
  (bitwise-rotate-bit-field integer start end count))

(define (reverse-bit-field integer start end)
  "Return INTEGER with its bits from START to END in reverse order."
  (bitwise-reverse-bit-field integer start end))

(define* (integer->list integer #:optional (length (integer-length integer)))
  "Return the lowest LENGTH bits of INTEGER as a list of booleans, the highest
first."
  (let loop ((integer integer) (left length) (bits '()))
    (if (positive? left)
        (loop (ash integer -1) (- left 1) (cons (odd? integer) bits))
        bits)))

(define (list->integer bits)
  "Return the integer whose bits are BITS, a list of booleans, the highest first."
  (let loop ((bits bits) (integer 0))
    (if (null? bits)
        integer
        (loop (cdr bits) (+ (* 2 integer) (if (car bits) 1 0))))))

(define (booleans->integer . bits)
  "Return the integer whose bits are BITS, booleans, the highest first."
  (list->integer bits))
