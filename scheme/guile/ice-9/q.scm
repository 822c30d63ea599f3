;;; Queues: a pair of the list of the elements and the last pair of that list.

(define-module (ice-9 q)
  #:export (sync-q! make-q q? q-empty? q-empty-check
            q-front q-rear q-remove! q-push! enq! q-pop! deq! q-length))

(define (make-q)
  "Return a new queue without elements."
  (cons '() #f))

(define (sync-q! q)
  "Make the cdr of Q the last pair of its list again, and return Q."
  (set-cdr! q (if (pair? (car q)) (last-pair (car q)) #f))
  q)

(define (q? object)
  "Return whether OBJECT is a queue."
  (and (pair? object)
       (if (pair? (car object))
           (eq? (cdr object) (last-pair (car object)))
           (and (null? (car object)) (not (cdr object))))))

(define (q-empty? q)
  "Return whether Q has no elements."
  (null? (car q)))

(define (q-empty-check q)
  "Throw 'q-empty when Q has no elements."
  (when (q-empty? q) (throw 'q-empty q)))

(define (q-front q)
  "Return the first element of Q; throw 'q-empty when there is none."
  (q-empty-check q)
  (car (car q)))

(define (q-rear q)
  "Return the last element of Q; throw 'q-empty when there is none."
  (q-empty-check q)
  (car (cdr q)))

(define (q-remove! q element)
  "Take every occurrence of ELEMENT, compared with `eq?', out of Q, and return Q."
  (set-car! q (delq! element (car q)))
  (sync-q! q))

(define (q-push! q element)
  "Put ELEMENT at the front of Q, and return Q."
  (let ((elements (cons element (car q))))
    (set-car! q elements)
    (unless (cdr q) (set-cdr! q elements))
    q))

(define (enq! q element)
  "Put ELEMENT at the rear of Q, and return Q."
  (let ((last (list element)))
    (if (null? (car q))
        (set-car! q last)
        (set-cdr! (cdr q) last))
    (set-cdr! q last)
    q))

(define (q-pop! q)
  "Take the first element out of Q and return it; throw 'q-empty when there is
none."
  (q-empty-check q)
  (let ((element (car (car q)))
        (rest (cdr (car q))))
    (set-car! q rest)
    (when (null? rest) (set-cdr! q #f))
    element))

(define (deq! q)
  "Take the first element out of Q and return it; throw 'q-empty when there is
none."
  (q-pop! q))

(define (q-length q)
  "Return how many elements Q has."
  (length (car q)))
