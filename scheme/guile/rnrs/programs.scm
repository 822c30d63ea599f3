;;; R6RS command line and exit.

(define-module (rnrs programs)
  #:version (6)
  #:re-export (command-line exit))
