;;; R7RS read.

(define-module (scheme read)
  #:re-export (read))
