;;; R6RS exceptions.

(define-module (rnrs exceptions)
  #:version (6)
  #:use-module ((ice-9 exceptions) #:select (guard raise-continuable))
  #:re-export (with-exception-handler guard raise-continuable)
  #:replace (raise))

(define (raise object)
  "Raise OBJECT; no handler may return."
  (raise-exception object))
