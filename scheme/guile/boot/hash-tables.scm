;;; Hash tables: what calls procedures.

(define (hash-fold procedure initial table)
  "Call PROCEDURE with each key, its value, and what it gave before."
  (let loop ((handles (%hash-handles table)) (result initial))
    (if (pair? handles)
        (loop (cdr handles)
              (procedure (car (car handles)) (cdr (car handles)) result))
        result)))

(define (hash-for-each procedure table)
  "Call PROCEDURE with each key and its value."
  (let loop ((handles (%hash-handles table)))
    (if (pair? handles)
        (begin
          (procedure (car (car handles)) (cdr (car handles)))
          (loop (cdr handles))))))

(define (hash-for-each-handle procedure table)
  "Call PROCEDURE with each pair of key and value."
  (for-each procedure (%hash-handles table)))

(define (hash-map->list procedure table)
  "Return the list of what PROCEDURE gives for each key and its value."
  (hash-fold (lambda (key value results)
               (cons (procedure key value) results))
             '() table))

(define (hash-count predicate table)
  "Return for how many keys and values PREDICATE holds."
  (hash-fold (lambda (key value total)
               (if (predicate key value) (+ total 1) total))
             0 table))

;;; Tables whose hash and comparison the program brings: buckets in an
;;; ordinary table, by what HASH gives for a large size.

(define (%hashx-handle hash assoc table key)
  (assoc key (hashv-ref table (hash key 1073741789) '())))

(define (hashx-get-handle hash assoc table key)
  "Return the pair of KEY and its value in TABLE, or #f."
  (%hashx-handle hash assoc table key))

(define* (hashx-ref hash assoc table key #:optional (default #f))
  "Return the value of KEY in TABLE, or DEFAULT."
  (let ((handle (%hashx-handle hash assoc table key)))
    (if handle (cdr handle) default)))

(define (hashx-set! hash assoc table key value)
  "Make VALUE the value of KEY in TABLE."
  (let ((handle (%hashx-handle hash assoc table key)))
    (if handle
        (set-cdr! handle value)
        (let ((bucket (hash key 1073741789)))
          (hashv-set! table bucket
                      (cons (cons key value) (hashv-ref table bucket '())))))
    value))

(define (hashx-create-handle! hash assoc table key initial)
  "Return the pair of KEY and its value in TABLE, made with INITIAL when there is none."
  (or (%hashx-handle hash assoc table key)
      (begin
        (hashx-set! hash assoc table key initial)
        (%hashx-handle hash assoc table key))))

(define (hashx-remove! hash assoc table key)
  "Take KEY out of TABLE and return what was its pair, or #f."
  (let ((handle (%hashx-handle hash assoc table key)))
    (if handle
        (let ((bucket (hash key 1073741789)))
          (hashv-set! table bucket
                      (delq handle (hashv-ref table bucket '())))))
    handle))

(define* (alist->hash-table alist #:optional (size 31))
  "Return a table, for hash-ref, of the entries of ALIST."
  (let ((table (make-hash-table size)))
    (for-each (lambda (entry)
                (hash-set! table (car entry) (cdr entry)))
              (reverse alist))
    table))

;;; Properties of objects and procedures.

(define %object-properties (make-weak-key-hash-table))

(define (object-properties object)
  "Return the association list of OBJECT's properties."
  (hashq-ref %object-properties object '()))

(define (set-object-properties! object alist)
  "Make ALIST the properties of OBJECT."
  (hashq-set! %object-properties object alist))

(define (object-property object key)
  "Return the property KEY of OBJECT, or #f."
  (assq-ref (object-properties object) key))

(define (set-object-property! object key value)
  "Make VALUE the property KEY of OBJECT."
  (set-object-properties! object
                          (assq-set! (object-properties object) key value))
  value)

(define (make-object-property)
  "Return a procedure with setter that gives a property of an object."
  (let ((table (make-weak-key-hash-table)))
    (make-procedure-with-setter
     (lambda (object) (hashq-ref table object))
     (lambda (object value) (hashq-set! table object value)))))

(define (symbol-property symbol key)
  "Return the property KEY of SYMBOL, or #f."
  (object-property symbol key))

(define (set-symbol-property! symbol key value)
  "Make VALUE the property KEY of SYMBOL."
  (set-object-property! symbol key value))

(define (symbol-property-remove! symbol key)
  "Remove the property KEY of SYMBOL."
  (set-object-properties! symbol (assq-remove! (object-properties symbol) key)))
