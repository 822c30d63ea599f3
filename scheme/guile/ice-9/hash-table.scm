;;; Hash tables from association lists.  The first of equal keys counts.

(define-module (ice-9 hash-table)
  #:export (alist->hash-table
            alist->hashq-table
            alist->hashv-table
            alist->hashx-table))

(define (fill create-handle! alist)
  (let ((table (make-hash-table)))
    (for-each (lambda (pair) (create-handle! table (car pair) (cdr pair))) alist)
    table))

(define (alist->hash-table alist)
  "Return a hash table of ALIST whose keys are compared with `equal?'."
  (fill hash-create-handle! alist))

(define (alist->hashq-table alist)
  "Return a hash table of ALIST whose keys are compared with `eq?'."
  (fill hashq-create-handle! alist))

(define (alist->hashv-table alist)
  "Return a hash table of ALIST whose keys are compared with `eqv?'."
  (fill hashv-create-handle! alist))

(define (alist->hashx-table hash assoc alist)
  "Return a hash table of ALIST whose keys are hashed by HASH and found by
ASSOC."
  (fill (lambda (table key value)
          (hashx-create-handle! hash assoc table key value))
        alist))
