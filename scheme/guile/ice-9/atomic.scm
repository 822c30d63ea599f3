;;; Atomic boxes.  There is one thread, so every operation is atomic.

(define-module (ice-9 atomic)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (make-atomic-box atomic-box? atomic-box-ref atomic-box-set!
            atomic-box-swap! atomic-box-compare-and-swap!))

(define-record-type <atomic-box>
  (make-atomic-box value)
  atomic-box?
  (value atomic-box-ref atomic-box-set!))

(set-record-type-printer! <atomic-box>
  (lambda (box port)
    (display "#<atomic-box " port)
    (display (number->string (object-address box) 16) port)
    (display " value: " port)
    (write (atomic-box-ref box) port)
    (display ">" port)))

(define (atomic-box-swap! box value)
  "Put VALUE into BOX and return what was there."
  (let ((old (atomic-box-ref box)))
    (atomic-box-set! box value)
    old))

(define (atomic-box-compare-and-swap! box expected value)
  "Put VALUE into BOX if EXPECTED, by `eq?', is there, and return what was there."
  (let ((old (atomic-box-ref box)))
    (when (eq? old expected) (atomic-box-set! box value))
    old))
