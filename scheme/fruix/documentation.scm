;;; What the modules of fruix-scm say about themselves: `fruix-scm doc' and the pages of
;;; docs/reference.
;;;
;;; Which names a module exports is asked of the module; what stands about them, of its
;;; text: the docstring of a procedure or macro, the comment at the head of a variable.

(define-module (fruix documentation)
  #:use-module (fruix native program)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (ice-9 textual-ports)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (documentation
            documentation-module
            documentation-name
            documentation-kind
            documentation-call
            documentation-place
            documentation-text
            module-documentation
            module-summary
            print-documentation))

(define-record-type <documentation>
  (make-documentation module name kind call place text)
  documentation?
  (module  documentation-module)        ;list of symbols: where it is defined
  (name    documentation-name)          ;symbol
  (kind    documentation-kind)          ;`procedure', `macro', `parameter' or `variable'
  (call    documentation-call)          ;string: how it is written
  (place   documentation-place)         ;string: FILE:LINE
  (text    documentation-text))         ;string or #f

(define (module-name->file module)
  (string-append (string-join (map symbol->string module) "/") ".scm"))

(define (file->module-name file)
  (map string->symbol (string-split (string-drop-right file 4) #\/)))

;;; Reading.

(define (definitions-of module)
  "Return what the text of MODULE, a list of symbols, defines at its top: a list of
<documentation>; '() when there is no such text."
  (match (%carried-text (module-name->file module))
    (#f '())
    (text
     (let ((lines (list->vector (string-split text #\newline))))
       (append-map (match-lambda
                     ((form from to)
                      (let ((text (lines-between lines from to)))
                        (match form
                          (('define-record-type . parts)
                           (definitions-of-record module parts from text))
                          (((or 'begin 'eval-when) . forms)
                           (filter-map (lambda (form) (definition module form from text))
                                       forms))
                          (('define-module . _) '())
                          (_
                           (match (definition module form from text)
                             (#f '())
                             (definition (list definition))))))))
                   (call-with-input-string text (forms-of lines)))))))

(define (lines-between lines from to)
  "Return the elements of LINES, a vector, with the numbers from FROM to TO, a list."
  (map (lambda (line) (vector-ref lines line))
       (iota (- (+ to 1) from) from)))

(define (forms-of lines)
  "Return a procedure of a port, whose text is LINES, that returns its forms, each as a
list of the form and of the numbers of its first and last line, from 0."
  (define (next-form line)
    ;; Between two forms there are comments.
    (if (and (< line (vector-length lines))
             (not (string-prefix? "(" (vector-ref lines line))))
        (next-form (+ line 1))
        line))
  (lambda (port)
    (let loop ((forms '()) (line 0))
      (let ((form (read port)))
        (if (eof-object? form)
            (reverse forms)
            (loop (cons (list form (next-form line) (port-line port)) forms)
                  (+ (port-line port) 1)))))))

(define (place-of module line)
  "Return how LINE, from 0, of the text of MODULE is named."
  (format #f "scheme/~a:~a" (module-name->file module) (+ line 1)))

(define (written name parameters)
  "Return how a call of NAME with PARAMETERS is written."
  (object->string (cons name parameters) write))

(define (definitions-of-record module parts line text)
  "Return a <documentation> for each procedure that the record type of PARTS, which is
written as TEXT and begins in LINE of the text of MODULE, has."
  (define (made name parameters doc)
    (and (symbol? name)
         (make-documentation module name 'procedure (written name parameters)
                             (place-of module line) doc)))
  (define (said-of field)
    ;; What stands behind the field in its line.
    (let ((line (find (lambda (line)
                        (any (lambda (beginning) (string-contains line beginning))
                             (list (format #f "(~a " field) (format #f "(~a)" field))))
                      text)))
      (match (and line (string-index line #\;))
        (#f "")
        (at (string-append ": " (string-trim-both (string-drop line at)
                                                  (lambda (letter)
                                                    (memv letter '(#\; #\space)))))))))
  (match parts
    ((type constructor predicate . fields)
     (let* ((type (if (pair? type) (car type) type))
            (object (string-trim-both (symbol->string type) (lambda (letter)
                                                              (memv letter '(#\< #\>))))))
       (filter identity
               (append
                (match constructor
                  ((name . parameters)
                   (list (made name parameters (format #f "Return a new ~a." object))))
                  (name (list (made name '() (format #f "Return a new ~a." object)))))
                (list (made predicate '(object)
                            (format #f "Return #t when OBJECT is a ~a." object)))
                (append-map
                 (match-lambda
                   ((field accessor . setter)
                    (cons (made accessor (list (string->symbol object))
                                (format #f "Return the ~a of a ~a~a." field object
                                        (said-of field)))
                          (match setter
                            (() '())
                            ((setter)
                             (list (made setter (list (string->symbol object) 'value)
                                         (format #f "Let a ~a have another ~a~a." object
                                                 field (said-of field))))))))
                   (_ '()))
                 fields)))))
    (_ '())))

(define (definition module form line text)
  "Return the <documentation> of what FORM defines, which begins in LINE of the text of
MODULE and is written as TEXT, a list of lines; #f when it defines nothing."
  (define (made name kind call doc)
    (and (symbol? name)
         (make-documentation module name kind call (place-of module line) doc)))
  (match form
    (((or 'define 'define* 'define-public 'define*-public) (name . parameters) . body)
     (made name 'procedure (written name parameters) (docstring body)))
    (('define-syntax-rule (name . pattern) . body)
     (made name 'macro (written name pattern) (docstring body)))
    (('define-syntax name ((or 'lambda 'lambda*) _ . body))
     (made name 'macro (format #f "(~a …)" name) (docstring body)))
    (('define-syntax name ('syntax-rules _ . rules))
     (made name 'macro (format #f "(~a …)" name) (docstring rules)))
    (((or 'define 'define-public) name ((or 'lambda 'lambda* 'case-lambda 'case-lambda*)
                                        parameters . body))
     (made name 'procedure (written name (if (list? parameters) parameters '()))
           (docstring body)))
    (((or 'define 'define-public) name . _)
     (made name 'variable (format #f "~a" name) (comment-at-head text)))
    (('define-parameter name . rest)
     (made name 'parameter (format #f "~a" name) (find string? rest)))
    (((? symbol? head) (name . parameters) . rest)
     (and (string-prefix? "define-" (symbol->string head))
          (made name
                (if (eq? head 'define-placed) 'macro 'procedure)
                (written name (map first-of parameters))
                (find string? rest))))
    (((? symbol? head) name . rest)
     (and (string-prefix? "define-" (symbol->string head))
          (made name 'procedure (format #f "(~a …)" name) (find string? rest))))
    (_ #f)))

(define (first-of parameter)
  (match parameter
    ((name . _) name)
    (name name)))

(define (docstring body)
  (match body
    (((? string? text) _ . _) text)
    (_ #f)))

(define (comment-at-head lines)
  "Return what the comment says with which LINES, a definition, go on behind the name."
  (match lines
    ((_ . lines)
     (let ((comment (take-while (lambda (line) (string-prefix? "  ;;" line)) lines)))
       (and (pair? comment)
            (string-join (map (lambda (line)
                                (string-trim (string-drop line 4)))
                              comment)
                         "\n"))))
    (_ #f)))

;;; Answering.

(define (exported-names module)
  "Return the names that MODULE exports, a sorted list of symbols."
  (sort (module-map (lambda (name variable) name) (resolve-interface module))
        (lambda (one other)
          (string<? (symbol->string one) (symbol->string other)))))

(define (imports-of module)
  "Return the modules of fruix-scm that the text of MODULE uses."
  (define (module-of specification)
    (match specification
      (((? pair? name) . _) name)
      (name name)))
  (match (%carried-text (module-name->file module))
    (#f '())
    (text
     (match (call-with-input-string text read)
       (('define-module _ . clauses)
        (let loop ((clauses clauses))
          (match clauses
            ((#:use-module specification . rest)
             (cons (module-of specification) (loop rest)))
            ((_ . rest) (loop rest))
            (() '()))))
       (_ '())))))

(define (module-documentation module)
  "Return what MODULE, a list of symbols, exports: a list of <documentation>, sorted by
name.  What it exports of another module is told where that defines it."
  (let ((own (definitions-of module))
        (others (delay (append-map definitions-of (imports-of module)))))
    (define (named name)
      (lambda (definition) (eq? name (documentation-name definition))))
    (filter-map (lambda (name)
                  (or (find (named name) own)
                      (find (named name) (force others))))
                (exported-names module))))

(define (module-summary module)
  "Return the comment at the head of the text of MODULE, a string."
  (let loop ((lines (string-split (or (%carried-text (module-name->file module)) "")
                                  #\newline)))
    (match lines
      (((? (lambda (line) (string-prefix? ";;;" line)) line) . rest)
       (let ((text (string-append (string-trim (string-drop line 3)) "\n")))
         (string-append text (loop rest))))
      (_ ""))))

(define (documentation name modules)
  "Return what MODULES, a list of lists of symbols, export as NAME, a symbol: a list of
<documentation>."
  (delete-duplicates
   (append-map (lambda (module)
                 (filter (lambda (entry) (eq? name (documentation-name entry)))
                         (module-documentation module)))
               modules)
   (lambda (one other)
     (equal? (documentation-place one) (documentation-place other)))))

;;; Printing.

(define (print-entry entry)
  (format #t "~a~%    ~a of ~s, ~a~%~%~a~%"
          (documentation-call entry)
          (documentation-kind entry)
          (documentation-module entry)
          (documentation-place entry)
          (or (documentation-text entry) "(nothing is said about it)")))

(define (print-page module)
  "Print what MODULE is and exports, as a page of Markdown."
  (format #t "# ~s~%~%~a" module (module-summary module))
  (for-each (lambda (entry)
              (format #t "~%## `~a`~%~%~a~a~%~%~a~%"
                      (documentation-call entry)
                      (string-titlecase (symbol->string (documentation-kind entry)))
                      (if (equal? module (documentation-module entry))
                          ""
                          (format #f " of `~s`" (documentation-module entry)))
                      (or (documentation-text entry) "(nothing is said about it)")))
            (module-documentation module)))

(define (print-documentation what files)
  "Print what is said about WHAT, a string: a name, or a module such as (fruix guest).
FILES are those that the binary carries.  Return #f when nothing is."
  (define modules
    (filter (lambda (module)
              (match module
                (('fruix . _) #t)
                (_ #f)))
            (map file->module-name files)))
  (match (catch #t
           (lambda () (call-with-input-string what read))
           (lambda _ #f))
    ((? pair? module)
     (and (member module modules)
          (begin (print-page module) #t)))
    ((? symbol? name)
     (match (documentation name modules)
       (() #f)
       ((first . rest)
        (print-entry first)
        (for-each (lambda (entry) (newline) (print-entry entry)) rest)
        #t)))
    (_ #f)))
