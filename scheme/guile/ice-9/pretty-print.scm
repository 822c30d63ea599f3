;;; (ice-9 pretty-print): values over several lines.

(define-module (ice-9 pretty-print)
  #:re-export (pretty-print truncated-print))
