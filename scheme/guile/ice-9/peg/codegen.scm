;;; From patterns to parsers.

(define-module (ice-9 peg codegen)
  #:use-module (ice-9 peg)
  #:re-export (compile-peg-pattern))
