;;; (ice-9 format): format with all its directives.

(define-module (ice-9 format)
  #:re-export (format))
