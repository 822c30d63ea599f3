;;; Frames of the stack, which the machine does not show.

(define-module (system vm frame)
  #:export (frame? frame-procedure-name frame-call-representation frame-source
            frame-previous frame-arguments frame-bindings frame-local-ref))

(define (frame? object)
  "Return #f: the machine shows no frames."
  #f)

(define (no-frames procedure)
  (scm-error 'misc-error procedure "the machine shows no frames of its stack" '() #f))

(define (frame-procedure-name frame) "There are no frames." (no-frames "frame-procedure-name"))
(define (frame-call-representation frame . options) "There are no frames." (no-frames "frame-call-representation"))
(define (frame-source frame) "There are no frames." (no-frames "frame-source"))
(define (frame-previous frame) "There are no frames." (no-frames "frame-previous"))
(define (frame-arguments frame) "There are no frames." (no-frames "frame-arguments"))
(define (frame-bindings frame) "There are no frames." (no-frames "frame-bindings"))
(define (frame-local-ref frame index) "There are no frames." (no-frames "frame-local-ref"))
