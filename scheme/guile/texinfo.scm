;;; Texinfo read into a tree, "stexi": SXML whose attributes stand under the tag %.
;;;
;;; Source: GNU Guile reference manual, "(texinfo)"; GNU Texinfo manual.

(define-module (texinfo)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-8)
  #:use-module (ice-9 match)
  #:use-module (ice-9 rdelim)
  #:export (call-with-file-and-dir texi-command-specs texi-command-depth
            texi-fragment->stexi texi->stexi stexi->sxml))

(define (call-with-file-and-dir file receiver)
  "Open FILE and call RECEIVER with the port while the directory of FILE is current."
  (let ((directory (getcwd)))
    (dynamic-wind
      (lambda () (chdir (dirname file)))
      (lambda () (call-with-input-file (basename file) receiver))
      (lambda () (chdir directory)))))

;;; What each command takes: a kind, and the names of its arguments; those after #:opt may
;;; be missing, and a last one after a dot stands for the rest.

(define (commands kind arguments . names)
  (map (lambda (name) (cons* name kind arguments)) names))

(define environments-of-definitions
  '((deftp category name . attributes) (defcv category class name)
    (defivar class name) (deftypeivar class data-type name)
    (defop category class name . arguments)
    (deftypeop category class data-type name . arguments)
    (defmethod class name . arguments)
    (deftypemethod class data-type name . arguments)
    (defopt name) (defvr category name) (defvar name)
    (deftypevr category data-type name) (deftypevar data-type name)
    (deffn category name . arguments) (deftypefn category data-type name . arguments)
    (defspec name . arguments) (defmac name . arguments) (defun name . arguments)
    (deftypefun data-type name . arguments)))

