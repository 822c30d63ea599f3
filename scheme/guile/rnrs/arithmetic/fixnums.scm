;;; R6RS fixnum arithmetic.

(define-module (rnrs arithmetic fixnums)
  #:version (6)
  #:use-module (ice-9 exceptions)
  #:use-module ((rnrs base) #:select (assertion-violation div mod div0 mod0 div-and-mod
                               div0-and-mod0))
  #:use-module (rnrs arithmetic bitwise)
  #:export (fixnum-width fixnum? fx* fx*/carry fx+ fx+/carry fx- fx-/carry
            fx<=? fx<? fx=? fx>=? fx>? fxand fxarithmetic-shift
            fxarithmetic-shift-left fxarithmetic-shift-right fxbit-count
            fxbit-field fxbit-set? fxcopy-bit fxcopy-bit-field fxdiv
            fxdiv-and-mod fxdiv0 fxdiv0-and-mod0 fxeven? fxfirst-bit-set fxif
            fxior fxlength fxmax fxmin fxmod fxmod0 fxnegative? fxnot fxodd?
            fxpositive? fxreverse-bit-field fxrotate-bit-field fxxor fxzero?
            greatest-fixnum least-fixnum))

(define %width 62)
(define %most (- (ash 1 (- %width 1)) 1))
(define %least (- (ash 1 (- %width 1))))

(define (fixnum-width) "Return how many bits a fixnum has." %width)
(define (greatest-fixnum) "Return the greatest fixnum." %most)
(define (least-fixnum) "Return the least fixnum." %least)

(define (fixnum? object)
  "Return whether OBJECT is an exact integer of at most `fixnum-width' bits."
  (and (exact-integer? object) (<= %least object %most)))

(define (assert-fixnums numbers)
  (for-each (lambda (number)
              (unless (fixnum? number)
                (assertion-violation #f "not a fixnum" number)))
            numbers))

(define (restricted number)
  (unless (fixnum? number)
    (raise-exception
     (make-exception (make-implementation-restriction-error)
                     (make-exception-with-message "result is no fixnum")
                     (make-exception-with-irritants (list number)))))
  number)

;; NAME is what OPERATION is, for fixnums, with a fixnum for its value.
(define-syntax-rule (define-fixnum-operations (name operation documentation) ...)
  (begin
    (define (name . numbers)
      documentation
      (assert-fixnums numbers)
      (restricted (apply operation numbers)))
    ...))

(define-syntax-rule (define-fixnum-predicates (name operation documentation) ...)
  (begin
    (define (name . numbers)
      documentation
      (assert-fixnums numbers)
      (apply operation numbers))
    ...))

(define-fixnum-predicates
  (fx=? = "Return whether all fixnums are equal.")
  (fx<? < "Return whether each of the fixnums is less than the next.")
  (fx>? > "Return whether each of the fixnums is greater than the next.")
  (fx<=? <= "Return whether none of the fixnums is greater than the next.")
  (fx>=? >= "Return whether none of the fixnums is less than the next.")
  (fxzero? zero? "Return whether a fixnum is zero.")
  (fxpositive? positive? "Return whether a fixnum is above zero.")
  (fxnegative? negative? "Return whether a fixnum is below zero.")
  (fxodd? odd? "Return whether a fixnum is odd.")
  (fxeven? even? "Return whether a fixnum is even.")
  (fxdiv-and-mod div-and-mod
   "Return two values: the integer quotient whose remainder is not negative, and
the remainder.")
  (fxdiv0-and-mod0 div0-and-mod0
   "Return two values: the integer quotient whose remainder is nearest to zero, and
the remainder.")
  (fxbit-set? bitwise-bit-set? "Return whether the bit of a fixnum at an index is set."))

(define-fixnum-operations
  (fxmax max "Return the largest of the fixnums.")
  (fxmin min "Return the smallest of the fixnums.")
  (fx+ + "Return the sum of the fixnums, which must be a fixnum.")
  (fx* * "Return the product of the fixnums, which must be a fixnum.")
  (fxdiv div "Return the integer quotient whose remainder is not negative.")
  (fxmod mod "Return that remainder, which is not negative.")
  (fxdiv0 div0 "Return the integer quotient whose remainder is nearest to zero.")
  (fxmod0 mod0 "Return that remainder, which is nearest to zero.")
  (fxnot lognot "Return the bits that a fixnum has not.")
  (fxand logand "Return the bits that all fixnums have.")
  (fxior logior "Return the bits that any fixnum has.")
  (fxxor logxor "Return the bits that an odd number of the fixnums have.")
  (fxif bitwise-if
   "Return the bits of the second fixnum where the first has ones, and of the third
elsewhere.")
  (fxbit-count bitwise-bit-count
   "Return how many bits of a fixnum are set, or less than zero where it is
negative.")
  (fxlength bitwise-length "Return how many bits a fixnum takes.")
  (fxfirst-bit-set bitwise-first-bit-set
   "Return the index of the lowest bit that is set, or -1.")
  (fxcopy-bit bitwise-copy-bit
   "Return the first fixnum with the bit at the index that is second made the third.")
  (fxbit-field bitwise-bit-field
   "Return the bits of the first fixnum from the second up to the third.")
  (fxcopy-bit-field bitwise-copy-bit-field
   "Return the first fixnum with its bits from the second up to the third made
those of the fourth.")
  (fxarithmetic-shift bitwise-arithmetic-shift
   "Return the first fixnum shifted left by as many bits as the second says.")
  (fxarithmetic-shift-left bitwise-arithmetic-shift-left
   "Return the first fixnum shifted left by as many bits as the second says.")
  (fxarithmetic-shift-right bitwise-arithmetic-shift-right
   "Return the first fixnum shifted right by as many bits as the second says.")
  (fxrotate-bit-field bitwise-rotate-bit-field
   "Return the first fixnum with its bits from the second up to the third moved
round by the fourth.")
  (fxreverse-bit-field bitwise-reverse-bit-field
   "Return the first fixnum with its bits from the second up to the third turned
round."))

;; SUM as two fixnums: its lowest `fixnum-width' bits and what is above.
(define (with-carry sum)
  (let* ((range (ash 1 %width))
         (low (mod0 sum range)))
    (values low (quotient (- sum low) range))))

(define* (fx- a #:optional b)
  "Return A - B, or - A, which must be fixnums, as the result."
  (assert-fixnums (if b (list a b) (list a)))
  (let ((difference (if b (- a b) (- a))))
    (assert-fixnums (list difference))
    difference))

(define (fx+/carry a b c)
  "Return A + B + C as its lowest bits and the carry."
  (assert-fixnums (list a b c))
  (with-carry (+ a b c)))

(define (fx-/carry a b c)
  "Return A - B - C as its lowest bits and the carry."
  (assert-fixnums (list a b c))
  (with-carry (- a b c)))

(define (fx*/carry a b c)
  "Return A * B + C as its lowest bits and the carry."
  (assert-fixnums (list a b c))
  (with-carry (+ (* a b) c)))
