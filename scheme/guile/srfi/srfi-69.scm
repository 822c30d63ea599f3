;;; SRFI 69: basic hash tables.
;;;
;;; A table is one of Guile's own and the two procedures that tell it how to
;;; look keys up.  Tables that compare with `eq?', `eqv?', `equal?' or
;;; `string=?' use Guile's hashing whatever hash function they were given;
;;; others use theirs.

(define-module (srfi srfi-69)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (alist->hash-table
            hash-table? hash-table-equivalence-function
            hash-table-hash-function
            hash-table-ref hash-table-ref/default hash-table-set!
            hash-table-delete! hash-table-exists?
            hash-table-update! hash-table-update!/default
            hash-table-size hash-table-keys hash-table-values
            hash-table-walk hash-table-fold hash-table->alist
            hash-table-copy hash-table-merge!
            string-ci-hash hash-by-identity)
  #:re-export (string-hash)
  #:replace (hash make-hash-table hash-table?))

(define core-hash (@ (guile) hash))
(define make-core-table (@ (guile) make-hash-table))

(define-record-type <srfi-69-table>
  (make-table table equivalence hash get-handle create-handle! remove!)
  hash-table?
  (table          table-table set-table-table!)
  (equivalence    hash-table-equivalence-function)
  (hash           hash-table-hash-function)
  (get-handle     table-get-handle)       ;core-table key -> pair or #f
  (create-handle! table-create-handle!)   ;core-table key value -> pair
  (remove!        table-remove!))         ;core-table key

(set-record-type-printer! <srfi-69-table>
  (lambda (table port)
    (display "#<srfi-69-hash-table " port)
    (display (hash-table-size table) port)
    (display ">" port)))

;;; Hashing

(define %default-bound 536870909)

(define* (hash object #:optional (bound %default-bound))
  "Return a hash of OBJECT, compatible with `equal?', less than BOUND."
  (core-hash object bound))