(define texi-command-specs
  (append
   '((include #f) (para PARAGRAPH) (item ITEM) (entry ENTRY . heading)
     (noindent EMPTY-COMMAND) (*fragment* FRAGMENT))
   (commands 'INLINE-TEXT '()
             '*braces* 'bold 'sample 'samp 'code 'math 'kbd 'key 'var 'env 'file
             'command 'option 'dfn 'cite 'acro 'email 'emph 'strong 'sc 'titlefont 'asis
             'b 'i 'r 'sansserif 'slanted 't 'w)
   '((value INLINE-ARGS key))
   (commands 'INLINE-ARGS '(node #:opt name section info-file manual) 'ref 'xref)
   '((pxref INLINE-TEXT-ARGS node #:opt name section info-file manual)
     (url ALIAS . uref)
     (uref INLINE-TEXT-ARGS url #:opt title replacement)
     (anchor INLINE-ARGS name)
     (image INLINE-ARGS file #:opt width height alt-text extension)
     (acronym INLINE-TEXT-ARGS acronym #:opt meaning))
   (commands 'INLINE-ARGS '() 'dots 'result 'bullet 'copyright 'tie)
   '((node EOL-ARGS name #:opt next previous up)
     (dircategory EOL-ARGS category) (top EOL-ARGS title) (printindex EOL-ARGS type)
     (paragraphindent EOL-ARGS indent))
   (commands 'EOL-ARGS 'all 'c 'comment 'setchapternewpage 'sp 'vskip 'syncodeindex)
   (commands 'EOL-ARGS '() 'page 'contents 'shortcontents 'summarycontents 'insertcopying)
   (commands 'EOL-TEXT '()
             '*ENVIRON-ARGS* 'itemx 'set 'center 'title 'subtitle 'author
             'chapter 'section 'appendix 'appendixsec 'unnumbered 'unnumberedsec
             'subsection 'subsubsection 'appendixsubsec 'appendixsubsubsec
             'unnumberedsubsec 'unnumberedsubsubsec 'chapheading 'majorheading 'heading
             'subheading 'subsubheading)
   (map (lambda (definition)
          (cons* (symbol-append (car definition) 'x) 'EOL-TEXT-ARGS (cdr definition)))
        environments-of-definitions)
   (commands 'INDEX 'entry 'cindex 'findex 'vindex 'kindex 'pindex 'tindex)
   '((texinfo ENVIRON . title))
   (commands 'ENVIRON '()
             'ignore 'ifinfo 'iftex 'ifhtml 'ifxml 'ifplaintext 'ifnotinfo 'ifnottex
             'ifnothtml 'ifnotxml 'ifnotplaintext 'titlepage 'menu 'direntry 'copying
             'example 'smallexample 'display 'smalldisplay 'verbatim 'format 'smallformat
             'lisp 'smalllisp 'cartouche 'quotation)
   (map (lambda (definition) (cons* (car definition) 'ENVIRON (cdr definition)))
        environments-of-definitions)
   '((table TABLE-ENVIRON formatter) (itemize TABLE-ENVIRON formatter)
     (enumerate TABLE-ENVIRON start) (ftable TABLE-ENVIRON formatter)
     (vtable TABLE-ENVIRON formatter))))

(define depths
  '((0 top)
    (1 chapter appendix unnumbered chapheading majorheading)
    (2 section appendixsec unnumberedsec heading)
    (3 subsection appendixsubsec unnumberedsubsec subheading)
    (4 subsubsection appendixsubsubsec unnumberedsubsubsec subsubheading)))

(define (texi-command-depth command max-depth)
  "Return how deep the section is that COMMAND begins, or #f when it begins none that is
at most MAX-DEPTH deep."
  (let ((found (find (lambda (depth) (memq command (cdr depth))) depths)))
    (and found (<= (car found) max-depth) (car found))))

(define (kind-of name)
  (match (assq name texi-command-specs)
    (#f (refuse #f "Unknown command" name))
    ((_ 'ALIAS . other) (kind-of other))
    ((_ kind . _) kind)))

(define (arguments-of name)
  (match (assq name texi-command-specs)
    ((_ 'ALIAS . other) (arguments-of other))
    ((_ _ . arguments) arguments)))

(define (real-name name)
  (match (assq name texi-command-specs)
    ((_ 'ALIAS . other) other)
    (_ name)))

(define (inline? name)
  (memq (kind-of name) '(INLINE-TEXT INLINE-ARGS INLINE-TEXT-ARGS)))

;; Commands within which white space stays as it is.
(define verbatim '(example smallexample lisp smalllisp menu w))

;;; Tokens.  A token is a pair: (START . COMMAND), (END . COMMAND), where COMMAND is #f for
;;; a brace, (ITEM . item), (PARA . para) for blank lines, or (INCLUDE . FILE).

(define (refuse port . parts)
  (apply throw 'parser-error port parts))

(define (out-of-text port what)
  (refuse port "EOF while reading a token " what))

(define blanks (char-set #\space #\tab))
(define special (list->string '(#\@ #\{ #\} #\newline)))

(define (skip-blanks! port)
  (when (and (char? (peek-char port)) (char-set-contains? blanks (peek-char port)))
    (read-char port)
    (skip-blanks! port)))

(define (rest-of-line port)
  ;; What is left of the line, whose end is passed.
  (let ((line (read-line port)))
    (if (eof-object? line) "" line)))

(define (read-verbatim-body port consumer seed)
  "Read the lines of PORT up to one that is \"@end verbatim\", and return SEED after CONSUMER
has been called for each: with the line, what ends it, and the seed so far."
  (match (read-line port 'split)
    ((_ . (? eof-object?)) (out-of-text port "reading verbatim"))
    (("@end verbatim" . _) seed)
    ((line . end) (read-verbatim-body port consumer (consumer line (string end) seed)))))

(define (read-arguments port stop-char)
  "Read from PORT up to STOP-CHAR, which is passed, and return what stands between commas,
trimmed, with #f for what is empty."
  (let* ((text (read-delimited (string stop-char) port 'split))
         (parts (if (eof-object? (cdr text))
                    (out-of-text port "arguments of @-command")
                    (map string-trim-both (string-split (car text) #\,)))))
    (if (equal? parts '(""))
        '()
        (map (lambda (part) (and (not (string-null? part)) part)) parts))))

(define (read-name port)
  ;; The letters that follow, as a symbol.
  (let loop ((letters '()))
    (if (and (char? (peek-char port)) (char-alphabetic? (peek-char port)))
        (loop (cons (read-char port) letters))
        (string->symbol (reverse-list->string letters)))))

(define (read-command port)
  ;; What follows an @: a string that it stands for, or a token.
  (let ((char (peek-char port)))
    (cond
     ((eof-object? char) (out-of-text port "reading char data"))
     ((memv char '(#\@ #\{ #\} #\: #\. #\! #\? #\\)) (string (read-char port)))
     ((not (char-alphabetic? char))
      (refuse port "Nonalphabetic @-command char: '" char "'"))
     (else
      (let ((name (read-name port)))
        (case name
          ((end)
           (let ((ended (string-trim-both (rest-of-line port))))
             (unless (string-every char-alphabetic? ended)
               (refuse port "malformed @end" ended))
             (cons 'END (string->symbol ended))))
          ((include) (cons 'INCLUDE (string-trim-both (rest-of-line port))))
          ((item) '(ITEM . item))
          ((bye) '(END . texinfo))
          (else (kind-of name) (cons 'START name))))))))

(define (blank-lines? port)
  ;; Pass white space after the end of a line; whether a whole line of it was there.
  (let loop ((blank? #f))
    (skip-blanks! port)
    (cond ((eqv? (peek-char port) #\newline)
           (read-char port)
           (loop #t))
          (else blank?))))

(define (read-char-data port expect-eof? preserve-ws? str-handler seed)
  "Read text of PORT up to the next token.  Return SEED after STR-HANDLER has been called for
each piece: with it, with what follows it (the end of a line, or a character that a command
stands for; empty before the token), and with the seed so far; and return the token, which is
the end of file only where EXPECT-EOF? is true.  With PRESERVE-WS?, blank lines are text."
  (let* ((text (read-delimited special port 'peek))
         (text (if (eof-object? text) "" text))
         (next (read-char port)))
    (define (more following)
      (read-char-data port expect-eof? preserve-ws? str-handler
                      (str-handler text following seed)))
    (define (over token)
      (values (if (string-null? text) seed (str-handler text "" seed)) token))
    (cond
     ((eof-object? next)
      (if expect-eof? (over next) (out-of-text port "reading char data")))
     ((eqv? next #\{) (over '(START . *braces*)))
     ((eqv? next #\}) (over '(END . #f)))
     ((eqv? next #\@)
      (let ((command (read-command port)))
        (if (string? command) (more command) (over command))))
     (preserve-ws? (more "\n"))
     ((blank-lines? port) (over '(PARA . para)))
     (else (more "\n")))))

;;; What commands take.

(define (complete-start-command command port)
  "Read from PORT what COMMAND takes before its content.  Return the name of the element, its
arguments, as an association list, and the kind of the command."
  (let ((specs (arguments-of command)) (kind (kind-of command)))
    (define (brace!)
      (let ((char (read-char port)))
        (unless (eqv? char #\{)
          (refuse port "Wrong character " char
                  " (0x" (if (char? char) (number->string (char->integer char) 16) "*eof*")
                  ") " "Inline element lacks {" ". " '(#\{) " expected"))))
    (define (line-items)
      (definition-items (rest-of-line port)))
    (define (nothing-more! rest)
      (unless (string-null? rest)
        (refuse port "@-command didn't expect more args" command (list rest))))
    (values
     (real-name command)
     (case kind
       ((INLINE-TEXT) (brace!) '())
       ((INLINE-ARGS)
        (brace!)
        (name-arguments port specs (read-arguments port #\})))
       ((INLINE-TEXT-ARGS)
        (brace!)
        (name-arguments port specs (split-commas (read-content port #:in-paragraph? #t
                                                                #:preserve? #t #:raw? #t))))
       ((EOL-ARGS) (name-arguments port specs (read-arguments port #\newline)))
       ((EOL-TEXT-ARGS) (name-words port command specs (line-items)))
       ((INDEX) `((entry ,@(line-items))))
       ((TABLE-ENVIRON)
        (name-formatter port command (string-trim-both (rest-of-line port))))
       ((ENVIRON)
        (cond ((pair? specs) (name-words port command specs (line-items)))
              (else (nothing-more! (string-trim-both (rest-of-line port))) '())))
       (else '()))
     kind)))

(define (name-arguments port specs arguments)
  ;; ARGUMENTS, texts or lists of items, under the names of SPECS; #f is one left out.
  (define (value argument)
    (if (list? argument) argument (list argument)))
  (let loop ((names specs) (left arguments) (optional? #f))
    (match names
      (() (if (null? left) '() (refuse port "@-command didn't expect more arguments:" left)))
      ((? symbol? rest) (if (null? left) '() `((,rest ,@(append-map value left)))))
      ((#:opt . names) (loop names left #t))
      ((name . others)
       (cond ((and (pair? left) (car left))
              (acons name (value (car left)) (loop others (cdr left) optional?)))
             ((not optional?)
              (refuse port "@-command expected more arguments:" arguments names specs))
             ((pair? left) (loop others (cdr left) optional?))
             (else '()))))))

(define (name-words port command specs items)
  ;; The words of ITEMS, or what stands in braces, under the names of SPECS.
  (match specs
    (() '())
    ((? symbol? rest) `((,rest ,@items)))
    ((name . names)
     (match items
       (() (refuse port "@-command expects more args" command specs))
       ((('*braces* . inner) . items)
        (acons name inner (name-words port command names items)))
       (((? string? text) . items)
        (let* ((text (string-trim text))
               (blank (string-index text blanks))
               (items (if blank (cons (substring text (+ blank 1)) items) items)))
          (acons name (list (substring text 0 (or blank (string-length text))))
                 (name-words port command names items))))
       ((item . items)
        (acons name (list item) (name-words port command names items)))))))

(define (name-formatter port command given)
  (define (invalid)
    (if (eq? command 'enumerate)
        (refuse port "Invalid enumerate start" given)
        (refuse port "Invalid @item formatter" given)))
  (define (formatter)
    (let ((name (string->symbol (substring given 1))))
      (unless (inline? name)
        (refuse port "@item formatter must be INLINE" name))
      (list name)))
  (case command
    ((enumerate)
     (cond ((string-null? given) '())
           ((or (string-every char-numeric? given)
                (and (= 1 (string-length given)) (string-every char-alphabetic? given)))
            `((start ,given)))
           (else (invalid))))
    ((itemize)
     `((bullet ,(cond ((string-null? given) '(bullet))
                      ((string-prefix? "@" given) (formatter))
                      ((= 1 (string-length given)) given)
                      (else (invalid))))))
    (else `((formatter ,(if (string-prefix? "@" given) (formatter) (invalid)))))))

(define (split-commas items)
  ;; Lists of items between the commas of ITEMS, their strings trimmed at commas; nothing
  ;; stands after a last one.
  (define (one-line text)
    (string-map (lambda (char) (if (eqv? char #\newline) #\space char)) text))
  (define (finished part)
    (delete "" (reverse part)))
  (let loop ((items items) (part '()) (first? #t))
    (match items
      (() (if (null? (finished part)) '() (list (finished part))))
      (((? string? text) . items)
       (match (string-split (one-line text) #\,)
         ((text)
          (loop items (cons (if (null? part) (string-trim text) text) part) first?))
         ((before between ... after)
          (append (list (finished (cons ((if first? string-trim-right string-trim-both)
                                         before)
                                        part)))
                  (map (lambda (text) (list (string-trim-both text))) between)
                  (loop items (list (string-trim after)) #f)))))
      ((item . items) (loop items (cons item part) first?)))))

;;; Elements.

(define (tidy items preserve?)
  ;; Join the strings of ITEMS that touch.  Make their white space single blanks, and none
  ;; at the ends; where PRESERVE?, drop the end of the last line only.
  (define (collapse text)
    (let loop ((words (string-split text char-set:whitespace)) (result '()))
      (match words
        ((last) (string-join (reverse (cons last result)) " "))
        (("" . words) (loop words (if (null? result) '("") result)))
        ((word . words) (loop words (cons word result))))))
  (define (change-first items change)
    (match items
      (((? string? text) . items) (cons (change text) items))
      (_ items)))
  (define (change-last items change)
    (reverse (change-first (reverse items) change)))
  (define (without-line-end text)
    (if (string-suffix? "\n" text) (string-drop-right text 1) text))
  (let ((joined (fold-right
                 (lambda (item rest)
                   (if (and (string? item) (pair? rest) (string? (car rest)))
                       (cons (string-append item (car rest)) (cdr rest))
                       (cons item rest)))
                 '() items)))
    (delete ""
            (if preserve?
                (change-last joined without-line-end)
                (change-last
                 (change-first (map (lambda (item)
                                      (if (string? item) (collapse item) item))
                                    joined)
                               string-trim)
                 string-trim-right)))))

(define* (read-content port #:key preserve? in-paragraph? expect-eof? raw?)
  ;; The items up to the token that ends them, and that token.  Text that stands outside of
  ;; a paragraph begins one.  Where RAW?, strings stay as they are.
  (define items '())
  (define paragraph #f)
  (define (add! item)
    (if (or paragraph (not in-paragraph?))
        (set! paragraph (cons item (or paragraph '())))
        (set! items (cons item items))))
  (define (close-paragraph!)
    (when paragraph
      (set! items (acons 'para (tidy (reverse paragraph) preserve?) items)))
    (set! paragraph #f)
    (set! in-paragraph? #f))
  (define (add-blocks! blocks)
    (close-paragraph!)
    (set! items (append-reverse blocks items)))
  (let loop ()
    (receive (pieces token)
        (read-char-data port expect-eof? preserve?
                        (lambda (text following pieces) (cons* following text pieces))
                        '())
      (let ((text (string-concatenate-reverse pieces)))
        (cond
         ((not (string-every char-set:whitespace text)) (add! text))
         ;; White space counts between two items.
         ((and (not (string-null? text))
               (or paragraph (and in-paragraph? (pair? items)))
               (match token (('START . (? inline?)) #t) (_ #f)))
          (add! " "))))
      (match token
        (('START . (? inline? command))
         (for-each add! (read-element port command preserve?))
         (loop))
        (('START . command)
         (add-blocks! (read-element port command preserve?))
         (loop))
        (('INCLUDE . file)
         (add-blocks!
          (call-with-file-and-dir file
            (lambda (port)
              (read-content port #:preserve? preserve? #:expect-eof? #t))))
         (loop))
        (('PARA . _)
         (close-paragraph!)
         (loop))
        (_
         (close-paragraph!)
         (values (if raw? (reverse items) (tidy (reverse items) preserve?))
                 token))))))

(define (line->items line)
  (call-with-input-string line
    (lambda (port)
      (read-content port #:in-paragraph? #t #:expect-eof? #t))))

(define (definition-items line)
  ;; What stands in LINE as it stands there, but for blanks at its beginning.
  (call-with-input-string (string-trim line)
    (lambda (port)
      (read-content port #:in-paragraph? #t #:expect-eof? #t #:preserve? #t #:raw? #t))))

(define (text-in items)
  ;; The text of ITEMS and of all that is in them.
  (string-concatenate
   (map (match-lambda ((? string? text) text)
                      ((_ . items) (text-in items))
                      (_ ""))
        items)))

(define (named name arguments content)
  `(,name ,@(if (null? arguments) '() `((% ,@arguments))) ,@content))

(define (anchor-of name text)
  `(anchor (% (name ,(string-append (symbol->string name) "-" text)))))

(define (read-element port command preserve?)
  ;; The elements that COMMAND makes, whose name has been passed.
  (receive (name arguments kind)
      (if (eq? command '*braces*)
          (values '*braces* '() 'INLINE-TEXT)
          (complete-start-command command port))
    (let ((preserve? (or preserve? (and (memq name verbatim) #t))))
      (case kind
        ((INLINE-TEXT)
         (list (cons name (read-content port #:preserve? preserve? #:in-paragraph? #t))))
        ((EOL-TEXT)
         (let ((line (rest-of-line port)))
           (list (if (eq? name 'set)
                     (cons 'set (name-words port name '(key . value)
                                            (definition-items line)))
                     (cons name (line->items line))))))
        ((INDEX)
         (list (anchor-of name (string-delete #\, (text-in (assq-ref arguments 'entry))))
               (named name arguments '())))
        ((ENVIRON)
         (cond
          ((eq? name 'verbatim)
           (list (list name (string-concatenate-reverse
                             (read-verbatim-body
                              port
                              (lambda (line end lines) (cons* end line lines))
                              '())))))
          (else
           (let ((content (read-environment port name preserve?)))
             (append (if (null? arguments)
                         '()
                         (list (anchor-of name (text-in (assq-ref arguments 'name)))))
                     (list (named name arguments content)))))))
        ((TABLE-ENVIRON)
         (list (named name arguments (read-table port name preserve?))))
        (else (list (named name arguments '())))))))

(define (read-environment port name preserve?)
  (receive (content token)
      (read-content port #:preserve? preserve? #:in-paragraph? preserve?)
    (match token
      (('ITEM . _) (refuse port "@item must be within a table environment" name))
      (('END . (? (lambda (ended) (eq? ended name)))) content)
      (_ (refuse port "Expecting @end for " name ", got " token)))))

(define (read-table port name preserve?)
  ;; What stands before the first item, and the items.
  (let loop ((elements '()) (begin-item identity))
    (receive (content token) (read-content port #:preserve? preserve?)
      (let ((elements (append elements (begin-item content))))
        (match token
          (('END . (? (lambda (ended)
                        (not (and ended (eq? 'TABLE-ENVIRON (kind-of ended)))))))
           (refuse port "@item not ended by @end table/enumerate/itemize" token))
          (('END . _) elements)
          ((? (lambda (_) (memq name '(itemize enumerate))))
           (loop elements (lambda (content) (list (cons 'item content)))))
          (_
           (let ((heading (line->items (rest-of-line port))))
             (loop elements
                   (lambda (content)
                     `((entry (% (heading ,@heading)) ,@content)))))))))))

;;; Documents.

(define (settle elements)
  ;; ELEMENTS with the values of @set, what @copying holds, and tables of contents in place.
  (define known '())
  (define copying '())
  (define (settled item)
    (match item
      (('set ('key . key) . value)
       (set! known (acons (text-in key) (tidy-value value) known))
       '())
      (('value ('% ('key key)))
       (match (assoc key known)
         ((_ . value) value)
         (#f (scm-error 'misc-error #f "unknown value ~S ~S"
                        (list `((key ,key)) known) #f))))
      (('copying . content)
       (set! copying (append-map settled content))
       '())
      (('insertcopying) copying)
      (('contents) (table-of-contents elements))
      ((tag . items) (list (cons tag (append-map settled items))))
      (_ (list item))))
  (append-map settled elements))

(define (tidy-value value)
  ;; The items of (VALUE …) with single blanks; those at its beginning stay.
  (match (append-map cdr value)
    (((? string? text) . items)
     (let ((tidied (tidy (cons (string-append "." text) items) #f)))
       (match (cons (string-drop (car tidied) 1) (cdr tidied))
         (("") '())
         (items items))))
    (items (tidy items #f))))

(define (table-of-contents elements)
  ;; Chapters and their sections, each as a reference to the node that it begins.
  (define sections
    (let loop ((elements elements) (node #f) (sections '()))
      (match elements
        (() (reverse sections))
        ((('node ('% ('name name) . _) . _) . rest) (loop rest name sections))
        (((tag . title) . rest)
         (let ((depth (texi-command-depth tag 2)))
           (loop rest #f
                 (if (and depth (positive? depth))
                     (cons (cons depth (if node `((ref (% (node ,node)))) title)) sections)
                     sections)))))))
  (define (listed sections depth)
    ;; The list of those at DEPTH, and what comes after it.
    (let loop ((items '()) (sections sections))
      (match sections
        (((at . title) . rest)
         (if (< at depth)
             (values `((enumerate ,@(reverse items))) sections)
             (receive (title rest)
                 (if (= at depth) (values `((para ,@title)) rest) (values '() sections))
               (receive (below rest)
                   (if (and (pair? rest) (> (caar rest) depth))
                       (listed rest (+ depth 1))
                       (values '() rest))
                 (loop (cons `(item ,@title ,@below) items) rest)))))
        (() (values `((enumerate ,@(reverse items))) '())))))
  (receive (entries _) (listed sections 1)
    `((chapheading "Table of Contents") ,@entries)))

(define (document port tag)
  (receive (content token) (read-content port #:expect-eof? #t)
    (when (equal? token '(ITEM . item))
      (refuse port "@item must be within a table environment" tag))
    (settle content)))

(define (texi-fragment->stexi string-or-port)
  "Return what STRING-OR-PORT, a part of a Texinfo document, says, as (*fragment* …)."
  (define (fragment port)
    (cons '*fragment* (document port '*fragment*)))
  (if (string? string-or-port)
      (call-with-input-string string-or-port fragment)
      (fragment string-or-port)))

(define (texi->stexi port)
  "Return the Texinfo document in PORT, as (texinfo (% (title …) …) …)."
  ;; The line with the title is not the first.
  (read-line port)
  (let loop ((line (read-line port)))
    (cond
     ((eof-object? line) (refuse port "No \\n@settitle  found"))
     ((string-prefix? "@settitle " line)
      (let ((title (definition-items (string-trim-both (string-drop line 10)))))
        (when (null? title)
          (refuse port "You have a @settitle, but no title"))
        `(texinfo (% (title ,@title)) ,@(document port 'texinfo))))
     (else (loop (read-line port))))))

(define (stexi->sxml tree)
  "Return TREE as SXML: the arguments of a command become an element of their own."
  (match tree
    (((? symbol? tag) ('% . arguments) . kids)
     `(,tag (,(symbol-append tag '-arguments) ,@arguments) ,@(map stexi->sxml kids)))
    (((? symbol? tag) . kids) (cons tag (map stexi->sxml kids)))
    (_ tree)))
