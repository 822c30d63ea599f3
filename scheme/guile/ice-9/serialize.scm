;;; One at a time: what is serialized runs while nothing else that is does.

(define-module (ice-9 serialize)
  #:use-module (ice-9 threads)
  #:export (call-with-serialization serialize call-with-parallelization parallelize))

(define admin-mutex (make-mutex))
(define owner #f)

(define (call-with-serialization thunk)
  "Call THUNK while no other thread is in such a call."
  (let ((outer owner))
    (dynamic-wind
      (lambda ()
        (unless (eq? outer (current-thread))
          (lock-mutex admin-mutex)
          (set! owner (current-thread))))
      thunk
      (lambda ()
        (unless (eq? outer (current-thread))
          (set! owner #f)
          (unlock-mutex admin-mutex))))))

(define-syntax-rule (serialize expression ...)
  (call-with-serialization (lambda () expression ...)))

(define (call-with-parallelization thunk)
  "Call THUNK while other threads may be serialized."
  (let ((outer owner))
    (dynamic-wind
      (lambda ()
        (when (eq? outer (current-thread))
          (set! owner #f)
          (unlock-mutex admin-mutex)))
      thunk
      (lambda ()
        (when (eq? outer (current-thread))
          (lock-mutex admin-mutex)
          (set! owner outer))))))

(define-syntax-rule (parallelize expression ...)
  (call-with-parallelization (lambda () expression ...)))
