;;; SRFI 171: transducers.
;;;
;;; A reducer is a procedure of no argument (the first accumulator), one (the
;;; last accumulator, to be finished) and two (accumulator and element).  A
;;; transducer makes one reducer from another.  An accumulator wrapped by
;;; `reduced' ends the reduction.

(define-module (srfi srfi-171)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-171 meta)
  #:export (rcons reverse-rcons rcount rany revery
            list-transduce vector-transduce string-transduce
            bytevector-u8-transduce port-transduce generator-transduce
            tmap tfilter tremove treplace tfilter-map
            tdrop tdrop-while ttake ttake-while
            tconcatenate tappend-map tdelete-neighbor-duplicates
            tdelete-duplicates tflatten tsegment tpartition
            tadd-between tenumerate tlog))

(define-record-type <nothing>
  (make-nothing)
  nothing?)

;; Stands where no element has been seen yet.
(define nothing (make-nothing))

;;; Reducers

(define rcons
  (case-lambda
    "Collect the elements in a list."
    (() '())
    ((result) (reverse! result))
    ((result element) (cons element result))))

(define reverse-rcons
  (case-lambda
    "Collect the elements in a list, the last first."
    (() '())
    ((result) result)
    ((result element) (cons element result))))

(define rcount
  (case-lambda
    "Count the elements."
    (() 0)
    ((result) result)
    ((result element) (+ result 1))))

(define (rany satisfies?)
  "Return a reducer to the first true value of SATISFIES?, or #f."
  (case-lambda
    (() #f)
    ((result) result)
    ((result element)
     (let ((value (satisfies? element)))
       (if value (reduced value) #f)))))

(define (revery satisfies?)
  "Return a reducer to the last value of SATISFIES? if all are true, or #f."
  (case-lambda
    (() #t)
    ((result) result)
    ((result element)
     (let ((value (satisfies? element)))
       (if value value (reduced #f))))))

;;; Sources

(define-syntax-rule (define-transduce (name source) reduce documentation)
  (define name
    (case-lambda
      ((transducer reducer source)
       documentation
       (name transducer reducer (reducer) source))
      ((transducer reducer initial source)
       (let ((reducer (transducer reducer)))
         (reducer (reduce reducer initial source)))))))

(define-transduce (list-transduce source) list-reduce
  "Return what REDUCER makes of the elements of the list SOURCE, changed by
TRANSDUCER, starting with INITIAL.")

(define-transduce (vector-transduce source) vector-reduce
  "Return what REDUCER makes of the elements of the vector SOURCE.")

(define-transduce (string-transduce source) string-reduce
  "Return what REDUCER makes of the characters of the string SOURCE.")

(define-transduce (bytevector-u8-transduce source) bytevector-u8-reduce
  "Return what REDUCER makes of the bytes of the bytevector SOURCE.")

(define-transduce (generator-transduce source) generator-reduce
  "Return what REDUCER makes of what SOURCE, a thunk, returns up to an
end-of-file object.")

(define port-transduce
  (case-lambda
    ((transducer reducer reader)
     "Return what REDUCER makes of what READER returns up to an end-of-file
object; it is called with the port, if there is one."
     (generator-transduce transducer reducer reader))
    ((transducer reducer reader port)
     (port-transduce transducer reducer (reducer) reader port))
    ((transducer reducer initial reader port)
     (let ((reducer (transducer reducer)))
       (reducer (port-reduce reducer initial reader port))))))

;;; Transducers

(define-syntax-rule (transducer (reducer result element) body)
  ;; A transducer without a state of its own; BODY says what to do with ELEMENT.
  (lambda (reducer)
    (case-lambda
      (() (reducer))
      ((result) (reducer result))
      ((result element) body))))

(define (tmap f)
  "Return a transducer that passes on what F makes of each element."
  (transducer (reducer result element)
    (reducer result (f element))))

(define (tfilter satisfies?)
  "Return a transducer that passes on the elements of which SATISFIES? holds."
  (transducer (reducer result element)
    (if (satisfies? element) (reducer result element) result)))

(define (tremove satisfies?)
  "Return a transducer that passes on the elements of which SATISFIES? does not
hold."
  (tfilter (lambda (element) (not (satisfies? element)))))

(define (tfilter-map f)
  "Return a transducer that passes on what F makes of each element, unless it is
#f."
  (transducer (reducer result element)
    (let ((value (f element)))
      (if value (reducer result value) result))))

(define (make-replacer replacement)
  (cond
   ((list? replacement)
    (lambda (element)
      (let ((pair (assoc element replacement)))
        (if pair (cdr pair) element))))
   ((hash-table? replacement)
    (lambda (element) (hash-ref replacement element element)))
   ((procedure? replacement) replacement)
   (((@ (srfi srfi-69) hash-table?) replacement)
    (lambda (element)
      ((@ (srfi srfi-69) hash-table-ref/default) replacement element element)))
   (((@ (rnrs hashtables) hashtable?) replacement)
    (lambda (element)
      ((@ (rnrs hashtables) hashtable-ref) replacement element element)))
   (else
    (scm-error 'misc-error #f
               "Unsupported mapping in treplace: ~S" (list replacement) #f))))

(define (treplace replacement)
  "Return a transducer that replaces elements by what they have in REPLACEMENT,
an association list, a hash table, or a procedure."
  (let ((replace (make-replacer replacement)))
    (tmap replace)))

(define (tdrop count)
  "Return a transducer that leaves out the first COUNT elements."
  (lambda (reducer)
    (let ((left count))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (set! left (- left 1))
         (if (negative? left) (reducer result element) result))))))

(define (tdrop-while satisfies?)
  "Return a transducer that leaves out the elements before the first of which
SATISFIES? does not hold."
  (lambda (reducer)
    (let ((dropping? #t))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (if (and dropping? (satisfies? element))
             result
             (begin
               (set! dropping? #f)
               (reducer result element))))))))

(define (ttake count)
  "Return a transducer that passes on the first COUNT elements and ends."
  (lambda (reducer)
    (let ((left count))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (set! left (- left 1))
         (let ((result (if (negative? left) result (reducer result element))))
           (if (positive? left) result (ensure-reduced result))))))))

(define* (ttake-while satisfies? #:optional (finish (lambda (result element) result)))
  "Return a transducer that passes on the elements before the first of which
SATISFIES? does not hold, and ends there with what FINISH makes of the result and
that element."
  (lambda (reducer)
    (let ((taking? #t))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (if (and taking? (satisfies? element))
             (reducer result element)
             (begin
               (set! taking? #f)
               (ensure-reduced (finish result element)))))))))

(define (tconcatenate reducer)
  "The transducer that passes on the elements of each element, a list."
  (let ((preserving (preserving-reduced reducer)))
    (case-lambda
      (() (reducer))
      ((result) (reducer result))
      ((result element) (list-reduce preserving result element)))))

(define (tappend-map f)
  "Return a transducer that passes on the elements of the lists that F makes of
each element."
  (compose (tmap f) tconcatenate))

(define (tflatten reducer)
  "The transducer that passes on the elements of each element that is a list, of
lists in it, and so on."
  (let ((step #f))
    (set! step
          (case-lambda
            (() '())
            ((result) (reducer result))
            ((result element)
             (if (list? element)
                 (list-reduce (preserving-reduced step) result element)
                 (reducer result element)))))
    step))

(define* (tdelete-neighbor-duplicates #:optional (same? equal?))
  "Return a transducer that leaves out an element that is SAME? as the one
before it."
  (lambda (reducer)
    (let ((previous nothing))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (if (and (not (nothing? previous)) (same? previous element))
             result
             (begin
               (set! previous element)
               (reducer result element))))))))

(define* (tdelete-duplicates #:optional (same? equal?))
  "Return a transducer that leaves out elements that are SAME? as an earlier
one."
  (define-values (seen? see!)
    (if (memq same? (list eq? eqv? equal?))
        (values (cond ((eq? same? eq?) hashq-get-handle)
                      ((eq? same? eqv?) hashv-get-handle)
                      (else hash-get-handle))
                (cond ((eq? same? eq?) hashq-set!)
                      ((eq? same? eqv?) hashv-set!)
                      (else hash-set!)))
        (values #f #f)))
  (lambda (reducer)
    (let ((table (and seen? (make-hash-table)))
          (elements '()))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (cond
          ((if table
               (seen? table element)
               (or-map (lambda (other) (same? other element)) elements))
           result)
          (else
           (if table
               (see! table element #t)
               (set! elements (cons element elements)))
           (reducer result element))))))))

;; Pass on what has been collected and finish.
(define (flush reducer result collected)
  (if (null? collected)
      (reducer result)
      (reducer (unreduced (reducer result (reverse! collected))))))

(define (tsegment count)
  "Return a transducer that passes on lists of COUNT elements, the last list
being shorter if need be."
  (unless (and (exact-integer? count) (positive? count))
    (scm-error 'misc-error #f
               "argument to tsegment must be a positive integer" '() #f))
  (lambda (reducer)
    (let ((collected '())
          (length 0))
      (case-lambda
        (() (reducer))
        ((result)
         (let ((rest collected))
           (set! collected '())
           (set! length 0)
           (flush reducer result rest)))
        ((result element)
         (set! collected (cons element collected))
         (set! length (+ length 1))
         (if (< length count)
             result
             (let ((segment (reverse! collected)))
               (set! collected '())
               (set! length 0)
               (reducer result segment))))))))

(define (tpartition f)
  "Return a transducer that passes on lists of neighbours for which F gives the
same value."
  (lambda (reducer)
    (let ((previous nothing)
          (collected '()))
      (case-lambda
        (() (reducer))
        ((result)
         (let ((rest collected))
           (set! collected '())
           (set! previous nothing)
           (flush reducer result rest)))
        ((result element)
         (let* ((value (f element))
                (same? (or (nothing? previous) (equal? previous value)))
                (part collected))
           (set! previous value)
           (cond
            (same?
             (set! collected (cons element part))
             result)
            (else
             (set! collected (list element))
             (reducer result (reverse! part))))))))))

(define (tadd-between separator)
  "Return a transducer that puts SEPARATOR between elements."
  (lambda (reducer)
    (let ((first? #t))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (if first?
             (begin
               (set! first? #f)
               (reducer result element))
             (let ((result (reducer result separator)))
               (if (reduced? result)
                   result
                   (reducer result element)))))))))

(define* (tenumerate #:optional (start 0))
  "Return a transducer that passes on pairs of a number, from START on, and the
element."
  (lambda (reducer)
    (let ((number start))
      (case-lambda
        (() (reducer))
        ((result) (reducer result))
        ((result element)
         (let ((pair (cons number element)))
           (set! number (+ number 1))
           (reducer result pair)))))))

(define* (tlog #:optional
               (log (lambda (result element) (write element) (newline))))
  "Return a transducer that passes on the elements after calling LOG with the
result so far and the element."
  (transducer (reducer result element)
    (begin
      (log result element)
      (reducer result element))))
