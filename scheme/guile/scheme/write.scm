;;; R7RS write.

(define-module (scheme write)
  #:re-export (display write)
  #:export (write-shared write-simple))

(define* (write-simple object #:optional (port (current-output-port)))
  "Write OBJECT, which has no cycles, to PORT."
  (write object port))

;; What occurs more than once in OBJECT, as a table: object -> #f, to become its
;; number once it has been written.
(define (find-shared object)
  (let ((seen (make-hash-table))
        (shared (make-hash-table)))
    (let walk ((object object))
      (when (or (pair? object) (vector? object))
        (if (hashq-ref seen object)
            (hashq-set! shared object 'shared)
            (begin
              (hashq-set! seen object #t)
              (if (pair? object)
                  (begin (walk (car object)) (walk (cdr object)))
                  (let loop ((index 0))
                    (when (< index (vector-length object))
                      (walk (vector-ref object index))
                      (loop (+ index 1)))))))))
    shared))

(define* (write-shared object #:optional (port (current-output-port)))
  "Write OBJECT to PORT, with labels for what occurs in it more than once."
  (let ((shared (find-shared object))
        (next 1))
    ;; Write the label of OBJECT; return whether that is all there is to write.
    (define (write-label object)
      (let ((label (hashq-ref shared object)))
        (cond
         ((not label) #f)
         ((number? label)
          (display "#" port) (display label port) (display "#" port)
          #t)
         (else
          (hashq-set! shared object next)
          (display "#" port) (display next port) (display "=" port)
          (set! next (+ next 1))
          #f))))
    (define (write-tail rest)
      (cond
       ((null? rest) (display ")" port))
       ((and (pair? rest) (not (hashq-ref shared rest)))
        (display " " port)
        (write-one (car rest))
        (write-tail (cdr rest)))
       (else
        (display " . " port)
        (write-one rest)
        (display ")" port))))
    (define (write-one object)
      (cond
       ((pair? object)
        (unless (write-label object)
          (display "(" port)
          (write-one (car object))
          (write-tail (cdr object))))
       ((vector? object)
        (unless (write-label object)
          (display "#(" port)
          (let loop ((index 0))
            (when (< index (vector-length object))
              (unless (zero? index) (display " " port))
              (write-one (vector-ref object index))
              (loop (+ index 1))))
          (display ")" port)))
       (else (write object port))))
    (write-one object)))
