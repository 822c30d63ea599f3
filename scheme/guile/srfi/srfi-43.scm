;;; SRFI 43: vector library.
;;;
;;; Procedures that take a function of the index and the elements accept
;;; several vectors and stop at the end of the shortest.

(define-module (srfi srfi-43)
  #:re-export (make-vector vector vector? vector-ref vector-set! vector-length)
  #:export (vector-unfold vector-unfold-right
            vector-reverse-copy
            vector-concatenate
            vector-empty? vector=
            vector-fold vector-fold-right
            vector-map! vector-count
            vector-index vector-index-right
            vector-skip vector-skip-right
            vector-binary-search
            vector-any vector-every
            vector-swap! vector-reverse! vector-reverse-copy!
            reverse-vector->list reverse-list->vector)
  #:replace (vector-copy vector-append vector-fill! vector-map vector-for-each
             vector-copy! vector->list list->vector))

(define core-list->vector (@ (guile) list->vector))

(define (complain procedure expectation value)
  (scm-error 'misc-error #f (string-append procedure ": " expectation " ~S")
             (list value) #f))

(define (out-of-range procedure position value)
  (scm-error 'out-of-range procedure "Argument ~A out of range: ~S"
             (list position value) (list value)))

(define (assert-vector vector procedure)
  (unless (vector? vector)
    (complain procedure "expected vector, got" vector)))

(define (index? value)
  (and (exact-integer? value) (not (negative? value))))

(define (assert-length length procedure)
  (unless (index? length)
    (complain procedure "expected non-negative exact integer, got" length)))

(define (assert-range vector start end procedure)
  (assert-vector vector procedure)
  (unless (and (index? start) (<= start (vector-length vector)))
    (complain procedure "invalid start index" start))
  (unless (and (index? end) (<= start end (vector-length vector)))
    (complain procedure "invalid end index" end)))

(define-syntax-rule (with-range (vector start end procedure) body ...)
  ;; Do BODY with START and END defaulted and checked.
  (let ((end (if end end (vector-length vector))))
    (assert-range vector start end procedure)
    body ...))

(define (shortest vectors)
  (apply min (map vector-length vectors)))

(define (elements vectors index)
  (map (lambda (vector) (vector-ref vector index)) vectors))

;;; Constructors

(define (vector-unfold f length . seeds)
  "Return a vector of LENGTH elements, from the first to the last, each the
first value of F called with the index and the seeds; its other values are the
next seeds.  The seeds start as SEEDS."
  (assert-length length "vector-unfold")
  (let ((result (make-vector length)))
    (cond
     ((null? seeds)
      (let loop ((index 0))
        (when (< index length)
          (vector-set! result index (f index))
          (loop (+ index 1)))))
     ((null? (cdr seeds))
      (let loop ((index 0) (seed (car seeds)))
        (when (< index length)
          (call-with-values (lambda () (f index seed))
            (lambda (element seed)
              (vector-set! result index element)
              (loop (+ index 1) seed))))))
     (else
      (let loop ((index 0) (seeds seeds))
        (when (< index length)
          (call-with-values (lambda () (apply f index seeds))
            (lambda (element . seeds)
              (vector-set! result index element)
              (loop (+ index 1) seeds)))))))
    result))

(define (vector-unfold-right f length . seeds)
  "Return a vector as `vector-unfold' does, filled from the last element to
the first."
  (assert-length length "vector-unfold-right")
  (let ((result (make-vector length)))
    (let loop ((index (- length 1)) (seeds seeds))
      (when (>= index 0)
        (call-with-values (lambda () (apply f index seeds))
          (lambda (element . seeds)
            (vector-set! result index element)
            (loop (- index 1) seeds)))))
    result))

(define* (vector-copy vector #:optional (start 0) end (fill (if #f #f)))
  "Return a new vector of the elements of VECTOR from START (default 0) to END
(default its length).  END may lie beyond the end of VECTOR; the elements that
are not there are FILL."
  (unless (vector? vector)
    (scm-error 'wrong-type-arg "vector-copy"
               "Wrong type argument in position 1: ~S"
               (list vector) (list vector)))
  (let* ((length (vector-length vector))
         (end (or end length)))
    (unless (and (index? start) (<= start length))
      (out-of-range "vector-copy" 2 start))
    (unless (and (index? end) (<= start end))
      (out-of-range "vector-copy" 3 end))
    (let ((result (make-vector (- end start) fill)))
      (copy! result 0 vector start (min end length))
      result)))

(define* (vector-reverse-copy vector #:optional (start 0) end)
  "Return a new vector of the elements of VECTOR from START to END, in reverse."
  (with-range (vector start end "vector-reverse-copy")
    (let ((result (make-vector (- end start))))
      (reverse-copy! result 0 vector start end)
      result)))

(define (vector-append . vectors)
  "Return a new vector of the elements of all VECTORS, in order."
  (vector-concatenate vectors))

(define (vector-concatenate vectors)
  "Return a new vector of the elements of all VECTORS, a list, in order."
  (for-each (lambda (vector) (assert-vector vector "vector-append")) vectors)
  (let ((result (make-vector (apply + (map vector-length vectors)))))
    (let loop ((at 0) (vectors vectors))
      (unless (null? vectors)
        (let ((length (vector-length (car vectors))))
          (copy! result at (car vectors) 0 length)
          (loop (+ at length) (cdr vectors)))))
    result))

;;; Predicates

(define (vector-empty? vector)
  "Return whether VECTOR has no elements."
  (assert-vector vector "vector-empty?")
  (zero? (vector-length vector)))

(define (vector= same? . vectors)
  "Return whether all VECTORS have the same length and elements, compared in
order by SAME?."
  (define (two=? a b)
    (let ((length (vector-length a)))
      (and (= length (vector-length b))
           (let loop ((index 0))
             (or (= index length)
                 (and (same? (vector-ref a index) (vector-ref b index))
                      (loop (+ index 1))))))))
  (for-each (lambda (vector) (assert-vector vector "vector=")) vectors)
  (or (null? vectors)
      (let loop ((first (car vectors)) (rest (cdr vectors)))
        (or (null? rest)
            (and (or (eq? first (car rest)) (two=? first (car rest)))
                 (loop (car rest) (cdr rest)))))))

;;; Iteration

(define (vector-fold kons knil vector . vectors)
  "Return the last result of KONS, called for every index from the first on
with the index, the result so far, which starts as KNIL, and the elements."
  (assert-vector vector "vector-fold")
  (if (null? vectors)
      (let ((length (vector-length vector)))
        (let loop ((index 0) (result knil))
          (if (< index length)
              (loop (+ index 1) (kons index result (vector-ref vector index)))
              result)))
      (let* ((vectors (cons vector vectors))
             (length (shortest vectors)))
        (let loop ((index 0) (result knil))
          (if (< index length)
              (loop (+ index 1)
                    (apply kons index result (elements vectors index)))
              result)))))

(define (vector-fold-right kons knil vector . vectors)
  "Return what `vector-fold' does, going from the last index to the first."
  (assert-vector vector "vector-fold-right")
  (if (null? vectors)
      (let loop ((index (- (vector-length vector) 1)) (result knil))
        (if (>= index 0)
            (loop (- index 1) (kons index result (vector-ref vector index)))
            result))
      (let ((vectors (cons vector vectors)))
        (let loop ((index (- (shortest vectors) 1)) (result knil))
          (if (>= index 0)
              (loop (- index 1)
                    (apply kons index result (elements vectors index)))
              result)))))

(define (map-into! result length f vector vectors)
  (if (null? vectors)
      (let loop ((index 0))
        (when (< index length)
          (vector-set! result index (f index (vector-ref vector index)))
          (loop (+ index 1))))
      (let ((vectors (cons vector vectors)))
        (let loop ((index 0))
          (when (< index length)
            (vector-set! result index
                         (apply f index (elements vectors index)))
            (loop (+ index 1)))))))

(define (vector-map f vector . vectors)
  "Return a new vector of the values of F, called with the index and the
elements of the VECTORS there."
  (assert-vector vector "vector-map")
  (let* ((length (shortest (cons vector vectors)))
         (result (make-vector length)))
    (map-into! result length f vector vectors)
    result))

(define (vector-map! f vector . vectors)
  "Replace the elements of VECTOR by the values of F, called with the index and
the elements of the VECTORS there."
  (assert-vector vector "vector-map!")
  (map-into! vector (shortest (cons vector vectors)) f vector vectors))

(define (vector-for-each f vector . vectors)
  "Call F with each index and the elements of the VECTORS there, in order."
  (assert-vector vector "vector-for-each")
  (if (null? vectors)
      (let ((length (vector-length vector)))
        (let loop ((index 0))
          (when (< index length)
            (f index (vector-ref vector index))
            (loop (+ index 1)))))
      (let* ((vectors (cons vector vectors))
             (length (shortest vectors)))
        (let loop ((index 0))
          (when (< index length)
            (apply f index (elements vectors index))
            (loop (+ index 1)))))))

(define (vector-count satisfies? vector . vectors)
  "Return how often SATISFIES? holds of an index and the elements there."
  (apply vector-fold
         (lambda (index count . elements)
           (if (apply satisfies? index elements) (+ count 1) count))
         0 vector vectors))

;;; Searching

(define (vector-index satisfies? vector . vectors)
  "Return the first index at which SATISFIES? holds of the elements, or #f."
  (assert-vector vector "vector-index")
  (let* ((vectors (cons vector vectors))
         (length (shortest vectors)))
    (let loop ((index 0))
      (cond ((= index length) #f)
            ((apply satisfies? (elements vectors index)) index)
            (else (loop (+ index 1)))))))

(define (vector-index-right satisfies? vector . vectors)
  "Return the last index at which SATISFIES? holds of the elements, or #f."
  (assert-vector vector "vector-index-right")
  (let ((vectors (cons vector vectors)))
    (let loop ((index (- (shortest vectors) 1)))
      (cond ((< index 0) #f)
            ((apply satisfies? (elements vectors index)) index)
            (else (loop (- index 1)))))))

(define (vector-skip satisfies? vector . vectors)
  "Return the first index at which SATISFIES? does not hold, or #f."
  (apply vector-index
         (lambda elements (not (apply satisfies? elements)))
         vector vectors))

(define (vector-skip-right satisfies? vector . vectors)
  "Return the last index at which SATISFIES? does not hold, or #f."
  (apply vector-index-right
         (lambda elements (not (apply satisfies? elements)))
         vector vectors))

(define* (vector-binary-search vector value compare #:optional (start 0) end)
  "Return an index of VALUE in VECTOR, which is in ascending order, or #f.
COMPARE is called with an element and VALUE and returns a negative number, 0
or a positive number."
  (with-range (vector start end "vector-binary-search")
    (let loop ((low start) (high end))
      (and (< low high)
           (let* ((middle (quotient (+ low high) 2))
                  (order (compare (vector-ref vector middle) value)))
             (cond ((zero? order) middle)
                   ((negative? order) (loop (+ middle 1) high))
                   (else (loop low middle))))))))

(define (vector-any satisfies? vector . vectors)
  "Return the first true value of SATISFIES? for the elements, or #f."
  (assert-vector vector "vector-any")
  (let* ((vectors (cons vector vectors))
         (length (shortest vectors)))
    (let loop ((index 0))
      (cond ((= index length) #f)
            ((= (+ index 1) length)
             (apply satisfies? (elements vectors index)))
            ((apply satisfies? (elements vectors index)))
            (else (loop (+ index 1)))))))

(define (vector-every satisfies? vector . vectors)
  "Return the last value of SATISFIES? for the elements if all are true, or #f."
  (assert-vector vector "vector-every")
  (let* ((vectors (cons vector vectors))
         (length (shortest vectors)))
    (let loop ((index 0))
      (cond ((= index length) #t)
            ((= (+ index 1) length)
             (apply satisfies? (elements vectors index)))
            (else
             (and (apply satisfies? (elements vectors index))
                  (loop (+ index 1))))))))

;;; Mutators

(define (vector-swap! vector i j)
  "Exchange the elements of VECTOR at I and J."
  (let ((element (vector-ref vector i)))
    (vector-set! vector i (vector-ref vector j))
    (vector-set! vector j element)))

(define* (vector-fill! vector value #:optional (start 0) end)
  "Make the elements of VECTOR from START to END all VALUE."
  (with-range (vector start end "vector-fill!")
    (let loop ((index start))
      (when (< index end)
        (vector-set! vector index value)
        (loop (+ index 1))))))

(define* (vector-reverse! vector #:optional (start 0) end)
  "Reverse the order of the elements of VECTOR from START to END."
  (with-range (vector start end "vector-reverse!")
    (let loop ((low start) (high (- end 1)))
      (when (< low high)
        (vector-swap! vector low high)
        (loop (+ low 1) (- high 1))))))

(define (copy! target at source start end)
  ;; Copies in the direction that is right for overlapping pieces.
  (if (and (eq? target source) (> at start))
      (let loop ((from (- end 1)))
        (when (>= from start)
          (vector-set! target (+ at (- from start)) (vector-ref source from))
          (loop (- from 1))))
      (let loop ((from start) (to at))
        (when (< from end)
          (vector-set! target to (vector-ref source from))
          (loop (+ from 1) (+ to 1))))))

(define (reverse-copy! target at source start end)
  (let loop ((from (- end 1)) (to at))
    (when (>= from start)
      (vector-set! target to (vector-ref source from))
      (loop (- from 1) (+ to 1)))))

(define (assert-target target at count procedure)
  (assert-vector target procedure)
  (unless (and (index? at) (<= (+ at count) (vector-length target)))
    (out-of-range procedure 2 at)))

(define* (vector-copy! target at source #:optional (start 0) end)
  "Copy the elements of SOURCE from START to END into TARGET, from AT on."
  (with-range (source start end "vector-copy!")
    (assert-target target at (- end start) "vector-copy!")
    (copy! target at source start end)))

(define* (vector-reverse-copy! target at source #:optional (start 0) end)
  "Copy the elements of SOURCE from START to END into TARGET, from AT on, in
reverse order."
  (with-range (source start end "vector-reverse-copy!")
    (assert-target target at (- end start) "vector-reverse-copy!")
    (if (eq? target source)
        (reverse-copy! target at (vector-copy source start end) 0 (- end start))
        (reverse-copy! target at source start end))))

;;; Conversion

(define* (vector->list vector #:optional (start 0) end)
  "Return the elements of VECTOR from START to END as a list."
  (with-range (vector start end "vector->list")
    (let loop ((index (- end 1)) (result '()))
      (if (< index start)
          result
          (loop (- index 1) (cons (vector-ref vector index) result))))))

(define* (reverse-vector->list vector #:optional (start 0) end)
  "Return the elements of VECTOR from START to END as a list, the last first."
  (with-range (vector start end "reverse-vector->list")
    (let loop ((index start) (result '()))
      (if (= index end)
          result
          (loop (+ index 1) (cons (vector-ref vector index) result))))))

(define* (list->vector list #:optional (start 0) end)
  "Return the elements of LIST from START to END as a vector."
  (core-list->vector
   (if (and (eqv? start 0) (not end))
       list
       (let ((rest (list-tail list start)))
         (if end (list-head rest (- end start)) rest)))))

(define* (reverse-list->vector list #:optional (start 0) end)
  "Return the elements of LIST from START to END as a vector, the last first."
  (core-list->vector
   (reverse
    (let ((rest (list-tail list start)))
      (if end (list-head rest (- end start)) rest)))))
