;;; (ice-9 ftw): walking trees of files.

(define-module (ice-9 ftw)
  #:re-export (scandir file-system-fold file-system-tree ftw nftw))

(define visited?-proc %visited?-proc)
