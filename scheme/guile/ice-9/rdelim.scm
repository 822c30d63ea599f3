;;; (ice-9 rdelim): reading lines and delimited text.

(define-module (ice-9 rdelim)
  #:re-export (read-line read-string read-string! read-delimited read-delimited!
               %read-line %read-delimited write-line))
