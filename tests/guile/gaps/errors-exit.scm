;; not yet: `exit-hook` is not there
;; Leaving with exit runs the winds and can be caught.
(define (show x) (write x) (newline))
(show (catch 'quit (lambda () (exit 3)) (lambda (key . args) (list key args))))
(show (catch 'quit (lambda () (exit)) (lambda args args)))
(show (catch 'quit (lambda () (exit #f)) (lambda args args)))
(show (catch 'quit (lambda () (quit 7)) (lambda args args)))
(define out #f)
(catch 'quit (lambda () (dynamic-wind (lambda () #f) (lambda () (exit 1)) (lambda () (set! out 'wound)))) (lambda args #f))
(show out)
(use-modules (ice-9 exceptions))
(show (guard (e ((quit-exception? e) 'quit)) (exit 9)))
(add-hook! exit-hook (lambda () (display "exit hook") (newline)))
(show (hook-empty? exit-hook))
