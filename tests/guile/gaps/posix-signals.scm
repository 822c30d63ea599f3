;; not yet: `sigaction` does not set handlers
;; Signals handled in the program.
(define (show x) (write x) (newline))
(define seen '())
(sigaction SIGUSR1 (lambda (s) (set! seen (cons s seen))))
(kill (getpid) SIGUSR1)
(define (wait n) (if (and (null? seen) (> n 0)) (begin (usleep 1000) (wait (- n 1)))))
(wait 1000)
(show (equal? seen (list SIGUSR1)))
(sigaction SIGUSR1 SIG_DFL)
(show (= SIG_DFL (car (sigaction SIGUSR1))))
(sigaction SIGUSR2 SIG_IGN)
(kill (getpid) SIGUSR2)
(show 'survived) (show (sleep 0)) (show (usleep 10)) (show (exact-integer? (alarm 0)))
