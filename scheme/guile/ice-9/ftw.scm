;;; (ice-9 ftw): walking trees of files.

(define-module (ice-9 ftw)
  #:re-export (scandir file-system-fold file-system-tree ftw nftw))

(define (visited?-proc size)
  "Return a procedure that tells whether it was called with a stat of that device
and inode before.  SIZE is how many are expected."
  (let ((seen (make-hash-table size)))
    (lambda (found name)
      (and found
           ;; Where there are no inodes, the name tells.
           (let* ((key (if (eqv? (stat:ino found) 0)
                           name
                           (cons (stat:dev found) (stat:ino found))))
                  (before (hash-ref seen key)))
             (hash-set! seen key #t)
             before)))))
