;;; (ice-9 copy-tree): copies of pairs and vectors, all the way down.

(define-module (ice-9 copy-tree)
  #:re-export (copy-tree))
