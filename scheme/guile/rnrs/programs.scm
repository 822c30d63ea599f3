;;; R6RS command line and exit.

(define-module (rnrs programs)
  #:re-export (command-line exit))
