;; A record in the place of a pair is an error, whatever circles stand in it.
(use-modules (srfi srfi-1) (srfi srfi-9) (srfi srfi-9 gnu) (ice-9 exceptions))
(define ring (let ((p (list 1 2 3))) (set-cdr! (cddr p) p) p))
(define knot (let ((p (list 1 2 3))) (set-car! (cdr p) p) p))
(define hoop (let ((v (vector 1 2 3))) (vector-set! v 1 v) v))
;; As much as there are paths through it, it never ends to look at.
(define doubled (let loop ((i 0) (d '())) (if (= i 200) d (loop (+ i 1) (cons d d)))))
(define-record-type <kept> (kept a b) kept? (a kept-a) (b kept-b))
(define-record-type <node> (node a next) node? (a node-a) (next node-next set-node-next!))
(define-immutable-record-type <vm> (vm name host) vm? (name vm-name) (host vm-host))
(define (key-of thunk) (catch #t thunk (lambda (key . _) key)))
(define records
  (append-map
   (lambda (x)
     (let ((self (node x #f)) (other (node x #f)))
       (set-node-next! self self)
       (set-node-next! other (list (node x other) other x))
       (list (kept x 1) (kept 1 x) (kept x x) (kept (kept x ring) knot) (node x x) self
             other (vm x 1) (vm 1 x) (kept self other) (kept other self) (node self other)
             (vector other self x) (make-exception-with-irritants (list x))
             (make-exception-with-message x))))
   (list ring knot hoop doubled)))
(write (length records))
(newline)
(write (delete-duplicates
        (append-map (lambda (record)
                      (list (key-of (lambda () (car record)))
                            (key-of (lambda () (cdr record)))
                            (key-of (lambda () (+ 1 record)))
                            (key-of (lambda () (record 1)))
                            (key-of (lambda () (vector-length (list record))))))
                    records)))
(newline)
;; What is thrown has the circles, and goes through `car` as well.
(define thrown
  (with-exception-handler (lambda (e) e)
    (lambda () (error "no" ring knot hoop))
    #:unwind? #t))
(write (key-of (lambda () (car thrown))))
(newline)
(write (map (lambda (r) (list (eq? (node-a r) ring) (eq? (node-next (node-next r)) r)))
            (let ((r (node ring #f))) (set-node-next! r (node 1 r)) (list r))))
(newline)
