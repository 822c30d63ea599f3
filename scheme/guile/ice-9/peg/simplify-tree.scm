;;; Trees of matches, made simpler.

(define-module (ice-9 peg simplify-tree)
  #:use-module (ice-9 peg)
  #:re-export (context-flatten keyword-flatten)
  #:export (string-collapse))

(define string-collapse (@@ (ice-9 peg) string-collapse))
