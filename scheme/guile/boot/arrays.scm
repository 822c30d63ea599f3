;;; Arrays: what calls procedures.
;;;
;;; Each goes over the elements in the order of the last index first, by number.

(define (%check-procedure name procedure)
  (if (not (procedure? procedure))
      (scm-error 'wrong-type-arg name "Wrong type argument in position ~A: ~S"
                 (list 1 procedure) (list procedure))))

(define (array-for-each procedure array . more)
  "Call PROCEDURE with the elements of ARRAY and those at the same indices of MORE."
  (%check-procedure "array-for-each" procedure)
  (let ((count (%array-count array)))
    (if (null? more)
        (let loop ((number 0))
          (if (< number count)
              (begin
                (procedure (%array-nth array number))
                (loop (+ number 1)))))
        (let ((more (map (lambda (other) (%array-cut "array-for-each" array other))
                         more)))
          (let loop ((number 0))
            (if (< number count)
                (begin
                  (apply procedure (%array-nth array number)
                         (map (lambda (other) (%array-nth other number)) more))
                  (loop (+ number 1)))))))))

(define (%array-map! name target procedure sources)
  (let ((count (%array-count target))
        (sources (map (lambda (source) (%array-cut name target source)) sources)))
    (let loop ((number 0))
      (if (< number count)
          (begin
            (%array-set-nth! target number
                             (apply procedure
                                    (map (lambda (source) (%array-nth source number))
                                         sources)))
            (loop (+ number 1)))))))

(define (array-map! target procedure . sources)
  "Put what PROCEDURE gives for the elements of SOURCES into TARGET."
  (%array-map! "array-map!" target procedure sources))

(define (array-map-in-order! target procedure . sources)
  "Put what PROCEDURE gives for the elements of SOURCES into TARGET, in order."
  (%array-map! "array-map!" target procedure sources))

(define (array-index-map! array procedure)
  "Put what PROCEDURE gives for its indices at each place of ARRAY."
  (let ((count (%array-count array)))
    (let loop ((number 0))
      (if (< number count)
          (begin
            (%array-set-nth! array number
                             (apply procedure (%array-indices array number)))
            (loop (+ number 1)))))))

(define (array-equal? . arrays)
  "Return whether ARRAYS have the same kind, indices and elements."
  (or (null? arrays)
      (let ((first (car arrays)))
        (let loop ((rest (cdr arrays)))
          (or (null? rest)
              (and (array? first)
                   (array? (car rest))
                   (equal? first (car rest))
                   (loop (cdr rest))))))))

(define (array-slice-for-each rank procedure . arrays)
  "Call PROCEDURE with the parts of ARRAYS that the first RANK indices choose."
  (define bounds (list-head (array-shape (car arrays)) rank))
  (let ((short (find (lambda (array)
                       (not (and (>= (array-rank array) rank)
                                 (equal? (list-head (array-shape array) rank) bounds))))
                     arrays)))
    (if short
        (scm-error 'misc-error "array-slice-for-each" "array shape mismatch: ~S"
                   (list (map array-shape arrays)) #f)))
  (let loop ((bounds bounds) (indices '()))
    (if (null? bounds)
        (let ((indices (reverse indices)))
          (apply procedure
                 (map (lambda (array) (apply array-slice array indices)) arrays)))
        (let ((high (cadar bounds)))
          (let next ((index (caar bounds)))
            (if (<= index high)
                (begin
                  (loop (cdr bounds) (cons index indices))
                  (next (+ index 1)))))))))

(define (array-slice-for-each-in-order rank procedure . arrays)
  "Call PROCEDURE with the parts of ARRAYS that the first RANK indices choose, in order."
  (apply array-slice-for-each rank procedure arrays))

(define* (make-generalized-vector type length #:optional (fill *unspecified*))
  "Return a vector of LENGTH elements of TYPE."
  (make-typed-array type fill length))

(define (array-type-code array)
  "Return Guile's number for what the elements of ARRAY are."
  (let loop ((types '(#t a b vu8 u8 s8 u16 s16 u32 s32 u64 s64 f32 f64 c32 c64))
             (code 0))
    (if (eq? (car types) (array-type array))
        code
        (loop (cdr types) (+ code 1)))))
