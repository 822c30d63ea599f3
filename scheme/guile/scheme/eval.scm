;;; R7RS evaluation.

(define-module (scheme eval)
  #:use-module ((rnrs eval) #:select (environment))
  #:re-export (environment eval))
