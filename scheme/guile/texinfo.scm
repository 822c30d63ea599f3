;;; Texinfo read into a tree, "stexi": SXML whose attributes stand under the tag %.
;;;
;;; Source: GNU Guile reference manual, "(texinfo)"; GNU Texinfo manual.

(define-module (texinfo)
  #:use-module (srfi srfi-1)
  #:use-module (ice-9 match)
  #:use-module (ice-9 textual-ports)
  #:export (call-with-file-and-dir texi-command-specs texi-command-depth
            texi-fragment->stexi texi->stexi stexi->sxml))

(define (call-with-file-and-dir file receiver)
  "Open FILE and call RECEIVER with the port while the directory of FILE is current."
  (let ((directory (getcwd)))
    (call-with-input-file file
      (lambda (port)
        (dynamic-wind
          (lambda () (chdir (dirname file)))
          (lambda () (receiver port))
          (lambda () (chdir directory)))))))

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

;; Environments whose lines stay as they are.
(define verbatim '(example smallexample lisp smalllisp menu verbatim))

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

;;; Reading.  A reader holds a text and where it is in it.

(define (refuse . parts)
  (apply throw 'parser-error #f parts))

(define (out-of-text)
  (refuse "EOF while reading a token " "reading char data"))

(define (make-source text) (vector text 0 '()))
(define (source-text source) (vector-ref source 0))
(define (place source) (vector-ref source 1))
(define (go! source place) (vector-set! source 1 place))
(define (values-set source) (vector-ref source 2))
(define (set-value! source key value)
  (vector-set! source 2 (acons key value (values-set source))))

(define* (look source #:optional (ahead 0))
  (let ((index (+ ahead (place source))))
    (and (< index (string-length (source-text source)))
         (string-ref (source-text source) index))))

(define (end? source)
  (not (look source)))

(define (rest-of-line source)
  ;; What is left of the line, whose end is passed.
  (let* ((text (source-text source))
         (end (or (string-index text #\newline (place source)) (string-length text)))
         (line (substring text (place source) end)))
    (go! source (min (+ end 1) (string-length text)))
    line))

(define (command-at source)
  ;; The name of the command that begins here, or #f.
  (and (eqv? (look source) #\@)
       (let* ((text (source-text source))
              (start (+ 1 (place source)))
              (end (or (string-skip text char-alphabetic? start)
                       (string-length text))))
         (and (> end start)
              (string->symbol (substring text start end))))))

(define (skip-command! source name)
  (go! source (+ (place source) 1 (string-length (symbol->string name)))))

(define (kind-of name)
  (match (assq name texi-command-specs)
    (#f (refuse "Unknown command" name))
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

(define inline-kinds '(INLINE-TEXT INLINE-ARGS INLINE-TEXT-ARGS))

(define (inline? name)
  (memq (kind-of name) inline-kinds))

;; Join the strings of ITEMS that touch, and trim at both ends unless RAW?.
(define* (tidy items #:key raw?)
  (define (collapse text)
    (if raw?
        text
        (string-join (string-split-blanks text) " ")))
  (let* ((joined (fold-right (lambda (item rest)
                               (if (and (string? item) (pair? rest) (string? (car rest)))
                                   (cons (string-append item (car rest)) (cdr rest))
                                   (cons item rest)))
                             '() items))
         (joined (map (lambda (item) (if (string? item) (collapse item) item)) joined))
         (trimmed (if (and (not raw?) (pair? joined) (string? (car joined)))
                      (cons (string-trim (car joined)) (cdr joined))
                      joined))
         (backwards (reverse trimmed))
         (trimmed (if (and (not raw?) (pair? backwards) (string? (car backwards)))
                      (reverse (cons (string-trim-right (car backwards))
                                     (cdr backwards)))
                      trimmed)))
    (remove (lambda (item) (and (string? item) (string-null? item))) trimmed)))

(define (string-split-blanks text)
  ;; The words of TEXT; an empty one at an end where there is a blank.
  (let loop ((parts (string-split text char-set:whitespace)) (result '()) (first? #t))
    (match parts
      (() (reverse result))
      ((last) (reverse (cons last result)))
      ((part . rest)
       (if (and (string-null? part) (not first?))
           (loop rest result #f)
           (loop rest (cons part result) #f))))))

(define (read-inline source stop?)
  ;; Items up to where STOP? holds, which is not passed; strings as they are.
  (let loop ((chars '()) (items '()))
    (define (flushed)
      (if (null? chars)
          items
          (cons (list->string (reverse chars)) items)))
    (cond
     ((stop? source) (reverse (flushed)))
     ((end? source) (out-of-text))
     ((eqv? (look source) #\@)
      (let ((next (look source 1))
            (name (command-at source)))
        (cond
         ((memv next '(#\@ #\{ #\}))
          (go! source (+ 2 (place source)))
          (loop (cons next chars) items))
         ((not name)
          (refuse "Nonalphabetic @-command char: '" next "'"))
         ((inline? name)
          (skip-command! source name)
          (let ((item (read-braces source name)))
            (loop '() (cons item (flushed)))))
         (else (refuse "Unexpected command" name)))))
     ((eqv? (look source) #\{)
      (go! source (+ 1 (place source)))
      (let ((inner (read-inline source (lambda (source) (eqv? (look source) #\})))))
        (go! source (+ 1 (place source)))
        (loop '() (cons (cons '*braces* inner) (flushed)))))
     (else
      (let ((char (look source)))
        (go! source (+ 1 (place source)))
        (loop (cons char chars) items))))))

(define (split-commas items)
  ;; Lists of items between commas.
  (let loop ((items items) (part '()) (parts '()))
    (match items
      (() (reverse (cons (tidy (reverse part)) parts)))
      (((? string? text) . rest)
       (let ((comma (string-index text #\,)))
         (if comma
             (loop (cons (substring text (+ comma 1)) rest)
                   '()
                   (cons (tidy (reverse (cons (substring text 0 comma) part))) parts))
             (loop rest (cons text part) parts))))
      ((item . rest) (loop rest (cons item part) parts)))))

(define (name-arguments names parts command)
  ;; (% (NAME ITEM …) …), or nothing when there is none.
  (let loop ((names names) (parts parts) (optional? #f) (result '()))
    (match names
      (() (if (null? result) '() (list (cons '% (reverse result)))))
      ((#:opt . names) (loop names parts #t result))
      ((? symbol? rest)
       (list (cons '% (reverse (cons (cons rest (join-parts parts)) result)))))
      ((name . names)
       (cond
        ((or (null? parts) (null? (car parts)))
         (if (or optional? (pair? parts))
             (loop names (if (null? parts) '() (cdr parts)) optional? result)
             (refuse "Missing argument of" command name)))
        (else
         (loop names (cdr parts) optional? (cons (cons name (car parts)) result))))))))

(define (join-parts parts)
  (tidy (append-map (lambda (part)
                      (append part (list " ")))
                    parts)))

(define (read-braces source name)
  ;; The element of inline command NAME, whose braces begin here.
  (unless (eqv? (look source) #\{)
    (refuse "Missing braces of" name))
  (go! source (+ 1 (place source)))
  (let ((items (read-inline source (lambda (source) (eqv? (look source) #\}))))
        (tag (real-name name)))
    (go! source (+ 1 (place source)))
    (cond
     ((eq? name 'value)
      (let* ((key (string-concatenate (filter string? items)))
             (found (assoc key (values-set source))))
        (if found
            (cdr found)
            (error "unknown value" `((key ,key)) (values-set source)))))
     ((eq? (kind-of name) 'INLINE-TEXT)
      (cons tag (one-blank items)))
     (else
      (cons tag
            (name-arguments (arguments-of name)
                            (if (null? items) '() (split-commas items))
                            name))))))

(define (one-blank items)
  ;; ITEMS with white space made single blanks, which stay at the ends.
  (map (lambda (item)
         (if (string? item)
             (string-join (string-split-blanks item) " ")
             item))
       items))

(define (at-line-end? source)
  (or (end? source) (eqv? (look source) #\newline)))

(define (line-items source)
  ;; What is left of the line, read as text.
  (let ((items (read-inline source at-line-end?)))
    (unless (end? source)
      (go! source (+ 1 (place source))))
    items))

;; The arguments of a definition: words, or what stands in braces.
(define (definition-parts items)
  (append-map (lambda (item)
                (match item
                  ((? string? text) (map list (string-tokenize text)))
                  (('*braces* . inner) (list (tidy inner)))
                  (_ (list (list item)))))
              items))

(define (skip-blanks! source)
  (let loop ()
    (when (memv (look source) '(#\space #\tab #\newline))
      (go! source (+ 1 (place source)))
      (loop))))

(define (end-of? source environment)
  (and (eq? (command-at source) 'end)
       (or (not environment) #t)))

(define (pass-end! source environment)
  ;; Pass the line with @end.
  (skip-command! source 'end)
  (let ((named (string-trim-both (rest-of-line source))))
    (when (and environment (not (string=? named (symbol->string environment))))
      (refuse "Unmatched @end" named environment))))

(define (blank-line-at? source place)
  ;; Whether the line at PLACE has nothing on it.
  (let* ((text (source-text source))
         (next (string-skip text (char-set #\space #\tab) place)))
    (or (not next) (char=? (string-ref text next) #\newline))))

(define (paragraph-over? source)
  (or (end? source)
      (and (eqv? (look source) #\newline)
           (let ((next (+ 1 (place source))))
             (or (blank-line-at? source next)
                 (let ((here (place source)))
                   (go! source next)
                   (let ((name (command-at source)))
                     (go! source here)
                     (and name
                          (or (memq name '(end bye item itemx))
                              (not (inline? name)))))))))))

(define (read-blocks source environment stop?)
  ;; Elements until STOP? of the command at the beginning of a line; at the end of the
  ;; text, an ENVIRONMENT is still open.
  (let loop ((blocks '()))
    (skip-blanks! source)
    (let ((name (command-at source)))
      (cond
       ((and (end? source) environment) (out-of-text))
       ((end? source) (reverse blocks))
       ((and name (stop? name)) (reverse blocks))
       ((eq? name 'bye) (go! source (string-length (source-text source)))
                        (loop blocks))
       ((eq? name 'end) (pass-end! source #f) (loop blocks))
       ((and name (not (inline? name)))
        (skip-command! source name)
        (loop (append (reverse (read-block source name)) blocks)))
       (else
        (let ((items (tidy (read-inline source paragraph-over?))))
          (loop (if (null? items) blocks (cons (cons 'para items) blocks)))))))))

(define (index-anchor name entry)
  `(anchor (% (name ,(string-append (symbol->string name) "-" entry)))))

(define (plain items)
  (string-concatenate (filter string? items)))

(define (read-block source name)
  ;; The elements of block command NAME, which has been passed.
  (case (kind-of name)
    ((#f)
     (let ((file (string-trim-both (rest-of-line source))))
       (call-with-file-and-dir file
         (lambda (port)
           (read-blocks (make-source (get-string-all port)) #f (const #f))))))
    ((EMPTY-COMMAND)
     (list (list name)))
    ((EOL-ARGS)
     (let ((arguments (arguments-of name)))
       (list (if (symbol? arguments)
                 (list name `(% (,arguments ,(string-trim-both (rest-of-line source)))))
                 (let ((items (line-items source)))
                   (cons name
                         (name-arguments arguments
                                         (if (null? items) '() (split-commas items))
                                         name)))))))
    ((EOL-TEXT)
     (let ((items (tidy (line-items source))))
       (cond ((eq? name 'set)
              (let* ((text (plain items))
                     (blank (or (string-index text #\space) (string-length text))))
                (set-value! source (substring text 0 blank)
                            (string-trim (substring text blank)))
                '()))
             (else (list (cons name items))))))
    ((EOL-TEXT-ARGS)
     (list (cons name (name-arguments (arguments-of name)
                                      (definition-parts (line-items source)) name))))
    ((INDEX)
     (let ((entry (tidy (line-items source))))
       (list (index-anchor name (plain entry))
             (list name `(% (entry ,@entry))))))
    ((ENVIRON) (read-environment source name))
    ((TABLE-ENVIRON) (list (read-table source name)))
    (else (refuse "Unexpected command" name))))

(define (read-environment source name)
  (let ((arguments (arguments-of name)))
    (cond
     ((memq name verbatim)
      (rest-of-line source)
      (list (list name (read-verbatim source name))))
     ((null? arguments)
      (rest-of-line source)
      (let ((blocks (read-blocks source name (lambda (name) (eq? name 'end)))))
        (pass-end! source name)
        (list (cons name blocks))))
     (else
      (let* ((parts (definition-parts (line-items source)))
             (attributes (name-arguments arguments parts name))
             (defined (assq-ref (cdar attributes) 'name))
             (blocks (read-blocks source name (lambda (name) (eq? name 'end)))))
        (pass-end! source name)
        (list (index-anchor name (plain defined))
              `(,name ,@attributes ,@blocks)))))))

(define (read-verbatim source name)
  ;; The lines up to @end NAME as one string; commands in them are read but in `verbatim'.
  (let* ((text (source-text source))
         (mark (string-append "@end " (symbol->string name)))
         (end (let loop ((from (place source)))
                (let ((found (string-contains text mark from)))
                  (cond ((not found) (out-of-text))
                        ((or (zero? found)
                             (char=? #\newline (string-ref text (- found 1))))
                         found)
                        (else (loop (+ found 1)))))))
         (content (substring text (place source) end))
         (items (if (eq? name 'verbatim)
                    (list content)
                    (read-inline (vector content 0 (values-set source)) end?))))
    (go! source end)
    (pass-end! source name)
    (verbatim-text items)))

(define (verbatim-text items)
  (string-trim-right (string-concatenate
                      (map (lambda (item)
                             (match item
                               ((? string? text) text)
                               (('*braces* . inner)
                                (string-append "{" (verbatim-text inner) "}"))
                               ((_ ('% . _) . inner) (verbatim-text inner))
                               ((_ . inner) (verbatim-text inner))))
                           items))
                     #\newline))

(define (read-table source name)
  (let* ((given (string-trim-both (rest-of-line source)))
         (formatter (if (string-prefix? "@" given)
                        (list (string->symbol (substring given 1)))
                        given))
         (formatter (if (pair? formatter)
                        (begin (kind-of (car formatter)) formatter)
                        formatter)))
    (define (more? command)
      (memq command '(item end)))
    (define (read-item)
      ;; One item or entry; its command has been passed.
      (if (memq name '(itemize enumerate))
          (cons 'item
                (begin
                  (skip-spaces! source)
                  (read-blocks source name more?)))
          (let ((heading (tidy (line-items source))))
            `(entry (% (heading ,@heading))
                    ,@(read-blocks source name more?)))))
    (define head
      (case name
        ((itemize)
         (list 'itemize `(% (bullet ,(if (string? formatter)
                                         (if (string-null? formatter)
                                             '(bullet)
                                             formatter)
                                         formatter)))))
        ((enumerate)
         (cons 'enumerate
               (if (equal? formatter "") '() (list `(% (start ,formatter))))))
        (else (list name `(% (formatter ,formatter))))))
    (let ((before (read-blocks source name more?)))
      (let loop ((items (reverse before)))
        (cond
         ((eq? (command-at source) 'end)
          (pass-end! source name)
          (append head (reverse items)))
         (else
          (skip-command! source 'item)
          (loop (cons (read-item) items))))))))

(define (skip-spaces! source)
  (let loop ()
    (when (memv (look source) '(#\space #\tab))
      (go! source (+ 1 (place source)))
      (loop))))

(define (text-of string-or-port)
  (if (string? string-or-port)
      string-or-port
      (get-string-all string-or-port)))

(define (texi-fragment->stexi string-or-port)
  "Return what STRING-OR-PORT, a part of a Texinfo document, says, as (*fragment* …)."
  (cons '*fragment*
        (read-blocks (make-source (text-of string-or-port)) #f (const #f))))

(define (texi->stexi port)
  "Return the Texinfo document in PORT, as (texinfo (% (title …) …) …)."
  (let ((source (make-source (get-string-all port))))
    (define (set-line)
      ;; The lines before the first block: \\input, and settings of the whole document.
      (cond ((end? source) #f)
            ((eqv? (look source) #\\) (rest-of-line source) #t)
            ((memq (command-at source) '(setfilename settitle))
             => (lambda (found)
                  (skip-command! source (car found))
                  (cons (car found) (tidy (line-items source)))))
            ((eqv? (look source) #\newline) (rest-of-line source) #t)
            ((memq (command-at source) '(c comment)) (rest-of-line source) #t)
            (else #f)))
    (let loop ((settings '()))
      (let ((line (set-line)))
        (cond ((pair? line) (loop (cons line settings)))
              (line (loop settings))
              (else
               `(texinfo (% (title ,@(or (assq-ref settings 'settitle)
                                         (refuse "No \\n@settitle  found"))))
                         ,@(read-blocks source #f (const #f)))))))))

(define (stexi->sxml tree)
  "Return TREE as SXML: the arguments of a command become an element of their own."
  (match tree
    (((? symbol? tag) ('% . arguments) . kids)
     `(,tag (,(symbol-append tag '-arguments) ,@arguments) ,@(map stexi->sxml kids)))
    (((? symbol? tag) . kids) (cons tag (map stexi->sxml kids)))
    (_ tree)))
