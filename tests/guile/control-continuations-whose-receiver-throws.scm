;; A continuation can be entered also when its receiver has been left by an exception:
;; of the program's, of the machine's, of a native's, through handlers and leaving thunks.
(use-modules (ice-9 exceptions) (ice-9 control))
(define (again-after what thunk)
  (let ((k #f) (times 0))
    (let ((result
           (catch #t
             (lambda ()
               (list 'returned
                     (call/cc (lambda (continue) (set! k continue) (thunk)))))
             (lambda (key . _) key))))
      (set! times (+ times 1))
      (write (list what times result))
      (newline)
      (if (< times 4) (k times)))))
(again-after 'throw (lambda () (throw 'mine 1)))
(again-after 'error (lambda () (error "no")))
(again-after 'car (lambda () (car 1)))
(again-after 'call (lambda () ((vector-ref (vector 1) 0))))
(again-after 'native (lambda () (vector-ref (vector) 3)))
(again-after 'raise (lambda () (raise-exception 'object)))
(again-after 'wind
             (lambda ()
               (dynamic-wind
                 (lambda () (display "in "))
                 (lambda () (throw 'mine))
                 (lambda () (display "out ")))))
(again-after 'handler
             (lambda ()
               (with-exception-handler
                (lambda (e) (display "handled ") 1)
                (lambda () (+ 1 (raise-exception 'object))))))
(again-after 'continuable
             (lambda ()
               (with-exception-handler
                (lambda (e) (display "handled ") 1)
                (lambda () (+ 1 (raise-continuable 'object))))))
;; Each of several that lie within each other, and one that an inner catch stands in.
(let ((ks '()) (times 0))
  (define (deeper n)
    (call/cc (lambda (k)
               (set! ks (cons k ks))
               (if (= n 0) (throw 'deep) (+ 1 (deeper (- n 1)))))))
  (let ((result (catch #t (lambda () (deeper 3)) (lambda (key . _) key))))
    (set! times (+ times 1))
    (write result)
    (newline)
    (if (pair? ks)
        (let ((k (car ks)))
          (set! ks (cdr ks))
          (k times)))))
(write (catch #t
         (lambda ()
           (call/cc (lambda (k)
                      (catch 'inner
                        (lambda () (throw 'outer))
                        (lambda _ 'wrong)))))
         (lambda (key . _) key)))
(newline)
;; Escapes go through, and results come back.
(write (call/cc (lambda (k) (catch #t (lambda () (k 1)) (lambda _ 'wrong)))))
(write (call-with-values (lambda () (call/cc (lambda (k) (k 1 2 3)))) list))
(write (call-with-values (lambda () (call/cc (lambda (k) (values 1 2)))) list))
(write (let/ec leave (for-each (lambda (x) (if (even? x) (leave x))) '(1 3 4 5)) 'none))
(newline)
