;;; catch under the name of the times when it had to save the stack.

(define-module (ice-9 stack-catch)
  #:export (stack-catch))

(define (stack-catch key thunk handler . pre-unwind-handler)
  "Call THUNK; return what HANDLER returns for what THUNK throws with KEY."
  (apply catch key thunk handler pre-unwind-handler))
