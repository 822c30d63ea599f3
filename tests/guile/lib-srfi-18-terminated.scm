;;; Threads that are ended from outside, and who joins them.
(use-modules (srfi srfi-18))
(define (joined thread)
  (call/cc
   (lambda (k)
     (with-exception-handler
      (lambda (object)
        (k (if (terminated-thread-exception? object) 'terminated 'another)))
      (lambda () (thread-join! thread))))))
(define unstarted (make-thread (lambda () 'nothing)))
(thread-terminate! unstarted)
(display (joined unstarted)) (newline)
(define mutex (make-mutex))
(mutex-lock! mutex)
(define waiting (thread-start! (make-thread (lambda () (mutex-lock! mutex) 'never))))
(thread-yield!)
(thread-terminate! waiting)
(display (joined waiting)) (newline)
(display (joined (thread-start! (make-thread (lambda () 'result))))) (newline)
;; What ice-9 ftw keeps to itself, with the size that it was given once.
(define visited? ((@@ (ice-9 ftw) visited?-proc) 97))
(display (list (visited? (stat "/") "/") (visited? (stat "/") "/"))) (newline)
