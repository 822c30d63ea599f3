;;; SRFI 45: iterative lazy algorithms.  Guile's core promises are not these:
;;; a `lazy' promise whose expression gives a promise becomes that promise,
;;; in constant space.

(define-module (srfi srfi-45)
  #:use-module (srfi srfi-9)
  #:export (lazy eager)
  #:replace (delay force promise?))

(define-record-type <promise>
  (make-promise state)
  promise?
  (state promise-state set-promise-state!))

;; A promise holds a state, which promises that became one share.
(define-record-type <state>
  (make-state done? value)
  state?
  (done? state-done? set-state-done?!)
  (value state-value set-state-value!))

(define (make-lazy thunk)
  (make-promise (make-state #f thunk)))

(define-syntax-rule (lazy expression)
  ;; A promise of what the promise EXPRESSION gives will give.
  (make-lazy (lambda () expression)))

(define (eager value)
  "Return a promise whose value is VALUE."
  (make-promise (make-state #t value)))

(define-syntax-rule (delay expression)
  ;; A promise of the value of EXPRESSION.
  (lazy (eager expression)))

(define (force promise)
  "Return the value of PROMISE, computing it if nobody has so far."
  (let ((state (promise-state promise)))
    (if (state-done? state)
        (state-value state)
        (let* ((next ((state-value state)))
               (state (promise-state promise)))
          ;; The expression may have forced this promise itself.
          (unless (state-done? state)
            (let ((next-state (promise-state next)))
              (set-state-done?! state (state-done? next-state))
              (set-state-value! state (state-value next-state))
              (set-promise-state! next state)))
          (force promise)))))
