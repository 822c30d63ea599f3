;;; XML read to SXML and written from it.
;;;
;;; Source: GNU Guile reference manual, "Reading and Writing XML"; Namespaces in XML 1.0.

(define-module (sxml simple)
  #:use-module (srfi srfi-1)
  #:use-module (ice-9 match)
  #:use-module (ice-9 textual-ports)
  #:export (xml->sxml sxml->xml sxml->string))

;;; Reading.

(define (refuse . parts)
  (apply throw 'parser-error #f parts))

(define blank (char-set #\space #\tab #\newline #\return))

(define (blank? text)
  (string-every blank text))

(define predefined
  '(("lt" . "<") ("gt" . ">") ("amp" . "&") ("quot" . "\"") ("apos" . "'")))

(define (character-of name)
  ;; What #65 or #x41 stands for.
  (let ((number (if (string-prefix? "#x" name)
                    (string->number (substring name 2) 16)
                    (string->number (substring name 1)))))
    (if (and (exact-integer? number)
             (or (<= 0 number 55295) (<= 57344 number 1114111)))
        (string (integer->char number))
        (refuse "no such character: " name))))

(define (expansion-of name entities handler port)
  ;; What the reference to NAME stands for: a string.
  (cond
   ((string-prefix? "#" name) (character-of name))
   ((assoc-ref predefined name))
   ((assq-ref entities (string->symbol name))
    => (lambda (value) (if (procedure? value) (call-with-port (value) get-string-all) value)))
   (handler (handler port (string->symbol name)))
   (else (refuse "[wf-entdeclared] broken for " (string->symbol name)))))

(define (attribute-value text expand)
  ;; References in TEXT expanded, and white space made spaces.
  (let loop ((start 0) (parts '()))
    (let ((reference (string-index text #\& start)))
      (define (plain end)
        (string-map (lambda (char) (if (char-set-contains? blank char) #\space char))
                    (substring text start end)))
      (if reference
          (let ((end (or (string-index text #\; reference)
                         (refuse "reference without an end: " text))))
            (loop (+ end 1)
                  (cons* (expand (substring text (+ reference 1) end))
                         (plain reference)
                         parts)))
          (string-concatenate-reverse (cons (plain (string-length text)) parts))))))

(define (split-name name)
  ;; Prefix, or #f, and local part.
  (let ((colon (string-index name #\:)))
    (if colon
        (values (substring name 0 colon) (substring name (+ colon 1)))
        (values #f name))))

(define (resolve name scope known attribute?)
  ;; The symbol for NAME.  SCOPE is an alist of prefixes, #f for none, and URIs; KNOWN one
  ;; of the symbols that the caller wants for URIs.
  (call-with-values (lambda () (split-name name))
    (lambda (prefix local)
      (let ((uri (cond ((equal? prefix "xml") #f)
                       ((and attribute? (not prefix)) #f)
                       ((assoc prefix scope) => cdr)
                       (prefix (refuse "[nsc-NSDeclared] broken; prefix "
                                       (string->symbol prefix)))
                       (else #f))))
        (cond
         ((not uri) (string->symbol name))
         ((find (lambda (entry) (equal? uri (cdr entry))) known)
          => (lambda (entry)
               (if (car entry)
                   (symbol-append (car entry) ': (string->symbol local))
                   (string->symbol local))))
         (else (string->symbol (string-append uri ":" local))))))))

(define (declared attributes scope expand)
  ;; SCOPE with the namespaces that ATTRIBUTES declare.
  (fold (lambda (attribute scope)
          (let ((name (car attribute))
                (uri (attribute-value (cdr attribute) expand)))
            (cond ((string=? name "xmlns")
                   (acons #f (and (not (string-null? uri)) uri) scope))
                  ((string-prefix? "xmlns:" name)
                   (acons (substring name 6) uri scope))
                  (else scope))))
        scope attributes))

(define (declaration? attribute)
  (or (string=? (car attribute) "xmlns") (string-prefix? "xmlns:" (car attribute))))

(define (after? one other)
  ;; The order of attributes: those with a prefix first, then from Z to A.
  (define (prefixed? attribute)
    (and (string-index (car attribute) #\:) #t))
  (if (eq? (prefixed? one) (prefixed? other))
      (string>? (car one) (car other))
      (prefixed? one)))

(define (instruction text)
  (let ((end (or (string-index text blank) (string-length text))))
    (list '*PI* (string->symbol (substring text 0 end))
          (string-trim text blank end))))

;; NAME, then perhaps SYSTEM "…" or PUBLIC "…" "…", then perhaps [ … ].
(define (parse-doctype text)
  (let* ((bracket (string-index text #\[))
         (head (string-trim-both (if bracket (substring text 0 bracket) text) blank))
         (end (or (string-index head blank) (string-length head)))
         (quoted (filter (lambda (part) (not (blank? part)))
                         (let loop ((rest (substring head end)) (found '()))
                           (let ((open (string-index rest (char-set #\" #\'))))
                             (if open
                                 (let* ((mark (string-ref rest open))
                                        (close (or (string-index rest mark (+ open 1))
                                                   (refuse "bad DOCTYPE: " text))))
                                   (loop (substring rest (+ close 1))
                                         (cons (substring rest (+ open 1) close)
                                               found)))
                                 found))))))
    (values (string->symbol (substring head 0 end))
            (and (pair? quoted) (car quoted))
            (and bracket
                 (substring text (+ bracket 1)
                            (or (string-rindex text #\]) (string-length text)))))))

(define (join-texts items)
  ;; ITEMS, newest first, in order, with strings that touch each other made one.
  (let loop ((items items) (result '()))
    (match items
      (() result)
      (((? string? text) . rest)
       (if (and (pair? result) (string? (car result)))
           (loop rest (cons (string-append text (car result)) (cdr result)))
           (loop rest (cons text result))))
      ((item . rest) (loop rest (cons item result))))))

(define* (xml->sxml #:optional (string-or-port (current-input-port))
                    #:key (namespaces '()) (declare-namespaces? #t)
                    (trim-whitespace? #f) (entities '())
                    (default-entity-handler #f) (doctype-handler #f))
  "Return the document in STRING-OR-PORT, all of which is read, as SXML.  NAMESPACES is
an alist of symbols and the URIs that they stand for in names, #f for no prefix;
with DECLARE-NAMESPACES? the document need not declare them.  ENTITIES is an alist of
symbols and strings; DEFAULT-ENTITY-HANDLER is called with the port and the name of any
other.  DOCTYPE-HANDLER is called with name, identifier and declarations of a document
type and returns options #:entities and #:namespaces.  With TRIM-WHITESPACE?, texts of
white space are left out.  Throw 'parser-error where it is no XML."
  (define port (if (string? string-or-port) #f string-or-port))
  (define events
    (catch 'misc-error
      (lambda ()
        (%xml-events (if port (get-string-all port) string-or-port)))
      (lambda (key procedure message arguments . _)
        (refuse (apply format #f message arguments)))))
  (define (expand name)
    (expansion-of name entities default-entity-handler port))
  (define (finish items)
    (let ((items (join-texts items)))
      (if trim-whitespace?
          (remove (lambda (item) (and (string? item) (blank? item))) items)
          items)))
  ;; OPEN holds, innermost first, the name as written, the head, the scope around and the
  ;; items before, of the elements that are open.
  (let loop ((events events)
             (items '())
             (scope (if declare-namespaces?
                        (filter-map (lambda (entry)
                                      (and (car entry)
                                           (cons (symbol->string (car entry))
                                                 (cdr entry))))
                                    namespaces)
                        '()))
             (open '()))
    (match events
      (()
       (cond ((pair? open) (refuse "EOF while reading a token " "reading char data"))
             ((not (any element? items)) (refuse "XML [22], unexpected EOF"))
             (else (cons '*TOP* (reverse items)))))
      ((('start name . attributes) . rest)
       (if (and (null? open) (any element? items))
           ;; What follows the document's element is not its.
           (loop '() items scope open)
           (let* ((inner (declared attributes scope expand))
                  (attributes
                   (map (lambda (attribute)
                          (list (resolve (car attribute) inner namespaces #t)
                                (attribute-value (cdr attribute) expand)))
                        (sort (remove declaration? attributes) after?)))
                  (head (cons (resolve name inner namespaces #f)
                              (if (null? attributes)
                                  '()
                                  (list (cons '@ attributes))))))
             (loop rest '() inner (cons (list name head scope items) open)))))
      ((('end name) . rest)
       (match open
         (((opened head outer before) . open)
          (loop rest
                (cons (append head (finish items)) before)
                outer open))))
      ((('text text) . rest)
       (cond ((pair? open) (loop rest (cons text items) scope open))
             ((blank? text) (loop rest items scope open))
             ((any element? items) (loop '() items scope open))
             (else (refuse "XML [22], char '" (string-ref text 0) "' unexpected"))))
      ((('reference name) . rest)
       (when (null? open)
         (refuse "reference outside of the document: " name))
       (let ((value (expand name)))
         (loop rest (cons value items) scope open)))
      ((('instruction text) . rest)
       (loop rest (cons (instruction text) items) scope open))
      ((('doctype text) . rest)
       (when doctype-handler
         (call-with-values (lambda () (parse-doctype text))
           (lambda (name identifier declarations)
             (call-with-values
                 (lambda () (doctype-handler name identifier declarations))
               (lambda* (#:key (more '() #:entities) (named '() #:namespaces))
                 (set! entities (append more entities))
                 (set! namespaces (append named namespaces)))))))
       (loop rest items scope open)))))

(define (element? item)
  (and (pair? item) (not (eq? '*PI* (car item)))))

;;; Writing.

(define (put-escaped text port)
  (string-for-each
   (lambda (char)
     (display (case char
                ((#\<) "&lt;")
                ((#\>) "&gt;")
                ((#\&) "&amp;")
                ((#\") "&quot;")
                (else char))
              port))
   text))

(define (check-name name)
  ;; NAME as a string, when it is a qualified name.
  (let ((text (symbol->string name)))
    (define (starts? part)
      (and (not (string-null? part))
           (let ((first (string-ref part 0)))
             (or (char-alphabetic? first)
                 (char=? first #\_)
                 (char>? first #\delete)))))
    (let ((parts (string-split text #\:)))
      (when (> (length parts) 2)
        (scm-error 'misc-error #f "Invalid QName: more than one colon ~S" (list name) #f))
      (unless (every starts? parts)
        (scm-error 'misc-error #f "Invalid name starting character ~S ~S"
                   (list text name) #f))
      text)))

(define (put-attribute attribute port)
  (display " " port)
  (display (check-name (car attribute)) port)
  (display "=\"" port)
  (for-each (lambda (part) (put-value part port)) (cdr attribute))
  (display "\"" port))

(define (put-value value port)
  (cond ((string? value) (put-escaped value port))
        ((procedure? value)
         (put-escaped (with-output-to-string value) port))
        ((list? value) (for-each (lambda (part) (put-value part port)) value))
        ((not (boolean? value))
         (put-escaped (object->string value display) port))))

(define* (sxml->xml tree #:optional (port (current-output-port)))
  "Write TREE, an element, a document or a list of nodes in SXML, to PORT as XML."
  (match tree
    (('*TOP* . nodes) (for-each (lambda (node) (sxml->xml node port)) nodes))
    (('*PI* target . texts)
     (display "<?" port)
     (display target port)
     (for-each (lambda (text)
                 (display " " port)
                 (display text port))
               texts)
     (display "?>" port))
    (('*ENTITY* name)
     (display "&" port)
     (display name port)
     (display ";" port))
    (((? symbol? tag) . kids)
     (let* ((attributes (match kids
                          ((('@ . attributes) . _) attributes)
                          (_ '())))
            (kids (match kids
                    ((('@ . _) . kids) kids)
                    (_ kids)))
            (name (check-name tag)))
       (display "<" port)
       (display name port)
       (for-each (lambda (attribute) (put-attribute attribute port)) attributes)
       (cond ((null? kids) (display " />" port))
             (else
              (display ">" port)
              (for-each (lambda (kid) (sxml->xml kid port)) kids)
              (display "</" port)
              (display name port)
              (display ">" port)))))
    ((? list? nodes) (for-each (lambda (node) (sxml->xml node port)) nodes))
    ((? procedure? thunk) (with-output-to-port port thunk))
    (_ (put-value tree port))))

(define (sxml->string tree)
  "Return the texts in TREE, those of attributes too, without any markup."
  (define (texts tree)
    (cond ((string? tree) (list tree))
          ((not (pair? tree)) '())
          ((symbol? (car tree)) (append-map texts (cdr tree)))
          (else (append-map texts tree))))
  (string-concatenate (texts tree)))
