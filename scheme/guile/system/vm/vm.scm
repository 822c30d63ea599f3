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
  "Call THUNK.  When the stack overflows, return what HANDLER returns.  The
machine's own limit counts, whatever LIMIT says."
  (if (not (exact-integer? limit))
      (scm-error 'wrong-type-arg "call-with-stack-overflow-handler"
                 "Wrong type argument in position ~A: ~S" (list 1 limit) (list limit)))
  (if (not (< 0 limit 18446744073709551616))
      (scm-error 'out-of-range "call-with-stack-overflow-handler"
                 "Value out of range: ~S" (list limit) (list limit)))
  (catch 'stack-overflow
    thunk
    (lambda arguments (handler))))

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
