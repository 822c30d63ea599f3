;;; Futures: what may be computed before somebody asks for it.  Here it is
;;; computed when somebody does.

(define-module (ice-9 futures)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (future make-future future? touch))

(define-record-type <future>
  (%make-future state content)
  future?
  (state   future-state set-future-state!)         ;queued, done or failed
  (content future-content set-future-content!))    ;thunk, values, or what was thrown

(set-record-type-printer! <future>
  (lambda (future port)
    (display "#<future " port)
    (display (number->string (object-address future) 16) port)
    (display " " port)
    (display (future-state future) port)
    (display ">" port)))

(define (make-future thunk)
  "Return a future that calls THUNK."
  (%make-future 'queued thunk))

(define-syntax-rule (future expression)
  ;; A future whose value is that of EXPRESSION.
  (make-future (lambda () expression)))

(define (touch future)
  "Return the values of FUTURE, or throw what it threw."
  (when (eq? (future-state future) 'queued)
    (catch #t
      (lambda ()
        (call-with-values (future-content future)
          (lambda values
            (set-future-content! future values)
            (set-future-state! future 'done))))
      (lambda thrown
        (set-future-content! future thrown)
        (set-future-state! future 'failed))))
  (if (eq? (future-state future) 'done)
      (apply values (future-content future))
      (apply throw (future-content future))))
