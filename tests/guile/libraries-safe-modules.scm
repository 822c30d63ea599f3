;; Modules that see nothing outside.
(use-modules (ice-9 safe))
(define m (make-safe-module))
(define (try e) (write (catch #t (lambda () (eval e m)) (lambda (k . a) k))) (newline))
(try '(car '(1 2))) (try '(let ((x 1)) (+ x 2))) (try '(open-input-file "/etc/passwd")) (try '(system "ls")) (try '(define y 2)) (try 'y)
(write (catch #t (lambda () (safe-environment 4)) (lambda (k . a) k)))
(write (eq? (safe-environment 5) (resolve-interface '(ice-9 safe-r5rs))))
