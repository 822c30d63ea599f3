;;; R6RS: what R5RS has besides.

(define-module (rnrs r5rs)
  #:version (6)
  #:re-export (delay exact->inexact force inexact->exact modulo
               null-environment quotient remainder scheme-report-environment))
