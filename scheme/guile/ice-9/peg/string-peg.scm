;;; Grammars as text.

(define-module (ice-9 peg string-peg)
  #:use-module (ice-9 peg)
  #:re-export (define-peg-string-patterns)
  #:export (peg-as-peg peg-grammar))

(define peg-as-peg (@@ (ice-9 peg) peg-as-peg))
(define peg-grammar (@@ (ice-9 peg) peg-grammar))
(set-procedure-property! peg-grammar 'documentation
  "Match a grammar in STRING, whose length is given, from POSITION on: return the end and
the tree, or #f.")