(define* (hash-by-identity object #:optional (bound %default-bound))
  "Return a hash of OBJECT, compatible with `eq?', less than BOUND."
  (hashq object bound))

(define* (string-ci-hash string #:optional (bound %default-bound))
  "Return a hash of STRING that does not depend on case, less than BOUND."
  (core-hash (string-foldcase string) bound))

(define (string-foldcase string)
  (string-downcase (string-upcase string)))

;;; Tables

(define (custom-association equivalence)
  (lambda (key alist)
    (let loop ((alist alist))
      (cond ((null? alist) #f)
            ((equivalence key (car (car alist))) (car alist))
            (else (loop (cdr alist)))))))

(define* (make-hash-table #:optional (equivalence equal?) hash-function #:rest options)
  "Return a new hash table whose keys are compared by EQUIVALENCE (default
`equal?') and hashed by HASH-FUNCTION, a procedure of the key and a bound.
OPTIONS may say #:weak and what is held weakly, `key', `value' or `key-or-value', which
is not done here."
  (let ((weak (memq #:weak options)))
    (if (and weak
             (not (and (pair? (cdr weak)) (memq (cadr weak) '(key value key-or-value #f)))))
        (scm-error 'misc-error "make-hash-table" "Invalid weak hash table type ~S"
                   (list (and (pair? (cdr weak)) (cadr weak))) #f)))
  (let ((table (make-core-table)))
    (cond
     ((eq? equivalence eq?)
      (make-table table equivalence (or hash-function hash-by-identity)
                  hashq-get-handle hashq-create-handle! hashq-remove!))
     ((eq? equivalence eqv?)
      (make-table table equivalence (or hash-function hash)
                  hashv-get-handle hashv-create-handle! hashv-remove!))
     ((or (eq? equivalence equal?) (eq? equivalence string=?))
      (make-table table equivalence
                  (or hash-function
                      (if (eq? equivalence equal?) hash string-hash))
                  hash-get-handle hash-create-handle! hash-remove!))
     (else
      (let* ((function (or hash-function
                           (if (eq? equivalence string-ci=?)
                               string-ci-hash
                               hash)))
             (hash (lambda (key bound) (modulo (function key bound) bound)))
             (assoc (custom-association equivalence)))
        (make-table table equivalence function
                    (lambda (table key)
                      (hashx-get-handle hash assoc table key))
                    (lambda (table key value)
                      (hashx-create-handle! hash assoc table key value))
                    (lambda (table key)
                      (hashx-remove! hash assoc table key))))))))

(define* (alist->hash-table alist #:optional (equivalence equal?) hash-function
                            #:rest options)
  "Return a hash table made as `make-hash-table' does of the keys and values of
ALIST.  The first of equal keys counts."
  (let ((table (make-hash-table equivalence hash-function)))
    (for-each (lambda (pair)
                ((table-create-handle! table)
                 (table-table table) (car pair) (cdr pair)))
              alist)
    table))

(define (get-handle table key)
  ((table-get-handle table) (table-table table) key))

(define* (hash-table-ref table key #:optional
                         (thunk (lambda ()
                                  (scm-error 'misc-error "hash-table-ref"
                                             "key not found: ~S"
                                             (list key) #f))))
  "Return the value of KEY in TABLE, or what THUNK returns; without THUNK,
throw 'misc-error."
  (let ((handle (get-handle table key)))
    (if handle (cdr handle) (thunk))))

(define (hash-table-ref/default table key default)
  "Return the value of KEY in TABLE, or DEFAULT."
  (let ((handle (get-handle table key)))
    (if handle (cdr handle) default)))

(define (hash-table-set! table key value)
  "Make VALUE the value of KEY in TABLE."
  (set-cdr! ((table-create-handle! table) (table-table table) key value)
            value))

(define (hash-table-delete! table key)
  "Take KEY and its value out of TABLE."
  ((table-remove! table) (table-table table) key))

(define (hash-table-exists? table key)
  "Return whether TABLE has a value for KEY."
  (and (get-handle table key) #t))

(define* (hash-table-update! table key change #:optional
                             (thunk (lambda ()
                                      (scm-error 'misc-error "hash-table-update!"
                                                 "key not found: ~S"
                                                 (list key) #f))))
  "Replace the value of KEY in TABLE by what CHANGE makes of it, or of what
THUNK returns when there is none."
  (hash-table-set! table key (change (hash-table-ref table key thunk))))

(define (hash-table-update!/default table key change default)
  "Replace the value of KEY in TABLE by what CHANGE makes of it, or of DEFAULT
when there is none."
  (hash-table-set! table key
                   (change (hash-table-ref/default table key default))))

(define (hash-table-size table)
  "Return how many keys TABLE has."
  (hash-count (const #t) (table-table table)))

(define (hash-table-fold table f seed)
  "Return the last result of F, called with each key, its value, and the result
so far, which starts as SEED."
  (hash-fold f seed (table-table table)))

(define (hash-table-walk table f)
  "Call F with each key of TABLE and its value."
  (hash-for-each f (table-table table)))

(define (hash-table-keys table)
  "Return the keys of TABLE as a list."
  (hash-fold (lambda (key value keys) (cons key keys)) '() (table-table table)))

(define (hash-table-values table)
  "Return the values in TABLE as a list."
  (hash-fold (lambda (key value values) (cons value values))
             '() (table-table table)))

(define (hash-table->alist table)
  "Return the keys of TABLE and their values as an association list."
  (hash-fold (lambda (key value alist) (acons key value alist))
             '() (table-table table)))

(define (hash-table-copy table)
  "Return a new table with the keys and values of TABLE."
  (hash-table-merge! (make-table (make-core-table)
                                 (hash-table-equivalence-function table)
                                 (hash-table-hash-function table)
                                 (table-get-handle table)
                                 (table-create-handle! table)
                                 (table-remove! table))
                     table))

(define (hash-table-merge! table other)
  "Put the keys of OTHER and their values into TABLE, and return TABLE."
  (hash-table-walk other
                   (lambda (key value) (hash-table-set! table key value)))
  table)
