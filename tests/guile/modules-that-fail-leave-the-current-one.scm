;; A module whose file fails in the middle.
(define-module (here))
(write (catch #t (lambda () (resolve-interface '(broken in the middle))) (lambda (k . a) k)))
(write (module-name (current-module)))
