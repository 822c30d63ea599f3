;;; Hash tables: what calls procedures.

(define (hash-fold procedure initial table)
  "Call PROCEDURE with each key, its value, and what it gave before."
  (let loop ((handles (%entries table)) (result initial))
    (if (pair? handles)
        (loop (cdr handles)
              (procedure (car (car handles)) (cdr (car handles)) result))
        result)))

(define (hash-for-each procedure table)
  "Call PROCEDURE with each key and its value."
  (let loop ((handles (%entries table)))
    (if (pair? handles)
        (begin
          (procedure (car (car handles)) (cdr (car handles)))
          (loop (cdr handles))))))

(define (hash-for-each-handle procedure table)
  "Call PROCEDURE with each pair of key and value."
  (for-each procedure (%entries table)))

(define (hash-map->list procedure table)
  "Return the list of what PROCEDURE gives for each key and its value."
  (hash-fold (lambda (key value results)
               (cons (procedure key value) results))
             '() table))

(define (hash-count predicate table)
  "Return for how many keys and values PREDICATE holds."
  (let loop ((handles (%entries table)) (total 0))
    (if (pair? handles)
        (loop (cdr handles)
              (if (predicate (car (car handles)) (cdr (car handles)))
                  (+ total 1)
                  total))
        total)))

;;; Tables whose hash and comparison the program brings: buckets in an
;;; ordinary table, by what HASH gives for a large size.  A bucket is a pair of
;;; %bucket-mark and an association list.

(define %bucket-mark (list 'bucket))

(define (%entries table)
  ;; The pairs of key and value in TABLE, whoever brings hash and comparison.
  (let ((handles (%hash-handles table)))
    (if (and (pair? handles)
             (pair? (cdr (car handles)))
             (eq? (car (cdr (car handles))) %bucket-mark))
        (let loop ((handles handles) (entries '()))
          (if (pair? handles)
              (loop (cdr handles) (append (cdr (cdr (car handles))) entries))
              entries))
        handles)))

(define (%hashx-bucket hash table key)
  (let ((bucket (hashv-ref table (hash key 1073741789) #f)))
    (if bucket (cdr bucket) '())))

(define (%hashx-set-bucket! hash table key entries)
  (let ((slot (hash key 1073741789)))
    (if (pair? entries)
        (hashv-set! table slot (cons %bucket-mark entries))
        (hashv-remove! table slot))))

;; The procedures that hash-ref goes by find what it has put there.
(define (%hashes-as-usual? hasher finder)
  (and (eq? hasher hash) (eq? finder assoc)))

(define (%hashx-handle hash assoc table key)
  (if (%hashes-as-usual? hash assoc)
      (hash-get-handle table key)
      (assoc key (%hashx-bucket hash table key))))

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
    (cond
     (handle (set-cdr! handle value))
     ((%hashes-as-usual? hash assoc) (hash-set! table key value))
     (else
      (%hashx-set-bucket! hash table key
                          (cons (cons key value)
                                (%hashx-bucket hash table key)))))
    value))

(define (hashx-create-handle! hash assoc table key initial)
  "Return the pair of KEY and its value in TABLE, made with INITIAL when there is none."
  (or (%hashx-handle hash assoc table key)
      (and (%hashes-as-usual? hash assoc)
           (hash-create-handle! table key initial))
      (let ((handle (cons key initial)))
        (%hashx-set-bucket! hash table key
                            (cons handle (%hashx-bucket hash table key)))
        handle)))

(define (hashx-remove! hash assoc table key)
  "Take KEY out of TABLE and return what was its pair, or #f."
  (let ((handle (%hashx-handle hash assoc table key)))
    (cond
     ((not handle) #f)
     ((%hashes-as-usual? hash assoc) (hash-remove! table key))
     (else
      (%hashx-set-bucket! hash table key
                          (delq handle (%hashx-bucket hash table key)))))
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
