;;; Fruix's metadata as data.
;;;
;;; Metadata are Guile programs or what such programs wrote, and their exact
;;; shapes are not published.  So every shape that a Guile program could
;;; reasonably have written is understood: association lists of pairs or of
;;; lists, a form with a head, keywords and values, a quoted datum, calls of
;;; `list' and `cons', a definition.  What comes out is one thing: an
;;; association list from symbols to data, in which keys are also found when
;;; they are nested, spelt with underscores, or strings.
;;;
;;; Nothing is evaluated here.  `load-metadata' of this module evaluates a file
;;; as a last resort, and only a file that it was given by name.

(define-module (fruix store metadata)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (metadata-error
            forms->metadata
            datum->metadata
            text->forms
            read-metadata
            load-metadata
            forms->metadata-of-file
            metadata-ref
            metadata-strings
            metadata-scalar
            metadata-troubles
            key-line))

(define* (metadata-error procedure message #:key (hint #f) (file #f))
  "Throw 'store-error with MESSAGE, as PROCEDURE; HINT says what to do next, and
FILE is what it is about."
  (throw 'store-error procedure "~A" (list message)
         (append (if file `((file . ,file)) '())
                 (if hint `((hint . ,hint)) '()))))

;;;
;;; From forms to data.
;;;

(define (literal form)
  "Return the datum that the expression FORM stands for when that can be seen
without evaluating it, and FORM itself when it is no expression at all."
  (match form
    (((or 'quote 'quasiquote) datum) datum)
    (('list arguments ...) (map literal arguments))
    (('cons first rest) (cons (literal first) (literal rest)))
    (('cons* arguments ... rest)
     (append (map literal arguments) (literal rest)))
    ((? vector? items) (vector->list items))
    (other other)))

(define (literal? expression)
  "Return true when `literal' knows what EXPRESSION stands for, so that it need
not be evaluated."
  (match expression
    (('quote _) #t)
    (('quasiquote datum)
     (let constant? ((datum datum))
       (match datum
         (((or 'unquote 'unquote-splicing) . _) #f)
         ((first . rest) (and (constant? first) (constant? rest)))
         (_ #t))))
    (((or 'list 'cons 'cons*) arguments ...) (every literal? arguments))
    ((? symbol?) #f)
    (other (not (pair? other)))))

(define (key-name key)
  "Return KEY, a symbol, keyword or string, as a symbol with hyphens and without
a trailing colon; #f when it can be no key."
  (cond ((symbol? key)
         (let ((name (symbol->string key)))
           (cond ((not (key-text? name)) #f)
                 ;; Most are spelt that way already.
                 ((or (string-index name #\_) (string-suffix? ":" name))
                  (key-spelling name))
                 (else key))))
        ((keyword? key) (key-name (keyword->symbol key)))
        ((and (string? key) (key-text? key)) (key-spelling key))
        (else #f)))

(define (key-text? text)
  (not (or (string-null? text)
           (string-prefix? "/" text))))

(define (key-spelling text)
  (string->symbol
   (string-trim-right
    (string-map (lambda (char) (if (char=? char #\_) #\- char)) text)
    #\:)))

(define (entry? item)
  "Return true when ITEM looks like a key and what belongs to it."
  (match item
    (((or 'quote 'quasiquote) _) #f)
    ((key . _) (and (key-name key) #t))
    (_ #f)))

(define (plain form)
  "Return the datum in FORM with expressions and vectors inside it made plain."
  (let ((datum (literal form)))
    (cond ((pair? datum)
           (let loop ((items datum) (result '()))
             (cond ((pair? items)
                    (loop (cdr items) (cons (plain (car items)) result)))
                   ((null? items) (reverse result))
                   (else (append (reverse result) (plain items))))))
          (else datum))))

(define (entry item)
  "Return ITEM, which is an entry, as a key and a datum."
  (cons (key-name (car item))
        (match (cdr item)
          ;; (key . 'datum) and (key 'datum) read alike.
          (((or 'quote 'quasiquote) datum) (plain datum))
          ((form)
           (if (and (pair? form) (memq (car form) '(quote quasiquote list cons cons*)))
               (plain form)
               (list (plain form))))
          (rest (plain rest)))))

(define (keyword-entries items)
  "Return the entries in ITEMS, which is keywords with a value after each; #f when
it is not."
  (let loop ((items items) (entries '()))
    (match items
      (() (and (pair? entries) (reverse entries)))
      (((? keyword? key) value . rest)
       (loop rest (cons (cons (key-name key) (plain value)) entries)))
      (_ #f))))

(define (trailing-colon? item)
  (and (symbol? item)
       (string-suffix? ":" (symbol->string item))))

(define (colon-entries items)
  "Return the entries in ITEMS, in which names that end in a colon stand before
their values, as records print themselves; #f when it is not."
  (let loop ((items items) (entries '()))
    (match items
      (() (and (pair? entries) (reverse entries)))
      (((? trailing-colon? key) value . rest)
       (loop rest (cons (cons (key-name key) (plain value)) entries)))
      (_ #f))))

(define (datum->metadata form)
  "Return the association list that FORM stands for, or #f when it stands for
none."
  (let ((datum (literal form)))
    (cond ((not (pair? datum)) #f)
          ((not (list? datum))
           (and (entry? datum) (list (entry datum))))
          ((keyword-entries datum))
          ((colon-entries datum))
          ((any entry? datum)
           ;; With or without a head.
           (filter-map (lambda (item) (and (entry? item) (entry item))) datum))
          ((symbol? (car datum))
           (or (keyword-entries (cdr datum))
               (colon-entries (cdr datum))
               (and (pair? (cdr datum))
                    (null? (cddr datum))
                    (datum->metadata (cadr datum)))))
          ;; A list around it.
          ((null? (cdr datum))
           (datum->metadata (car datum)))
          (else #f))))

(define (definitions forms)
  "Return what FORMS define, as a list of (NAME . EXPRESSION)."
  (append-map (match-lambda
                (((or 'define 'define-public 'define*) (? symbol? name) expression)
                 (list (cons name expression)))
                (((or 'define 'define-public 'define*) (? symbol? name)
                  (? string?) expression)
                 (list (cons name expression)))
                (('begin forms ...) (definitions forms))
                (_ '()))
              forms))

(define (program? forms)
  "Return true when FORMS are a program rather than a datum."
  (any (match-lambda
         (((or 'define-module 'use-modules 'library 'define-library
               'define 'define-public 'define* 'begin 'eval-when 'let 'let*)
           . _)
          #t)
         (_ #f))
       forms))

(define (best candidates wanted?)
  "Return the metadata in CANDIDATES, a list of (NAME . METADATA or #f), that
WANTED? is true of, or else the first; #f when there is none."
  (let ((candidates (filter cdr candidates)))
    (cond ((find (lambda (candidate) (wanted? (cdr candidate))) candidates) => cdr)
          ((pair? candidates) (cdar candidates))
          (else #f))))

(define* (forms->metadata forms #:key (wanted? (const #t)))
  "Return the metadata that FORMS, a list of top-level forms, stand for, or #f.
When several could be meant, prefer one that WANTED? is true of.  Nothing is
evaluated."
  (if (program? forms)
      (best (map (match-lambda
                   ((name . expression)
                    (cons name (datum->metadata expression))))
                 (definitions forms))
            wanted?)
      (best (cons (cons 'all (and (pair? forms)
                                  (pair? (cdr forms))
                                  (datum->metadata forms)))
                  (map (lambda (form) (cons 'form (datum->metadata form))) forms))
            wanted?)))

;;;
;;; From files.
;;;

(define (error-text key args)
  (match args
    ((_ (? string? message) (? list? arguments) . _)
     (catch #t
       (lambda () (apply simple-format #f message arguments))
       (lambda _ message)))
    (_ (symbol->string key))))

(define (read-forms port cannot)
  "Return the forms that are left in PORT; call CANNOT with a reason and a hint
when it cannot be read or there are none."
  (let ((forms (catch #t
                 (lambda ()
                   (let loop ((forms '()))
                     (let ((form (read port)))
                       (if (eof-object? form)
                           (reverse forms)
                           (loop (cons form forms))))))
                 (lambda (key . args)
                   (if (memq key '(interrupted quit))
                       (apply throw key args)
                       (cannot (error-text key args)
                               "the file must hold Guile data"))))))
    (when (null? forms)
      (cannot "there is nothing in it" "copy it from the closure again"))
    forms))

(define (text->forms text origin)
  "Return the top-level forms in TEXT, which is from ORIGIN, as a list.

Throw 'store-error when TEXT cannot be read or holds nothing."
  (define (cannot reason hint)
    (metadata-error 'text->forms
                    (string-append "cannot read " origin ": " reason)
                    #:hint hint #:file origin))
  (call-with-input-string text
    (lambda (port) (read-forms port cannot))))

(define (read-metadata file)
  "Return the top-level forms of FILE as a list, reading and not evaluating.

Throw 'store-error when FILE is missing, cannot be read, or holds nothing."
  (define (cannot reason hint)
    (metadata-error 'read-metadata
                    (string-append "cannot read `" file "`: " reason)
                    #:hint hint #:file file))
  (unless (file-exists? file)
    (cannot "no such file"
            "name a closure's metadata/store-layout.scm, or the closure"))
  (call-with-input-file file
    (lambda (port) (read-forms port cannot))))

(define (evaluate file names)
  "Return what NAMES are bound to after loading FILE, as an association list."
  (let* ((fresh (make-fresh-user-module))
         (module (save-module-excursion
                  (lambda ()
                    (set-current-module fresh)
                    (primitive-load file)
                    (current-module)))))
    (filter-map (lambda (name)
                  (and (module-variable module name)
                       (cons name (module-ref module name))))
                names)))

(define* (load-metadata file #:key (wanted? (const #t)))
  "Return the metadata in FILE, an association list from symbols to data.  When it
holds several, prefer one that WANTED? is true of.  A file that computes what it
defines is loaded as a program; others are only read.

Throw 'store-error when FILE is missing, cannot be read, or holds no metadata."
  (forms->metadata-of-file (read-metadata file) file wanted?))

(define (forms->metadata-of-file forms file wanted?)
  "Return the metadata in FILE, whose forms FORMS are; see `load-metadata'."
  (define (nothing reason)
    (metadata-error 'load-metadata
                    (string-append "cannot find metadata in `" file "`: " reason)
                    #:hint "an association list, or a definition of one, is understood"
                    #:file file))
  (define (evaluated names)
    (catch #t
      (lambda ()
        (best (map (match-lambda
                     ((name . value) (cons name (datum->metadata value))))
                   (evaluate file names))
              wanted?))
      (lambda (key . args)
        (if (memq key '(interrupted quit))
            (apply throw key args)
            (nothing (string-append "loading it failed: "
                                    (error-text key args)))))))
  (let* ((defined (definitions forms))
         (seen (forms->metadata forms #:wanted? wanted?)))
    (cond ((or (not (program? forms))
               (and seen (wanted? seen) (every literal? (map cdr defined))))
           (or seen (nothing "it is no association list")))
          (else
           (or (evaluated (map car defined))
               (nothing "it defines no association list"))))))

;;;
;;; Questions.
;;;

(define (metadata-ref metadata key)
  "Return what belongs to KEY, a symbol, in METADATA, wherever it is nested, and
#f when nothing does.  Outer entries come before nested ones."
  (hashq-ref (index-of metadata) key))

(define %indexes
  ;; With a million keys, one pass for all questions is what can be afforded.
  (make-weak-key-hash-table))

(define (index-of metadata)
  "Return a hash table from each key in METADATA, wherever it is nested, to what
belongs to it."
  (or (hashq-ref %indexes metadata)
      (let ((index (make-hash-table)))
        (index-level! index metadata)
        (hashq-set! %indexes metadata index)
        index)))

(define (index-level! index entries)
  "Put into INDEX what is in ENTRIES and not yet there: first the keys that are
spelt as they are asked for, then the others, then what is nested."
  (define (add! key datum)
    (unless (hashq-get-handle index key)
      (hashq-set! index key datum)))
  (for-each (match-lambda
              (((? symbol? key) . datum) (add! key datum))
              (_ #f))
            entries)
  (for-each (lambda (item)
              (when (entry? item)
                (let ((key (key-name (car item))))
                  (unless (eq? key (car item))
                    (add! key (cdr item))))))
            entries)
  (for-each (match-lambda
              ((_ . (? pair? nested)) (index-nested! index nested))
              (_ #f))
            entries))

(define (index-nested! index nested)
  "Put into INDEX what is in NESTED when that is a list of entries, or a list
around one.  Nothing is looked at twice, which nesting would multiply."
  (when (list? nested)
    (if (any entry? nested)
        (index-level! index nested)
        (match nested
          (((? list? inner))
           (when (any entry? inner)
             (index-level! index inner)))
          (_ #f)))))

(define (metadata-scalar datum)
  "Return the single value in DATUM, which may stand in lists of one."
  (match datum
    ((datum) (metadata-scalar datum))
    (('quote datum) (metadata-scalar datum))
    (other other)))

(define (metadata-strings datum)
  "Return every string in DATUM, in order, each once."
  (define seen (make-hash-table))
  (let loop ((pending (list datum)) (found '()))
    (match pending
      (() (reverse found))
      (((? string? text) . rest)
       (if (hash-ref seen text)
           (loop rest found)
           (begin
             (hash-set! seen text #t)
             (loop rest (cons text found)))))
      (((first . others) . rest) (loop (cons* first others rest) found))
      (((? vector? items) . rest)
       (loop (append (vector->list items) rest) found))
      ((_ . rest) (loop rest found)))))

(define property-of
  ;; Not every reader remembers where a form stood.
  (module-ref (resolve-module '(guile)) 'source-property (const #f)))

(define (line-of form)
  "Return the line, counted from 1, on which FORM was read, or #f when that is not
known."
  (let ((line (and (pair? form) (property-of form 'line))))
    (and line (+ 1 line))))

(define (items-of forms)
  "Return the lists that FORMS, top-level forms, stand for."
  (filter list?
          (map literal
               (if (program? forms) (map cdr (definitions forms)) forms))))

(define (key-line forms keys)
  "Return the line on which FORMS, top-level forms, have the first entry for one
of KEYS, or #f when that is not known."
  (any (lambda (items)
         (any (lambda (item)
                (and (entry? item)
                     (memq (key-name (car item)) keys)
                     (or (line-of item) (line-of items))))
              items))
       (items-of forms)))

(define (metadata-troubles forms)
  "Return what in FORMS, a list of top-level forms, is no entry of metadata
although its neighbours are: a list of (LINE . TEXT), LINE being #f when it is
not known."
  (append-map
   (lambda (items)
     (if (any entry? items)
         ;; What has no line of its own stands on that of the last that has, or
         ;; further down.
         (let loop ((rest items) (line (line-of items)) (troubles '()))
           (match rest
             (() (reverse troubles))
             ((item . rest)
              (let ((line (or (line-of item) line)))
                (loop rest line
                      (if (or (entry? item)
                              (and (symbol? item) (eq? item (car items))))
                          troubles
                          (cons (cons line
                                      (string-append "no key and value: "
                                                     (shortened item)))
                                troubles)))))))
         '()))
   (items-of forms)))

(define (shortened datum)
  (let ((text (call-with-output-string (lambda (port) (write datum port)))))
    (if (> (string-length text) 60)
        (string-append (string-take text 57) "…")
        text)))
