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
(define-syntax-rule (define-fixnum-operations (name operation) ...)
  (begin
    (define (name . numbers)
      (assert-fixnums numbers)
      (restricted (apply operation numbers)))
    ...))

(define-syntax-rule (define-fixnum-predicates (name operation) ...)
  (begin
    (define (name . numbers)
      (assert-fixnums numbers)
      (apply operation numbers))
    ...))

(define-fixnum-predicates
  (fx=? =) (fx<? <) (fx>? >) (fx<=? <=) (fx>=? >=)
  (fxzero? zero?) (fxpositive? positive?) (fxnegative? negative?)
  (fxodd? odd?) (fxeven? even?)
  (fxdiv-and-mod div-and-mod) (fxdiv0-and-mod0 div0-and-mod0)
  (fxbit-set? bitwise-bit-set?))

(define-fixnum-operations
  (fxmax max) (fxmin min) (fx+ +) (fx* *)
  (fxdiv div) (fxmod mod) (fxdiv0 div0) (fxmod0 mod0)
  (fxnot lognot) (fxand logand) (fxior logior) (fxxor logxor)
  (fxif bitwise-if) (fxbit-count bitwise-bit-count) (fxlength bitwise-length)
  (fxfirst-bit-set bitwise-first-bit-set) (fxcopy-bit bitwise-copy-bit)
  (fxbit-field bitwise-bit-field) (fxcopy-bit-field bitwise-copy-bit-field)
  (fxarithmetic-shift bitwise-arithmetic-shift)
  (fxarithmetic-shift-left bitwise-arithmetic-shift-left)
  (fxarithmetic-shift-right bitwise-arithmetic-shift-right)
  (fxrotate-bit-field bitwise-rotate-bit-field)
  (fxreverse-bit-field bitwise-reverse-bit-field))

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
