;;; R6RS hash tables: Guile's, with the procedures that look keys up in them.

(define-module (rnrs hashtables)
  #:version (6)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:re-export (string-hash)
  #:export (make-eq-hashtable make-eqv-hashtable make-hashtable
            hashtable? hashtable-size hashtable-ref hashtable-set!
            hashtable-delete! hashtable-contains? hashtable-update!
            hashtable-copy hashtable-clear! hashtable-keys hashtable-entries
            hashtable-equivalence-function hashtable-hash-function
            hashtable-mutable?
            equal-hash string-ci-hash)
  #:replace (symbol-hash))

(define-record-type <r6rs-hashtable>
  (make-r6rs-hashtable table equivalence hash mutable?
                       get-handle create-handle! remove!)
  hashtable?
  (table          table-of)
  (equivalence    hashtable-equivalence-function)
  (hash           hashtable-hash-function)        ;#f for eq? and eqv?
  (mutable?       hashtable-mutable?)
  (get-handle     get-handle-of)                  ;table key -> pair or #f
  (create-handle! create-handle-of)               ;table key value -> pair
  (remove!        remove-of))                     ;table key

(set-record-type-printer! <r6rs-hashtable>
  (lambda (hashtable port)
    (display "#<r6rs:hashtable " port)
    (display (number->string (object-address hashtable) 16) port)
    (display " size: " port)
    (display (hashtable-size hashtable) port)
    (display ">" port)))

(define %hash-bound 536870909)

(define (equal-hash object)
  "Return a hash of OBJECT that is compatible with `equal?'."
  (hash object %hash-bound))

(define (string-ci-hash string)
  "Return a hash of STRING that does not depend on case."
  (hash (string-downcase (string-upcase string)) %hash-bound))

(define (symbol-hash symbol)
  "Return a hash of SYMBOL."
  ((@ (guile) symbol-hash) symbol))

(define* (make-eq-hashtable #:optional k)
  "Return a new hash table whose keys are compared by `eq?'.  K is how many keys to
expect."
  (make-r6rs-hashtable (make-hash-table) eq? #f #t
                       hashq-get-handle hashq-create-handle! hashq-remove!))

(define* (make-eqv-hashtable #:optional k)
  "Return a new hash table whose keys are compared by `eqv?'.  K is how many keys
to expect."
  (make-r6rs-hashtable (make-hash-table) eqv? #f #t
                       hashv-get-handle hashv-create-handle! hashv-remove!))

(define* (make-hashtable hash-function equivalence #:optional k)
  "Return a new hash table whose keys are hashed by HASH-FUNCTION and compared by
EQUIVALENCE.  K is how many keys to expect."
  (if (or (and (eq? equivalence equal?) (eq? hash-function equal-hash))
          (and (eq? equivalence string=?) (eq? hash-function string-hash)))
      (make-r6rs-hashtable (make-hash-table) equivalence hash-function #t
                           hash-get-handle hash-create-handle! hash-remove!)
      (let ((hash (lambda (key bound) (modulo (hash-function key) bound)))
            (find (lambda (key alist)
                    (let loop ((alist alist))
                      (cond ((null? alist) #f)
                            ((equivalence key (car (car alist))) (car alist))
                            (else (loop (cdr alist))))))))
        (make-r6rs-hashtable
         (make-hash-table) equivalence hash-function #t
         (lambda (table key) (hashx-get-handle hash find table key))
         (lambda (table key value)
           (hashx-create-handle! hash find table key value))
         (lambda (table key) (hashx-remove! hash find table key))))))

(define (get-handle hashtable key)
  ((get-handle-of hashtable) (table-of hashtable) key))

;; Guile refuses what cannot be changed, in these words.
(define (check-mutable hashtable procedure)
  (unless (hashtable-mutable? hashtable)
    (raise-exception
     (make-exception (make-assertion-failure)
                     (make-exception-with-origin procedure)
                     (make-exception-with-message "Hashtable is immutable.")
                     (make-exception-with-irritants (list hashtable))))))

(define (hashtable-size hashtable)
  "Return how many keys HASHTABLE has."
  (hash-count (const #t) (table-of hashtable)))

(define (hashtable-ref hashtable key default)
  "Return the value of KEY in HASHTABLE, or DEFAULT."
  (let ((handle (get-handle hashtable key)))
    (if handle (cdr handle) default)))

(define (hashtable-set! hashtable key value)
  "Make VALUE the value of KEY in HASHTABLE."
  (check-mutable hashtable "hashtable-set!")
  (set-cdr! ((create-handle-of hashtable) (table-of hashtable) key value)
            value))

(define (hashtable-delete! hashtable key)
  "Take KEY and its value out of HASHTABLE."
  (check-mutable hashtable "hashtable-delete!")
  ((remove-of hashtable) (table-of hashtable) key)
  *unspecified*)

(define (hashtable-contains? hashtable key)
  "Return whether HASHTABLE has a value for KEY."
  (and (get-handle hashtable key) #t))

(define (hashtable-update! hashtable key change default)
  "Replace the value of KEY in HASHTABLE, or DEFAULT, by what CHANGE makes of it."
  (hashtable-set! hashtable key
                  (change (hashtable-ref hashtable key default))))

(define* (hashtable-copy hashtable #:optional mutable?)
  "Return a copy of HASHTABLE, which can be changed if MUTABLE?."
  (let ((copy (make-hash-table)))
    (hash-for-each (lambda (key value)
                     ((create-handle-of hashtable) copy key value))
                   (table-of hashtable))
    (make-r6rs-hashtable copy
                         (hashtable-equivalence-function hashtable)
                         (hashtable-hash-function hashtable)
                         (and mutable? #t)
                         (get-handle-of hashtable)
                         (create-handle-of hashtable)
                         (remove-of hashtable))))

(define* (hashtable-clear! hashtable #:optional k)
  "Take all keys out of HASHTABLE.  K is how many new ones to expect."
  (check-mutable hashtable "hashtable-clear!")
  (hash-clear! (table-of hashtable)))

(define (hashtable-keys hashtable)
  "Return the keys of HASHTABLE as a vector."
  (list->vector (hash-map->list (lambda (key value) key) (table-of hashtable))))

(define (hashtable-entries hashtable)
  "Return the keys of HASHTABLE and their values as two vectors."
  (let ((pairs (hash-map->list cons (table-of hashtable))))
    (values (list->vector (map car pairs))
            (list->vector (map cdr pairs)))))
