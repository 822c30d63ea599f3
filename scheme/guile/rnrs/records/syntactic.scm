;;; R6RS records, by definitions.
;;;
;;; A record's name is a macro that knows the variables which hold its
;;; record-type descriptor and its constructor descriptor.

(define-module (rnrs records syntactic)
  #:version (6)
  #:use-module (rnrs records procedural)
  #:export (record-type-descriptor record-constructor-descriptor)
  #:replace (define-record-type))

(define-syntax-rule (record-type-descriptor name)
  (name #:type))

(define-syntax-rule (record-constructor-descriptor name)
  (name #:constructor))

(define-syntax define-record-type
  (lambda (form)
    (define (join context . parts)
      (datum->syntax
       context
       (apply symbol-append
              (map (lambda (part)
                     (if (symbol? part) part (syntax->datum part)))
                   parts))))

    (define (bad message subform)
      (syntax-violation 'define-record-type message form subform))

    (define (clause word clauses)
      ;; What stands in the clause that starts with WORD, or #f.
      (cond ((null? clauses) #f)
            (else
             (syntax-case (car clauses) ()
               ((head . rest)
                (eq? (syntax->datum #'head) word)
                #'rest)
               (_ (clause word (cdr clauses)))))))

    (define (first-of clause default)
      (if clause
          (syntax-case clause () ((value . _) #'value) (_ default))
          default))

    ;; Each field as (MUTABILITY NAME ACCESSOR MODIFIER-OR-#f).
    (define (parse-field record field)
      (define (default-accessor name) (join record record '- name))
      (define (default-modifier name) (join record record '- name '-set!))
      (syntax-case field ()
        ((kind name)
         (eq? (syntax->datum #'kind) 'immutable)
         (list #'immutable #'name (default-accessor #'name) #f))
        ((kind name accessor)
         (eq? (syntax->datum #'kind) 'immutable)
         (list #'immutable #'name #'accessor #f))
        ((kind name)
         (eq? (syntax->datum #'kind) 'mutable)
         (list #'mutable #'name (default-accessor #'name)
               (default-modifier #'name)))
        ((kind name accessor modifier)
         (eq? (syntax->datum #'kind) 'mutable)
         (list #'mutable #'name #'accessor #'modifier))
        (name
         (identifier? #'name)
         (list #'immutable #'name (default-accessor #'name) #f))
        (_ (bad "malformed field" field))))

    (define (definitions record constructor predicate clauses)
      (let* ((type (join record '%record-type: record))
             (descriptor (join record '%record-constructor: record))
             (parent (clause 'parent clauses))
             (parent-rtd (clause 'parent-rtd clauses))
             (fields (map (lambda (field) (parse-field record field))
                          (syntax-case (or (clause 'fields clauses) #'()) ()
                            ((field ...) #'(field ...)))))
             (nongenerative (clause 'nongenerative clauses)))
        (when (and parent parent-rtd)
          (bad "both parent and parent-rtd" #f))
        (with-syntax
            ((record record)
             (constructor constructor)
             (predicate predicate)
             (type type)
             (descriptor descriptor)
             (((mutability field accessor _) ...)
              (map (lambda (field)
                     (list (car field) (cadr field) (caddr field) #f))
                   fields))
             ((index ...) (iota (length fields)))
             (((modifier modifier-index) ...)
              (let loop ((fields fields) (index 0))
                (cond ((null? fields) '())
                      ((cadddr (car fields))
                       (cons (list (cadddr (car fields)) index)
                             (loop (cdr fields) (+ index 1))))
                      (else (loop (cdr fields) (+ index 1))))))
             (parent-type
              (cond (parent
                     (with-syntax ((parent (first-of parent #f)))
                       #'(record-type-descriptor parent)))
                    (parent-rtd (first-of parent-rtd #f))
                    (else #f)))
             (parent-descriptor
              (cond (parent
                     (with-syntax ((parent (first-of parent #f)))
                       #'(record-constructor-descriptor parent)))
                    (parent-rtd
                     (syntax-case parent-rtd ()
                       ((rtd rcd) #'rcd)))
                    (else #f)))
             (protocol (first-of (clause 'protocol clauses) #f))
             (sealed? (first-of (clause 'sealed clauses) #f))
             (opaque? (first-of (clause 'opaque clauses) #f))
             (uid (and nongenerative
                       (first-of nongenerative
                                 (datum->syntax record (gensym "record-uid-"))))))
          #'(begin
              (define type
                (make-record-type-descriptor
                 'record parent-type 'uid sealed? opaque?
                 '#((mutability field) ...)))
              (define descriptor
                (make-record-constructor-descriptor
                 type parent-descriptor protocol))
              (define-syntax record
                (lambda (use)
                  (syntax-case use ()
                    ((_ what)
                     (eq? (syntax->datum #'what) #:type)
                     #'type)
                    ((_ what)
                     (eq? (syntax->datum #'what) #:constructor)
                     #'descriptor)
                    (id (identifier? #'id) #'type))))
              (define constructor (record-constructor descriptor))
              (define predicate (record-predicate type))
              (define accessor (record-accessor type index)) ...
              (define modifier (record-mutator type modifier-index)) ...))))

    (syntax-case form ()
      ((_ (record constructor predicate) clause ...)
       (definitions #'record #'constructor #'predicate #'(clause ...)))
      ((_ record clause ...)
       (identifier? #'record)
       (definitions #'record
                    (join #'record 'make- #'record)
                    (join #'record #'record '?)
                    #'(clause ...))))))
