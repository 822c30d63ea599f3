;;; (ice-9 ftw): walking trees of files.

(define-module (ice-9 ftw)
  #:re-export (scandir file-system-fold file-system-tree ftw nftw))

(define (visited?-proc size)
  "Return a procedure that tells whether it has met a file before; SIZE is not needed."
  (%visited?-proc))
