;;; XML read by parts: tokens, names, attributes, text; and parsers that are made of a
;;; program's own procedures, through which a seed is passed.
;;;
;;; Names of elements and attributes are symbols, or pairs of a prefix and a symbol.  A list of
;;; namespaces has entries (PREFIX USER-PREFIX . URI), where PREFIX is a symbol, *DEFAULT*, or
;;; #f for a namespace that nothing declares yet.
;;;
;;; Source: GNU Guile reference manual, "SSAX"; XML 1.0; Namespaces in XML 1.0.

(define-module (sxml ssax)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-8)
  #:use-module (srfi srfi-11)
  #:use-module (ice-9 match)
  #:use-module (sxml ssax input-parse)
  #:export (current-ssax-error-port with-ssax-error-to-port
            xml-token? xml-token-kind xml-token-head
            make-empty-attlist attlist-add attlist-null? attlist-remove-top
            attlist->alist attlist-fold
            define-parsed-entity! reset-parsed-entity-definitions!
            ssax:uri-string->symbol ssax:skip-internal-dtd ssax:read-pi-body-as-string
            ssax:reverse-collect-str-drop-ws ssax:read-markup-token ssax:read-cdata-body
            ssax:read-char-ref ssax:read-attributes ssax:complete-start-tag
            ssax:read-external-id ssax:read-char-data ssax:xml->sxml)
  #:export-syntax (ssax:make-parser ssax:make-pi-parser ssax:make-elem-parser))

;;; Errors and warnings.

