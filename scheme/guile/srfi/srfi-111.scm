;;; SRFI 111: boxes.

(define-module (srfi srfi-111)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (box box? unbox set-box!))

(define-record-type <box>
  (box value)
  box?
  (value unbox set-box!))

(set-record-type-printer! <box>
  (lambda (box port)
    (display "#<box " port)
    (display (number->string (object-address box) 16) port)
    (display " value: " port)
    (write (unbox box) port)
    (display ">" port)))
