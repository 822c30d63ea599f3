(use-modules (ice-9 q))
(define-syntax-rule (err e) (begin (catch #t (lambda () (write e)) (lambda (k . a) (write (cons k a)))) (newline) (force-output)))
(define q (make-q))
(err (deq! q)) (err (q-front q)) (err (enq! q 1)) (err (q-push! q 0)) (write q) (err (q-rear q)) (err (q-pop! q)) (err (q-length q)) (err (q-empty? q)) (err (q? q)) (err (q? '(1 . 2))) (err (q-remove! q 1)) (write q)
