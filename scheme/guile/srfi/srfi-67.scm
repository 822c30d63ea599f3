;;; SRFI 67: comparing objects.
;;;
;;; A comparison takes two objects and returns -1, 0 or 1.

(define-module (srfi srfi-67)
  #:export (boolean-compare char-compare char-compare-ci string-compare
            string-compare-ci symbol-compare integer-compare rational-compare
            real-compare complex-compare number-compare default-compare
            vector-compare vector-compare-as-list list-compare
            list-compare-as-vector pair-compare pair-compare-car
            pair-compare-cdr debug-compare
            refine-compare select-compare cond-compare
            if3 if=? if<? if>? if<=? if>=? if-not=?
            =? <? >? <=? >=? not=?
            </<? </<=? <=/<? <=/<=? >/>? >/>=? >=/>? >=/>=?
            chain=? chain<? chain>? chain<=? chain>=? pairwise-not=?
            min-compare max-compare kth-largest
            compare-by< compare-by> compare-by<= compare-by>= compare-by=/<
            compare-by=/>))

(define-syntax-rule (if3 comparison less equal greater)
  ;; LESS, EQUAL or GREATER, as COMPARISON is -1, 0 or 1.
  (let ((order comparison))
    (case order
      ((-1) less)
      ((0) equal)
      ((1) greater)
      (else (scm-error 'misc-error "if3" "comparison value not in {-1,0,1}: ~S"
                       (list order) #f)))))

(define-syntax define-tests
  (syntax-rules ()
    ((_ (name less equal greater) ...)
     (begin
       (define-syntax name
         (syntax-rules ()
           ((_ comparison consequent)
            (name comparison consequent (if #f #f)))
           ((_ comparison consequent alternative)
            (if (if3 comparison less equal greater) consequent alternative))))
       ...))))

(define-tests
  (if=? #f #t #f) (if<? #t #f #f) (if>? #f #f #t)
  (if<=? #t #t #f) (if>=? #f #t #t) (if-not=? #t #f #t))

(define-syntax refine-compare
  ;; The first of the comparisons that is not 0, or 0.
  (syntax-rules ()
    ((_) 0)
    ((_ comparison) comparison)
    ((_ comparison more ...)
     (if3 comparison -1 (refine-compare more ...) 1))))

(define-syntax select-compare
  ;; (select-compare X Y (TYPE? COMPARISON ...) ... (else COMPARISON ...)):
  ;; objects of an earlier type come first.
  (syntax-rules (else)
    ((_ x y) 0)
    ((_ x y (else comparison ...)) (refine-compare comparison ...))
    ((_ x y (type? comparison ...) clause ...)
     (let ((one x) (other y))
       (if (type? one)
           (if (type? other) (refine-compare comparison ...) -1)
           (if (type? other) 1 (select-compare one other clause ...)))))))

(define-syntax cond-compare
  ;; (cond-compare ((FIRST? SECOND?) COMPARISON ...) ... (else COMPARISON ...))
  (syntax-rules (else)
    ((_) 0)
    ((_ (else comparison ...)) (refine-compare comparison ...))
    ((_ ((first second) comparison ...) clause ...)
     (let ((one first) (other second))
       (if one
           (if other (refine-compare comparison ...) -1)
           (if other 1 (cond-compare clause ...)))))))

;;; Comparisons of simple objects

(define (assert-both satisfies? x y expectation)
  (for-each (lambda (object)
              (unless (satisfies? object)
                (scm-error 'misc-error #f
                           (string-append "expected " expectation ", got ~S")
                           (list object) #f)))
            (list x y)))

(define (compare-with less? same? x y)
  (cond ((less? x y) -1)
        ((same? x y) 0)
        (else 1)))

(define-syntax-rule (define-simple (name satisfies? expectation less? same? documentation) ...)
  (begin
    (define (name x y)
      documentation
      (assert-both satisfies? x y expectation)
      (compare-with less? same? x y))
    ...))

(define-simple
  (char-compare char? "char" char<? char=?
   "Compare the characters X and Y, as -1, 0 or 1.")
  (char-compare-ci char? "char" char-ci<? char-ci=?
   "Compare the characters X and Y, where case does not count, as -1, 0 or 1.")
  (string-compare string? "string" string<? string=?
   "Compare the strings X and Y, as -1, 0 or 1.")
  (string-compare-ci string? "string" string-ci<? string-ci=?
   "Compare the strings X and Y, where case does not count, as -1, 0 or 1.")
  (integer-compare integer? "integer" < = "Compare the integers X and Y, as -1, 0 or 1.")
  (rational-compare rational? "rational" < =
   "Compare the rationals X and Y, as -1, 0 or 1.")
  (real-compare real? "real" < = "Compare the reals X and Y, as -1, 0 or 1."))

(define (boolean-compare x y)
  "Compare the booleans X and Y; #f comes first."
  (assert-both boolean? x y "boolean")
  (cond ((eq? x y) 0) (x 1) (else -1)))

(define (symbol-compare x y)
  "Compare the symbols X and Y by their names."
  (assert-both symbol? x y "symbol")
  (string-compare (symbol->string x) (symbol->string y)))

(define (complex-compare x y)
  "Compare the numbers X and Y by their real parts, then their imaginary ones."
  (assert-both complex? x y "complex")
  (if (and (real? x) (real? y))
      (real-compare x y)
      (refine-compare (real-compare (real-part x) (real-part y))
                      (real-compare (imag-part x) (imag-part y)))))

(define (number-compare x y)
  "Compare the numbers X and Y."
  (assert-both number? x y "number")
  (complex-compare x y))

;;; Comparisons of pairs, lists and vectors

(define (pair-compare-car compare)
  "Return a comparison of pairs by what COMPARE says of their cars."
  (lambda (x y) (compare (car x) (car y))))

(define (pair-compare-cdr compare)
  "Return a comparison of pairs by what COMPARE says of their cdrs."
  (lambda (x y) (compare (cdr x) (cdr y))))

(define pair-compare
  (case-lambda
    ((compare-car compare-cdr x y)
     "Compare pairs by their cars, then their cdrs; with one comparison, or none,
compare improper lists."
     (refine-compare (compare-car (car x) (car y))
                     (compare-cdr (cdr x) (cdr y))))
    ((compare x y)
     (cond-compare
      (((null? x) (null? y)) 0)
      (((pair? x) (pair? y))
       (compare (car x) (car y))
       (pair-compare compare (cdr x) (cdr y)))
      (else (compare x y))))
    ((x y) (pair-compare default-compare x y))))

;; LIST-COMPARE and its like take (compare x y empty? head tail) or less.
(define list-compare
  (case-lambda
    ((compare x y empty? head tail)
     "Compare lists element by element; a list that ends first comes first."
     (let loop ((x x) (y y))
       (cond-compare
        (((empty? x) (empty? y)) 0)
        (else (compare (head x) (head y)) (loop (tail x) (tail y))))))
    ((compare x y) (list-compare compare x y null? car cdr))
    ((x y empty? head tail) (list-compare default-compare x y empty? head tail))
    ((x y) (list-compare default-compare x y null? car cdr))))

(define list-compare-as-vector
  (case-lambda
    ((compare x y empty? head tail)
     "Compare lists by their lengths, then element by element."
     (define (length-of list)
       (let loop ((list list) (length 0))
         (if (empty? list) length (loop (tail list) (+ length 1)))))
     (refine-compare (integer-compare (length-of x) (length-of y))
                     (list-compare compare x y empty? head tail)))
    ((compare x y) (list-compare-as-vector compare x y null? car cdr))
    ((x y empty? head tail)
     (list-compare-as-vector default-compare x y empty? head tail))
    ((x y) (list-compare-as-vector default-compare x y null? car cdr))))

(define (elements-compare compare x y size ref)
  (let ((x-size (size x)) (y-size (size y)))
    (let loop ((index 0))
      (cond-compare
       (((= index x-size) (= index y-size)) 0)
       (else (compare (ref x index) (ref y index)) (loop (+ index 1)))))))

(define vector-compare
  (case-lambda
    ((compare x y size ref)
     "Compare vectors by their lengths, then element by element."
     (refine-compare (integer-compare (size x) (size y))
                     (elements-compare compare x y size ref)))
    ((compare x y) (vector-compare compare x y vector-length vector-ref))
    ((x y size ref) (vector-compare default-compare x y size ref))
    ((x y) (vector-compare default-compare x y vector-length vector-ref))))

(define vector-compare-as-list
  (case-lambda
    ((compare x y size ref)
     "Compare vectors element by element; one that ends first comes first."
     (elements-compare compare x y size ref))
    ((compare x y)
     (elements-compare compare x y vector-length vector-ref))
    ((x y size ref) (elements-compare default-compare x y size ref))
    ((x y) (elements-compare default-compare x y vector-length vector-ref))))

(define (default-compare x y)
  "Compare objects of many types: the empty list, pairs, booleans, characters,
strings, symbols, numbers and vectors, in this order."
  (select-compare x y
    (null? 0)
    (pair? (default-compare (car x) (car y))
           (default-compare (cdr x) (cdr y)))
    (boolean? (boolean-compare x y))
    (char? (char-compare x y))
    (string? (string-compare x y))
    (symbol? (symbol-compare x y))
    (number? (number-compare x y))
    (vector? (vector-compare default-compare x y))
    (else (scm-error 'misc-error "default-compare" "unrecognized type: ~S ~S"
                     (list x y) #f))))

(define (debug-compare compare)
  "Return COMPARE, which throws 'misc-error when it is not antisymmetric."
  (lambda (x y)
    (let ((order (compare x y)))
      (unless (= order (- (compare y x)))
        (scm-error 'misc-error "debug-compare" "not antisymmetric: ~S ~S"
                   (list x y) #f))
      order)))

;;; Predicates from comparisons.  Without objects they return a predicate, as
;;; does the second half of them, which takes two predicates' worth.

(define-syntax-rule (define-predicates (name test documentation) ...)
  (begin
    (define name
      (case-lambda
        (() documentation (lambda (x y) (test (default-compare x y) #t #f)))
        ((compare) (lambda (x y) (test (compare x y) #t #f)))
        ((x y) (test (default-compare x y) #t #f))
        ((compare x y) (test (compare x y) #t #f))))
    ...))

(define-predicates
  (=? if=?
   "Return whether X is the same as Y, as COMPARE tells; without X and Y, a
procedure of them.")
  (<? if<?
   "Return whether X comes before Y, as COMPARE tells; without X and Y, a procedure
of them.")
  (>? if>?
   "Return whether X comes after Y, as COMPARE tells; without X and Y, a procedure
of them.")
  (<=? if<=?
   "Return whether X does not come after Y, as COMPARE tells; without X and Y, a
procedure of them.")
  (>=? if>=?
   "Return whether X does not come before Y, as COMPARE tells; without X and Y, a
procedure of them.")
  (not=? if-not=?
   "Return whether X differs from Y, as COMPARE tells; without X and Y, a procedure
of them."))

;; A chain compares all of its objects, if only with themselves, so that one
;; that COMPARE refuses is noticed wherever it stands.

(define-syntax-rule (define-chains-of-three (name first second documentation) ...)
  (begin
    (define name
      (case-lambda
        (() documentation (lambda (x y z) (name default-compare x y z)))
        ((compare) (lambda (x y z) (name compare x y z)))
        ((x y z) (name default-compare x y z))
        ((compare x y z)
         (if (first (compare x y) #t #f)
             (second (compare y z) #t #f)
             (begin (compare z z) #f)))))
    ...))

(define-chains-of-three
  (</<? if<? if<?
   "Return whether X comes before Y and Y comes before Z, as COMPARE tells; without
them, a procedure of them.")
  (</<=? if<? if<=?
   "Return whether X comes before Y and Y does not come after Z, as COMPARE tells;
without them, a procedure of them.")
  (<=/<? if<=? if<?
   "Return whether X does not come after Y and Y comes before Z, as COMPARE tells;
without them, a procedure of them.")
  (<=/<=? if<=? if<=?
   "Return whether X does not come after Y and Y does not come after Z, as COMPARE
tells; without them, a procedure of them.")
  (>/>? if>? if>?
   "Return whether X comes after Y and Y comes after Z, as COMPARE tells; without
them, a procedure of them.")
  (>/>=? if>? if>=?
   "Return whether X comes after Y and Y does not come before Z, as COMPARE tells;
without them, a procedure of them.")
  (>=/>? if>=? if>?
   "Return whether X does not come before Y and Y comes after Z, as COMPARE tells;
without them, a procedure of them.")
  (>=/>=? if>=? if>=?
   "Return whether X does not come before Y and Y does not come before Z, as
COMPARE tells; without them, a procedure of them."))

(define-syntax-rule (define-chains (name test documentation) ...)
  (begin
    (define (name compare . objects)
      documentation
      (when (and (pair? objects) (null? (cdr objects)))
        (compare (car objects) (car objects)))
      (or (null? objects)
          (let loop ((objects objects))
            (cond
             ((null? (cdr objects)) #t)
             ((test (compare (car objects) (cadr objects)) #t #f)
              (loop (cdr objects)))
             (else
              (for-each (lambda (object) (compare object object)) (cddr objects))
              #f)))))
    ...))

(define-chains
  (chain=? if=?
   "Return whether each of OBJECTS is the same as the next, as COMPARE tells.")
  (chain<? if<? "Return whether each of OBJECTS comes before the next, as COMPARE tells.")
  (chain>? if>? "Return whether each of OBJECTS comes after the next, as COMPARE tells.")
  (chain<=? if<=?
   "Return whether each of OBJECTS does not come after the next, as COMPARE tells.")
  (chain>=? if>=?
   "Return whether each of OBJECTS does not come before the next, as COMPARE tells."))

(define (pairwise-not=? compare . objects)
  "Return whether no two of OBJECTS are the same."
  (when (and (pair? objects) (null? (cdr objects)))
    (compare (car objects) (car objects)))
  (let loop ((sorted (sort objects (lambda (x y) (if<? (compare x y) #t #f)))))
    (or (null? sorted)
        (null? (cdr sorted))
        (and (if-not=? (compare (car sorted) (cadr sorted)) #t #f)
             (loop (cdr sorted))))))

(define (min-compare compare first . rest)
  "Return the least of the objects."
  (let loop ((least first) (rest rest))
    (cond ((null? rest) least)
          ((if>? (compare least (car rest)) #t #f) (loop (car rest) (cdr rest)))
          (else (loop least (cdr rest))))))

(define (max-compare compare first . rest)
  "Return the greatest of the objects."
  (let loop ((greatest first) (rest rest))
    (cond ((null? rest) greatest)
          ((if<? (compare greatest (car rest)) #t #f)
           (loop (car rest) (cdr rest)))
          (else (loop greatest (cdr rest))))))

(define (kth-largest compare k first . rest)
  "Return the object that K of the others, modulo how many there are, come
before."
  (let ((sorted (stable-sort (cons first rest)
                             (lambda (x y) (if<? (compare x y) #t #f)))))
    (list-ref sorted (modulo k (length sorted)))))

;;; Comparisons from predicates

(define-syntax-rule (define-makers (name (predicate ...) x y body documentation) ...)
  (begin
    (define name
      (case-lambda
        ((predicate ...) documentation (lambda (x y) body))
        ((predicate ... x y) body)))
    ...))

(define-makers
  (compare-by< (less?) x y (cond ((less? x y) -1) ((less? y x) 1) (else 0))
   "Compare X and Y by which is LESS?; without them, return a procedure of them.")
  (compare-by> (greater?) x y (cond ((greater? x y) 1) ((greater? y x) -1) (else 0))
   "Compare X and Y by which is GREATER?; without them, return a procedure of them.")
  (compare-by<= (at-most?) x y (if (at-most? x y) (if (at-most? y x) 0 -1) 1)
   "Compare X and Y by which is AT-MOST? the other; without them, return a
procedure of them.")
  (compare-by>= (at-least?) x y (if (at-least? x y) (if (at-least? y x) 0 1) -1)
   "Compare X and Y by which is AT-LEAST? the other; without them, return a
procedure of them.")
  (compare-by=/< (same? less?) x y (cond ((same? x y) 0) ((less? x y) -1) (else 1))
   "Compare X and Y by whether they are the SAME?, and else which is LESS?; without
them, return a procedure of them.")
  (compare-by=/> (same? greater?) x y (cond ((same? x y) 0) ((greater? x y) 1) (else -1))
   "Compare X and Y by whether they are the SAME?, and else which is GREATER?;
without them, return a procedure of them."))