(define (parser-error port message . parts)
  (apply throw 'parser-error port message parts))

(define error-port (make-parameter #f))

(define (current-ssax-error-port)
  "Return the port on which warnings are told."
  (or (error-port) (current-error-port)))

(define (with-ssax-error-to-port port thunk)
  "Call THUNK with warnings told on PORT."
  (parameterize ((error-port port)) (thunk)))

(define (ssax:warn port message . parts)
  (let ((out (current-ssax-error-port)))
    (format out ";;; SSAX warning: ~a~{~a~}\n" message parts)))

;;; Characters.

(define char-newline #\newline)
(define char-return #\return)
(define char-tab #\tab)
(define nl "\n")
(define ascii->char integer->char)
(define char->ascii char->integer)

(define ssax:S-chars (list #\space #\newline #\tab #\return))

(define (ssax:skip-S port)
  ;; Pass white space; the character after it.
  (skip-while ssax:S-chars port))

;;; Tokens.  The kinds: START END PI DECL COMMENT CDSECT ENTITY-REF.

(define (make-xml-token kind head) (cons kind head))

(define (xml-token? object)
  "Return whether OBJECT is a token."
  (pair? object))

(define (xml-token-kind token)
  "Return the kind of TOKEN: START, END, PI, DECL, COMMENT, CDSECT or ENTITY-REF."
  (car token))

(define (xml-token-head token)
  "Return what TOKEN names: an element, a target or an entity."
  (cdr token))

(define (ssax:assert-token token kind name otherwise)
  ;; TOKEN is of KIND and for NAME, or OTHERWISE is called.
  (unless (and (xml-token? token)
               (eq? kind (xml-token-kind token))
               (equal? name (xml-token-head token)))
    (otherwise token kind name)))

;;; Names.

(define (ssax:ncname-starting-char? char)
  (and (char? char)
       (or (char-alphabetic? char) (char=? char #\_))))

(define (ssax:read-NCName port)
  ;; A name without a colon, as a symbol.
  (unless (ssax:ncname-starting-char? (peek-char port))
    (parser-error port "XMLNS [4] for '" (peek-char port) "'"))
  (string->symbol
   (next-token-of (lambda (char)
                    (and (char? char)
                         (or (char-alphabetic? char)
                             (char-numeric? char)
                             (memv char '(#\- #\. #\_)))
                         char))
                  port)))

(define (ssax:read-QName port)
  ;; A name, or the pair of prefix and name.
  (let ((name (ssax:read-NCName port)))
    (if (eqv? (peek-char port) #\:)
        (begin
          (read-char port)
          (cons name (ssax:read-NCName port)))
        name)))

(define ssax:Prefix-XML (string->symbol "xml"))

;; It comes after all others.
(define ssax:largest-unres-name
  (let ((largest (string->symbol "#LARGEST-SYMBOL")))
    (cons largest largest)))

(define (name-compare a b)
  ;; The order of two names: <, > or =.  Names without a prefix come first.
  (define (symbol-compare a b)
    (cond ((eq? a b) '=)
          ((string<? (symbol->string a) (symbol->string b)) '<)
          (else '>)))
  (cond
   ((and (symbol? a) (symbol? b)) (symbol-compare a b))
   ((symbol? a) '<)
   ((symbol? b) '>)
   ((eq? a b) '=)
   ((eq? a ssax:largest-unres-name) '>)
   ((eq? b ssax:largest-unres-name) '<)
   (else
    (let ((order (symbol-compare (car a) (car b))))
      (if (eq? order '=) (symbol-compare (cdr a) (cdr b)) order)))))

;;; Attributes: an association list in the order of names, without doubles.

(define (make-empty-attlist)
  "Return an empty list of attributes."
  '())

(define (attlist-add attlist name-value)
  "Return ATTLIST with NAME-VALUE, a pair, in its place; #f when it has that name already."
  (if (null? attlist)
      (list name-value)
      (case (name-compare (car name-value) (caar attlist))
        ((=) #f)
        ((<) (cons name-value attlist))
        (else
         (let ((rest (attlist-add (cdr attlist) name-value)))
           (and rest (cons (car attlist) rest)))))))

(define (attlist-null? attlist)
  "Return whether ATTLIST is empty."
  (null? attlist))

(define (attlist-remove-top attlist)
  "Return the first pair of ATTLIST, and the others."
  (values (car attlist) (cdr attlist)))

(define (attlist->alist attlist)
  "Return ATTLIST as an association list."
  attlist)

(define (attlist-fold kons knil attlist)
  "Fold KONS over the pairs of ATTLIST, from KNIL."
  (fold kons knil attlist))

;;; Markup.

(define (ssax:read-markup-token port)
  "Read from PORT the beginning of markup, which begins with <, and return the token.  A
comment is read to its end, of a declaration or a start tag its name, of a processing
instruction its target, and an end tag wholly."
  (define (after text)
    ;; TEXT is what comes next.
    (string-for-each (lambda (char) (assert-curr-char (list char) "markup" port)) text))
  (assert-curr-char '(#\<) "start of the token" port)
  (case (peek-char port)
    ((#\/)
     (read-char port)
     (let ((name (ssax:read-QName port)))
       (ssax:skip-S port)
       (assert-curr-char '(#\>) "end of the end tag" port)
       (make-xml-token 'END name)))
    ((#\?)
     (read-char port)
     (make-xml-token 'PI (ssax:read-NCName port)))
    ((#\!)
     (read-char port)
     (case (peek-char port)
       ((#\-)
        (after "--")
        (unless (find-string-from-port? "-->" port)
          (parser-error port "XML [15], no -->"))
        (make-xml-token 'COMMENT #f))
       ((#\[)
        (after "[CDATA[")
        (make-xml-token 'CDSECT #f))
       (else (make-xml-token 'DECL (ssax:read-NCName port)))))
    (else (make-xml-token 'START (ssax:read-QName port)))))

(define (ssax:skip-pi port)
  (unless (find-string-from-port? "?>" port)
    (parser-error port "Failed to find ?> terminating the PI")))

(define (ssax:read-pi-body-as-string port)
  "Read from PORT what follows the target of a processing instruction, to its end, and return
it without the white space before it."
  (ssax:skip-S port)
  (let loop ((parts '()))
    (let ((part (next-token '() '(#\?) "reading PI content" port)))
      (read-char port)
      (if (eqv? (peek-char port) #\>)
          (begin
            (read-char port)
            (string-concatenate-reverse (cons part parts)))
          (loop (cons* "?" part parts))))))

(define (ssax:skip-internal-dtd port)
  "Pass the internal subset of a document type declaration of PORT, to the ]> at its end."
  (unless (find-string-from-port? "]>" port)
    (parser-error port "Failed to find ]> terminating the internal DTD subset")))

(define (ssax:read-cdata-body port str-handler seed)
  "Read from PORT the rest of a CDATA section.  Return SEED after STR-HANDLER has been called
with two strings and the seed so far for each piece; ends of lines are newlines, and &gt;
is >."
  (let loop ((seed seed))
    (let ((text (next-token '() '(#\return #\newline #\] #\&) "reading CDATA" port)))
      (case (read-char port)
        ((#\newline) (loop (str-handler text nl seed)))
        ((#\return)
         (when (eqv? (peek-char port) #\newline)
           (read-char port))
         (loop (str-handler text nl seed)))
        ((#\])
         (if (eqv? (peek-char port) #\])
             (let brackets ((seed (if (string-null? text) seed (str-handler text "" seed))))
               ;; One was read, and one comes.
               (case (peek-next-char port)
                 ((#\]) (brackets (str-handler "]" "" seed)))
                 ((#\>)
                  (read-char port)
                  seed)
                 (else (loop (str-handler "]]" "" seed)))))
             (loop (str-handler text "]" seed))))
        (else
         (let ((name (next-token-of (lambda (char)
                                      (and (char? char)
                                           (or (char-alphabetic? char) (char-numeric? char))
                                           char))
                                    port)))
           (if (and (string=? name "gt") (eqv? (peek-char port) #\;))
               (begin
                 (read-char port)
                 (loop (str-handler text ">" seed)))
               (loop (str-handler name "" (str-handler text "&" seed))))))))))

(define (ssax:read-char-ref port)
  "Read from PORT a reference to a character after its &#, to the semicolon, and return the
character."
  (let* ((base (cond ((eqv? (peek-char port) #\x) (read-char port) 16)
                     (else 10)))
         (text (next-token '() '(#\;) "XML [66]" port))
         (number (string->number text base)))
    (read-char port)
    (if (and (exact-integer? number)
             (or (<= 0 number #xd7ff) (<= #xe000 number #x10ffff)))
        (integer->char number)
        (parser-error port "[wf-Legalchar] broken for '" text "'"))))

;;; Entities.  Each is in an association list: a string, a thunk that returns a port, or #f
;;; while it is being expanded.  An entry *DEFAULT* has a procedure of the port and the name
;;; of any other, which returns a string.

(define predefined
  `((amp . "&") (lt . "<") (gt . ">") (apos . "'") (quot . "\"")))

(define defined predefined)

(define (define-parsed-entity! entity str)
  "Let ENTITY, a symbol, stand for the text STR in all documents."
  (set! defined (acons entity str defined)))

(define (reset-parsed-entity-definitions!)
  "Let only the entities of XML itself stand for something in all documents."
  (set! defined predefined))

(define (ssax:handle-parsed-entity port name entities content-handler str-handler seed)
  ;; What is made of the entity NAME: by CONTENT-HANDLER, of a port, the entities within it and
  ;; the seed, or by STR-HANDLER of the character that it stands for.
  (define (within open)
    (call-with-port (open)
      (lambda (port)
        (content-handler port (acons name #f entities) seed))))
  (match (assq name entities)
    ((_ . (? string? text)) (within (lambda () (open-input-string text))))
    ((_ . (? procedure? open)) (within open))
    ((_ . #f) (parser-error port "[norecursion] broken for " name))
    ((_ . other) (parser-error port "[norecursion] broken for " name other))
    (#f
     (cond
      ((assq name defined)
       => (lambda (entry)
            (str-handler (cdr entry) "" seed)))
      ((assq '*DEFAULT* entities)
       => (lambda (entry)
            (within (lambda () (open-input-string ((cdr entry) port name))))))
      (else (parser-error port "[wf-entdeclared] broken for " name))))))

(define (ssax:read-attributes port entities)
  "Read attributes from PORT, as they stand in a start tag, and return their list.  Values have
their references expanded, by ENTITIES too, and spaces for white space."
  (define breaks '(#\newline #\tab #\return #\& #\<))
  (define (read-value port delimiter entities parts)
    ;; The parts of a value up to DELIMITER, a character or *eof*, before PARTS, last first.
    (let* ((text (next-token '() (cons delimiter breaks) "XML [10]" port))
           (parts (if (string-null? text) parts (cons text parts)))
           (char (read-char port)))
      (cond
       ((or (eof-object? char) (eqv? char delimiter)) parts)
       ((eqv? char #\<) (parser-error port "[CleanAttrVals] broken"))
       ((eqv? char #\&)
        (if (eqv? (peek-char port) #\#)
            (begin
              (read-char port)
              (read-value port delimiter entities
                          (cons (string (ssax:read-char-ref port)) parts)))
            (read-value port delimiter entities
                        (read-entity port entities parts))))
       (else
        (when (and (eqv? char #\return) (eqv? (peek-char port) #\newline))
          (read-char port))
        (read-value port delimiter entities (cons " " parts))))))
  (define (read-entity port entities parts)
    (let ((name (ssax:read-NCName port)))
      (assert-curr-char '(#\;) "XML [68]" port)
      (ssax:handle-parsed-entity
       port name entities
       (lambda (port entities parts) (read-value port '*eof* entities parts))
       (lambda (text following parts)
         (if (string-null? following) (cons text parts) (cons* following text parts)))
       parts)))
  (let loop ((attributes (make-empty-attlist)))
    (if (not (ssax:ncname-starting-char? (ssax:skip-S port)))
        attributes
        (let ((name (ssax:read-QName port)))
          (ssax:skip-S port)
          (assert-curr-char '(#\=) "XML [25]" port)
          (ssax:skip-S port)
          (let* ((delimiter (assert-curr-char '(#\' #\") "XML [10]" port))
                 (value (string-concatenate-reverse
                         (read-value port delimiter entities '()))))
            (loop (or (attlist-add attributes (cons name value))
                      (parser-error port "[uniqattspec] broken for " name))))))))

;;; Start tags.

(define (ssax:uri-string->symbol uri-str)
  "Return the symbol for URI-STR."
  (string->symbol uri-str))

(define (ssax:resolve-name port name namespaces default?)
  ;; NAME as NAMESPACES have it; with DEFAULT? the default namespace counts.
  (cond
   ((pair? name)
    (cons (cond ((assq (car name) namespaces) => cadr)
                ((eq? (car name) ssax:Prefix-XML) ssax:Prefix-XML)
                (else (parser-error port "[nsc-NSDeclared] broken; prefix " (car name))))
          (cdr name)))
   (default?
    (match (assq '*DEFAULT* namespaces)
      ((_ (? symbol? prefix) . _) (cons prefix name))
      (_ name)))
   (else name)))

(define (ssax:complete-start-tag tag-head port elems entities namespaces)
  "Read from PORT the rest of the start tag of TAG-HEAD.  Return the name of the element, its
attributes, both resolved, the namespaces within it, and what it holds: EMPTY-TAG for a tag
that ends the element, too; ANY where ELEMS, declarations (NAME CONTENT ATTRIBUTES), are #f, and
what they say otherwise."
  (define declared (and elems (assoc tag-head elems)))
  (define given (ssax:read-attributes port entities))
  (define (end-of-tag)
    (ssax:skip-S port)
    (if (eqv? #\/ (assert-curr-char '(#\> #\/) "XML [40], XML [44], no '>'" port))
        (begin
          (assert-curr-char '(#\>) "XML [44], no '>'" port)
          'EMPTY-TAG)
        #f))
  (let*-values
      (((empty) (end-of-tag))
       ((content)
        (cond (empty)
              (declared (cadr declared))
              (elems (parser-error port "[elementvalid] broken, no decl for " tag-head))
              (else 'ANY)))
       ((attributes)
        (if declared
            (reverse (validated port given (caddr declared)))
            given))
       ((others namespaces) (split-declarations port attributes namespaces)))
    (values
     (ssax:resolve-name port tag-head namespaces #t)
     (fold (lambda (attribute attlist)
             (or (attlist-add attlist
                              (cons (ssax:resolve-name port (car attribute) namespaces #f)
                                    (cdr attribute)))
                 (parser-error port "[uniqattspec] after NS expansion broken for "
                               attribute)))
           (make-empty-attlist)
           others)
     namespaces
     content)))

(define (validated port attlist declarations)
  ;; ATTLIST with defaults, each as DECLARATIONS, (NAME TYPE USE DEFAULT), allow.
  (define (check! value declaration)
    (match declaration
      ((name type use default)
       (when (and (pair? type) (not (member value type)))
         (parser-error port "[enum] broken for " name "=" value))
       (when (and (eq? use 'FIXED) (not (equal? value default)))
         (parser-error port "[FixedAttr] broken for " name)))))
  (for-each (lambda (attribute)
              (unless (or (assoc (car attribute) declarations)
                          (namespace-declaration? (car attribute))
                          (and (pair? (car attribute))
                               (eq? (caar attribute) ssax:Prefix-XML)))
                (parser-error port "[ValueType] broken for " attribute)))
            attlist)
  (fold (lambda (declaration attlist)
          (match declaration
            ((name type use default)
             (match (assoc name attlist)
               ((_ . value)
                (check! value declaration)
                attlist)
               (#f
                (cond ((eq? use 'REQUIRED)
                       (parser-error port "[RequiredAttr] broken for" name))
                      (default (attlist-add attlist (cons name default)))
                      (else attlist)))))))
        attlist
        declarations))

(define xmlns (string->symbol "xmlns"))

(define (namespace-declaration? name)
  (or (eq? name xmlns)
      (and (pair? name) (eq? (car name) xmlns))))

(define (split-declarations port attlist namespaces)
  ;; The attributes that declare no namespace, and NAMESPACES with those that do.
  (let loop ((attlist attlist) (others '()) (namespaces namespaces))
    (match attlist
      (() (values (reverse others) namespaces))
      ((((? namespace-declaration? name) . uri) . rest)
       (let ((prefix (if (pair? name) (cdr name) '*DEFAULT*)))
         (when (and (string-null? uri) (pair? name))
           (parser-error port "[dt-NSName] broken for " prefix))
         (loop rest others
               (cons (if (string-null? uri)
                         (cons* prefix #f #f)
                         (let* ((uri (ssax:uri-string->symbol uri))
                                (known (find (lambda (entry) (eq? uri (cddr entry)))
                                             namespaces)))
                           (cons* prefix (if known (cadr known) uri) uri)))
                     namespaces))))
      ((attribute . rest) (loop rest (cons attribute others) namespaces)))))

(define (ssax:read-external-id port)
  "Read from PORT the identifier of something external, after SYSTEM or PUBLIC and an
identifier, and return it, a string."
  (define (literal)
    (let* ((delimiter (assert-curr-char '(#\' #\") "XML [11], XML [12]" port))
           (text (next-token '() (list delimiter) "XML [11]" port)))
      (read-char port)
      text))
  (case (ssax:read-NCName port)
    ((SYSTEM)
     (ssax:skip-S port)
     (literal))
    ((PUBLIC)
     (ssax:skip-S port)
     (literal)
     (ssax:skip-S port)
     (literal))
    (else => (lambda (word)
               (parser-error port "XML [75], " word " rather than SYSTEM or PUBLIC")))))

;;; Text.

(define (ssax:scan-Misc port)
  ;; The first token that is no comment, with white space before it passed.
  (if (eof-object? (ssax:skip-S port))
      (peek-char port)
      (if (eqv? (peek-char port) #\<)
          (let ((token (ssax:read-markup-token port)))
            (if (eq? 'COMMENT (xml-token-kind token))
                (ssax:scan-Misc port)
                token))
          (parser-error port "XML [22], char '" (peek-char port) "' unexpected"))))

(define (ssax:read-char-data port expect-eof? str-handler seed)
  "Read text from PORT, through comments and CDATA sections, up to the next other token.
Return SEED after STR-HANDLER has been called with two strings and the seed so far for each
piece, of which the second is the end of a line or empty; and return the token, which is the
end of file only where EXPECT-EOF? is true."
  (define breaks
    (if expect-eof? '(#\< #\& #\return *eof*) '(#\< #\& #\return)))
  (let loop ((seed seed))
    (let* ((text (next-token '() breaks "reading char data" port))
           (seed* (if (string-null? text) seed (str-handler text "" seed))))
      (case (peek-char port)
        ((#\<)
         (let ((token (ssax:read-markup-token port)))
           (case (xml-token-kind token)
             ((CDSECT) (loop (ssax:read-cdata-body port str-handler seed*)))
             ((COMMENT) (loop seed*))
             (else (values seed* token)))))
        ((#\&)
         (if (eqv? (peek-next-char port) #\#)
             (begin
               (read-char port)
               (loop (str-handler text (string (ssax:read-char-ref port)) seed)))
             (let ((name (ssax:read-NCName port)))
               (assert-curr-char '(#\;) "XML [68]" port)
               (values seed* (make-xml-token 'ENTITY-REF name)))))
        ((#\return)
         (when (eqv? (peek-next-char port) #\newline)
           (read-char port))
         (loop (str-handler text nl seed)))
        (else (values seed* (peek-char port)))))))

(define (ssax:reverse-collect-str fragments)
  ;; FRAGMENTS, last one first, in their order, with strings that touch joined.
  (let loop ((fragments fragments) (result '()) (strings '()))
    (define (joined)
      (if (null? strings) result (cons (string-concatenate strings) result)))
    (match fragments
      (() (joined))
      (((? string? text) . rest) (loop rest result (cons text strings)))
      ((fragment . rest) (loop rest (cons fragment (joined)) '())))))

(define (ssax:reverse-collect-str-drop-ws fragments)
  "Return FRAGMENTS, last one first, in their order, with strings that touch joined, and
without those that are white space only."
  (match fragments
    (() '())
    (((? string? text)) (if (blank? text) '() fragments))
    (_ (remove (lambda (fragment) (and (string? fragment) (blank? fragment)))
               (ssax:reverse-collect-str fragments)))))

(define (blank? text)
  (string-every (lambda (char) (memv char ssax:S-chars)) text))

;;; Parsers.

(define-syntax ssax:make-pi-parser
  (lambda (form)
    "Return a procedure of a port, a target and a seed, which reads the rest of a processing
instruction by the handler for its target, in the list ((TARGET . HANDLER) …), or by that for
*DEFAULT*; without one, it is passed."
    (syntax-case form ()
      ((_ ((target . handler) ...))
       #'(pi-parser (list (cons 'target handler) ...))))))

(define (pi-parser handlers)
  (lambda (port target seed)
    (match (or (assq target handlers) (assq '*DEFAULT* handlers))
      ((_ . handler) (handler port target seed))
      (#f
       (ssax:warn port "Skipping PI: " target nl)
       (ssax:skip-pi port)
       seed))))

(define-syntax ssax:make-elem-parser
  (lambda (form)
    "Return a procedure that parses an element whose start tag has been begun: of its name, a
port, declarations of elements or #f, entities, namespaces, whether white space is kept, and a
seed; it returns the seed.  NEW-LEVEL-SEED is called with name, attributes, namespaces, what the
element holds and the seed, and returns the seed within it; FINISH-ELEMENT with name,
attributes, namespaces, the seed before it and the one at its end; CHAR-DATA-HANDLER with two
strings and the seed.  PI-HANDLERS is a list as `ssax:make-pi-parser' takes it."
    (syntax-case form ()
      ((_ new-level-seed finish-element char-data-handler pi-handlers)
       #'(element-parser new-level-seed finish-element char-data-handler
                         (ssax:make-pi-parser pi-handlers))))))

(define (element-parser new-level-seed finish-element char-data-handler parse-pi)
  (define (parse head port elems entities namespaces keep? seed)
    ;; White space is the program's matter, whatever KEEP? says.
    (let*-values (((name attributes namespaces content)
                   (ssax:complete-start-tag head port elems entities namespaces))
                  ((within) (new-level-seed name attributes namespaces content seed)))
      (define (finish seed-at-end)
        (finish-element name attributes namespaces seed seed-at-end))
      (case content
        ((EMPTY-TAG) (finish within))
        ((EMPTY)
         (ssax:assert-token (and (eqv? #\< (ssax:skip-S port))
                                 (ssax:read-markup-token port))
                            'END head
                            (lambda (token kind name)
                              (parser-error port "[elementvalid] broken for " token
                                            " while expecting " kind name)))
         (finish within))
        (else
         (finish (parse-content port head elems entities namespaces content #f within))))))
  (define (parse-content port head elems entities namespaces content entity? seed)
    ;; The seed at the end tag of HEAD, or at the end of an entity.
    (let loop ((seed seed))
      (receive (seed token) (ssax:read-char-data port entity? char-data-handler seed)
        (if (eof-object? token)
            seed
            (case (xml-token-kind token)
              ((END)
               (if entity?
                   (parser-error port "[GIMatch] broken: an entity ends an element "
                                 (xml-token-head token))
                   (ssax:assert-token
                    token 'END head
                    (lambda (token kind name)
                      (parser-error port "[GIMatch] broken for " token " while expecting "
                                    kind name))))
               seed)
              ((PI) (loop (parse-pi port (xml-token-head token) seed)))
              ((ENTITY-REF)
               (loop (ssax:handle-parsed-entity
                      port (xml-token-head token) entities
                      (lambda (port entities seed)
                        (parse-content port head elems entities namespaces content #t
                                       seed))
                      char-data-handler
                      seed)))
              ((START)
               (when (eq? content 'PCDATA)
                 (parser-error port "[elementvalid] broken for " head
                               " with char content only; unexpected token " token))
               (loop (parse (xml-token-head token) port elems entities namespaces #f seed)))
              (else
               (parser-error port "XML [43] broken for " token)))))))
  parse)

(define-syntax ssax:define-labeled-arg-macro
  (lambda (form)
    ;; (NAME (POSITIONAL (LABEL DEFAULT) …)): NAME takes LABEL VALUE … in any order, and is
    ;; POSITIONAL with the values in the order given here.  A label without a default is
    ;; wanted.
    (syntax-case form ()
      ((_ name (positional (label . default) ...))
       #'(define-syntax name
           (lambda (form)
             (define (value-of wanted otherwise pairs)
               (syntax-case pairs ()
                 ((given value . rest)
                  (if (eq? (syntax->datum #'given) wanted)
                      #'value
                      (value-of wanted otherwise #'rest)))
                 (_
                  (syntax-case otherwise ()
                    ((value) #'value)
                    (() (syntax-violation (syntax->datum #'name) "an argument is missing"
                                          form wanted))))))
             (syntax-case form ()
               ((_ . pairs)
                (with-syntax ((values (list (value-of 'label #'default #'pairs) ...)))
                  #'(positional . values))))))))))

(define-syntax ssax:make-parser/positional-args
  (syntax-rules ()
    ((_ doctype undeclared-root declared-root new-level-seed finish-element
        char-data-handler pi-handlers)
     (document-parser doctype undeclared-root declared-root
                      (ssax:make-elem-parser new-level-seed finish-element
                                             char-data-handler pi-handlers)
                      (ssax:make-pi-parser pi-handlers)))))

(ssax:define-labeled-arg-macro
 ssax:make-parser
 (ssax:make-parser/positional-args
  (DOCTYPE skip-doctype)
  (UNDECL-ROOT (lambda (name seed) (values #f '() '() seed)))
  (DECL-ROOT (lambda (name seed) seed))
  (NEW-LEVEL-SEED)
  (FINISH-ELEMENT)
  (CHAR-DATA-HANDLER)
  (PI ())))

(define (skip-doctype port name system-id internal-subset? seed)
  (when internal-subset?
    (ssax:warn port "Internal DTD subset is not currently handled ")
    (ssax:skip-internal-dtd port))
  (ssax:warn port "DOCTYPE DECL " name " " system-id " found and skipped")
  (values #f '() '() seed))

(define (document-parser doctype undeclared-root declared-root parse-element parse-pi)
  ;; A procedure of a port and a seed, which parses a document up to the end of its root.
  (define (before-root port seed receiver)
    ;; RECEIVER gets the token after processing instructions, and the seed.
    (let ((token (ssax:scan-Misc port)))
      (cond
       ((eof-object? token) (parser-error port "XML [22], unexpected EOF"))
       ((eq? 'PI (xml-token-kind token))
        (before-root port (parse-pi port (xml-token-head token) seed) receiver))
       (else (receiver token seed)))))
  (define (root token port elems entities namespaces seed)
    (unless (eq? 'START (xml-token-kind token))
      (parser-error port "XML [22], unexpected markup " token))
    (parse-element (xml-token-head token) port elems entities namespaces #f seed))
  (define (declaration port token seed)
    (ssax:assert-token token 'DECL 'DOCTYPE
                       (lambda (token kind name)
                         (parser-error port "XML [22], expected DOCTYPE declaration, found "
                                       token)))
    (ssax:skip-S port)
    (let* ((name (ssax:read-QName port))
           (system-id (and (ssax:ncname-starting-char? (ssax:skip-S port))
                           (ssax:read-external-id port)))
           (internal-subset? (begin
                               (ssax:skip-S port)
                               (eqv? #\[ (assert-curr-char '(#\> #\[)
                                                           "XML [28], end-of-DOCTYPE"
                                                           port)))))
      (receive (elems entities namespaces seed)
          (doctype port name system-id internal-subset? seed)
        (before-root
         port seed
         (lambda (token seed)
           (root token port elems entities namespaces
                 (if elems (declared-root (xml-token-head token) seed) seed)))))))
  (lambda (port seed)
    (before-root
     port seed
     (lambda (token seed)
       (if (eq? 'START (xml-token-kind token))
           (receive (elems entities namespaces seed)
               (undeclared-root (xml-token-head token) seed)
             (root token port elems entities namespaces seed))
           (declaration port token seed))))))

;;; SXML.

(define (ssax:xml->sxml port namespace-prefix-assig)
  "Read an XML document from PORT and return it as SXML.  NAMESPACE-PREFIX-ASSIG is a list of
pairs (PREFIX . URI): PREFIX stands in names for the namespace of that string."
  (define namespaces
    (map (match-lambda
           ((prefix . uri) (cons* #f prefix (ssax:uri-string->symbol uri))))
         namespace-prefix-assig))
  (define (written name)
    (if (symbol? name)
        name
        (symbol-append (car name) (string->symbol ":") (cdr name))))
  (define parse
    (ssax:make-parser
     NEW-LEVEL-SEED (lambda (name attributes namespaces content seed) '())
     FINISH-ELEMENT
     (lambda (name attributes namespaces before seed)
       (let ((attributes (map (match-lambda
                                ((name . value) (list (written name) value)))
                              (reverse attributes)))
             (content (ssax:reverse-collect-str seed)))
         (cons (cons (written name)
                     (if (null? attributes)
                         content
                         (cons (cons '@ attributes) content)))
               before)))
     CHAR-DATA-HANDLER
     (lambda (text following seed)
       (if (string-null? following) (cons text seed) (cons* following text seed)))
     DOCTYPE
     (lambda (port name system-id internal-subset? seed)
       (receive (elems entities none seed)
           (skip-doctype port name system-id internal-subset? seed)
         (values elems entities namespaces seed)))
     UNDECL-ROOT (lambda (name seed) (values #f '() namespaces seed))
     PI
     ((*DEFAULT*
       . (lambda (port target seed)
           (cons (list '*PI* target (ssax:read-pi-body-as-string port)) seed))))))
  (let ((content (reverse (parse port '()))))
    (cons '*TOP*
          (if (null? namespace-prefix-assig)
              content
              (cons `(@ (*NAMESPACES* ,@(map (match-lambda ((prefix . uri) (list prefix uri)))
                                             namespace-prefix-assig)))
                    content)))))
