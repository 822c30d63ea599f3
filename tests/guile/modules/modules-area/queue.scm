(define-library (modules-area queue)
  (export make-queue enqueue! queue? queue->list)
  (import (scheme base))
  (begin
    (define-record-type queue
      (%make items) queue? (items items set-items!))
    (define (make-queue) (%make '()))
    (define (enqueue! q x) (set-items! q (cons x (items q))))
    (define (queue->list q) (reverse (items q)))))
