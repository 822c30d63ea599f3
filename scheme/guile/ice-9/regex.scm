;;; (ice-9 regex): regular expressions.

(define-module (ice-9 regex)
  #:re-export (string-match regexp-match? regexp-quote
               match:string match:count match:start match:end match:substring
               match:prefix match:suffix fold-matches list-matches
               regexp-substitute regexp-substitute/global))
