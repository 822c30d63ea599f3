;;; The machine, as far as programs touch it.

(define-module (system vm vm)
  #:export (call-with-vm call-with-stack-overflow-handler vm? the-vm
            set-vm-trace-level! vm-trace-level
            vm-apply-hook vm-push-continuation-hook vm-pop-continuation-hook
            vm-abort-continuation-hook vm-restore-continuation-hook vm-next-hook
            set-default-vm-engine! set-vm-engine!))

(define (call-with-vm procedure . arguments)
  "Call PROCEDURE with ARGUMENTS; there is one machine."
  (apply procedure arguments))

(define (call-with-stack-overflow-handler limit thunk handler)
  "Call THUNK.  When more calls are under way at once than LIMIT words have room for, but
not fewer than some ten thousand, leave THUNK and call HANDLER.  What HANDLER returns, a
number of words, does not let THUNK go on: 'stack-overflow is thrown again."
  (check-words limit 1)
  (let ((frames #f))
    (catch 'stack-overflow
      (lambda ()
        (dynamic-wind
          (lambda ()
            (%forget-frames)
            (set! frames (%limit-frames (quotient limit words-of-a-frame))))
          thunk
          (lambda () (%limit-frames frames))))
      (lambda overflow
        (check-words (handler) 1)
        (apply throw overflow)))))

;; Of an ordinary call in Guile.
(define words-of-a-frame 4)

(define (check-words words position)
  (if (not (exact-integer? words))
      (scm-error 'wrong-type-arg "call-with-stack-overflow-handler"
                 "Wrong type argument in position ~A: ~S" (list position words) (list words)))
  (if (not (< 0 words 18446744073709551616))
      (scm-error 'out-of-range "call-with-stack-overflow-handler"
                 "Value out of range: ~S" (list words) (list words))))

(define (vm? object)
  "Return #f: the machine is no object."
  #f)

(define (the-vm)
  "Return #f: the machine is no object."
  #f)

(define (vm-trace-level)
  "Return 0: calls are not traced."
  0)

(define (no-hooks procedure)
  (scm-error 'misc-error procedure "the machine has no hooks and one engine" '() #f))

(define (set-vm-trace-level! level) "Calls are not traced." (no-hooks "set-vm-trace-level!"))
(define (vm-apply-hook) "There is none." (no-hooks "vm-apply-hook"))
(define (vm-push-continuation-hook) "There is none." (no-hooks "vm-push-continuation-hook"))
(define (vm-pop-continuation-hook) "There is none." (no-hooks "vm-pop-continuation-hook"))
(define (vm-abort-continuation-hook) "There is none." (no-hooks "vm-abort-continuation-hook"))
(define (vm-restore-continuation-hook) "There is none." (no-hooks "vm-restore-continuation-hook"))
(define (vm-next-hook) "There is none." (no-hooks "vm-next-hook"))
(define (set-default-vm-engine! engine) "There is one." (no-hooks "set-default-vm-engine!"))
(define (set-vm-engine! engine) "There is one." (no-hooks "set-vm-engine!"))
