;;; Matching with parsers.

(define-module (ice-9 peg using-parsers)
  #:use-module (ice-9 peg)
  #:re-export (define-peg-pattern match-pattern search-for-pattern
               peg:start peg:end peg:string peg:tree peg:substring peg-record?))
