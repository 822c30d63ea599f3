;;; Trees of Texinfo as plain text.
;;;
;;; Source: GNU Guile reference manual, "(texinfo plain-text)".

(define-module (texinfo plain-text)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-13)
  #:use-module (ice-9 match)
  #:use-module (texinfo)
  #:use-module (texinfo string-utils)
  #:export (*line-width* stexi->plain-text))

(define *line-width* (make-fluid 72))
(define *indent* (make-fluid 0))
;; Procedure that makes the mark of the next item.
(define *mark* (make-fluid (lambda () "* ")))

(define (indented lines first-mark)
  ;; LINES with the indentation, the first with FIRST-MARK at its end.
  (let* ((blank (make-string (fluid-ref *indent*) #\space))
         (first (if first-mark
                    (string-append (string-drop-right blank
                                                      (min (string-length blank)
                                                           (string-length first-mark)))
                                   first-mark)
                    blank)))
    (if (null? lines)
        '()
        (cons (string-append first (car lines))
              (map (lambda (line) (string-append blank line)) (cdr lines))))))

(define (put-lines lines)
  (for-each (lambda (line)
              (display (string-trim-right line))
              (newline))
            lines))

;;; Text within a paragraph.

(define (argument node name)
  (match node
    ((_ ('% . arguments) . _)
     (let ((found (assq name arguments)))
       (and found (inline-text (cdr found)))))
    (_ #f)))

(define (kids node)
  (match node
    ((_ ('% . _) . kids) kids)
    ((_ . kids) kids)))

(define (inline-text items)
  (string-concatenate (map inline items)))

(define (reference node)
  (let ((name (or (argument node 'name) (argument node 'node)))
        (manual (argument node 'manual)))
    (string-append name (if manual (string-append " in manual " manual) ""))))

(define (inline item)
  (define (between before after)
    (string-append before (inline-text (kids item)) after))
  (if (string? item)
      item
      (case (car item)
        ((samp code kbd env file command option) (between "`" "'"))
        ((key) (between "<" ">"))
        ((var) (string-upcase (between "" "")))
        ((dfn cite) (between "\"" "\""))
        ((strong bold) (between "*" "*"))
        ((emph) (between "_" "_"))
        ((email) (between "<" ">"))
        ((dots) "...")
        ((result) "==>")
        ((bullet) "*")
        ((copyright) "(C)")
        ((tie) " ")
        ((anchor) "")
        ((ref) (reference item))
        ((xref) (string-append "See " (reference item)))
        ((pxref) (string-append "see " (reference item)))
        ((uref)
         (let ((title (argument item 'title)) (url (argument item 'url)))
           (cond ((argument item 'replacement))
                 (title (string-append title " (" url ")"))
                 (else (string-append "`" url "'")))))
        ((acronym)
         (let ((meaning (argument item 'meaning)))
           (string-append (argument item 'acronym)
                          (if meaning (string-append " (" meaning ")") ""))))
        ((image) (string-append "[image: " (argument item 'file) "]"))
        (else (between "" "")))))

;;; Blocks.

(define (take-mark!)
  (let ((mark (fluid-ref *mark*)))
    (and mark
         (begin
           (fluid-set! *mark* #f)
           (mark)))))

(define (paragraph node)
  (put-lines
   (indented (string->wrapped-lines
              (inline-text (kids node))
              #:line-width (max 10 (- (fluid-ref *line-width*) (fluid-ref *indent*)))
              #:break-long-words? #f)
             (take-mark!)))
  (newline))

(define (lines-as-they-are node)
  (with-fluids ((*indent* (+ 5 (fluid-ref *indent*))))
    (put-lines (indented (string-split (inline-text (kids node)) #\newline)
                         (take-mark!))))
  (newline))

(define (deeper columns nodes)
  (with-fluids ((*indent* (+ columns (fluid-ref *indent*))))
    (for-each block nodes)))

(define (section node level)
  (let ((title (inline-text (kids node))))
    (newline)
    (display title)
    (newline)
    (display (make-string (string-length title) (vector-ref #(#\* #\* #\= #\- #\.) level)))
    (newline)
    (newline)))

(define (items node columns next-mark)
  (with-fluids ((*indent* (+ columns (fluid-ref *indent*)))
                (*mark* #f))
    (for-each (lambda (item)
                (match item
                  (('item . nodes)
                   (fluid-set! *mark* next-mark)
                   (for-each block nodes))
                  (_ (block item))))
              (kids node))))

(define (numbering start)
  ;; Marks that count on from START: a number or a letter.
  (let ((next (cond ((not start) 1)
                    ((string->number start))
                    (else (string-ref start 0)))))
    (lambda ()
      (let ((this next))
        (set! next (if (char? this)
                       (integer->char (+ 1 (char->integer this)))
                       (+ this 1)))
        (string-append (if (char? this) (string this) (number->string this)) ". ")))))

(define (definition node)
  (let* ((arguments (match node ((_ ('% . arguments) . _) arguments)))
         (texts (map (lambda (argument) (inline-text (cdr argument)))
                     (remove (lambda (argument) (memq (car argument) '(category)))
                             arguments)))
         (category (or (argument node 'category)
                       (assq-ref '((defun . "Function") (defspec . "Special Form")
                                   (defvar . "Variable") (defmac . "Macro")
                                   (defopt . "User Option") (deftypefun . "Function")
                                   (deftypevar . "Variable") (defmethod . "Method"))
                                 (car node))
                       (symbol->string (car node)))))
    (put-lines
     (indented (list (string-append "- " category ": "
                                    (string-join (remove string-null? texts) " ")))
               #f))
    (deeper 5 (kids node))))

(define (block node)
  (cond
   ((string? node)
    (paragraph (list 'para node)))
   ((texi-command-depth (car node) 4)
    => (lambda (level)
         (if (eq? (car node) 'top)
             (section `(top ,(or (argument node 'title) "")) 0)
             (section node level))))
   (else
    (case (car node)
      ((para) (paragraph node))
      ((example smallexample lisp smalllisp verbatim) (lines-as-they-are node))
      ((display smalldisplay format smallformat quotation cartouche)
       (deeper 5 (kids node)))
      ((center)
       (display (inline-text (kids node)))
       (newline)
       (newline))
      ((itemize)
       (let ((bullet (match node
                       ((_ ('% ('bullet bullet . _)) . _) (inline bullet))
                       (_ "*"))))
         (items node 5 (lambda () (string-append bullet " ")))))
      ((enumerate) (items node 5 (numbering (argument node 'start))))
      ((table ftable vtable)
       (for-each (lambda (entry)
                   (match entry
                     (('entry ('% ('heading . heading)) . nodes)
                      (put-lines (indented (list (inline-text heading)) (take-mark!)))
                      (deeper 5 nodes))
                     (_ (block entry))))
                 (kids node)))
      ((itemx)
       (put-lines (indented (list (inline-text (kids node))) #f))
       (newline))
      ((deftp defcv defivar deftypeivar defop deftypeop defmethod deftypemethod defopt
              defvr defvar deftypevr deftypevar deffn deftypefn defspec defmac defun
              deftypefun)
       (definition node))
      ((*fragment* texinfo ifinfo ifplaintext ifnothtml ifnottex ifnotxml titlepage copying)
       (for-each block (kids node)))
      ;; Nothing of these is seen in a text.
      ((node anchor c comment noindent sp page cindex findex vindex kindex pindex tindex
             ignore iftex ifhtml ifxml ifnotinfo ifnotplaintext menu direntry
             setchapternewpage vskip syncodeindex contents shortcontents summarycontents
             insertcopying dircategory printindex paragraphindent)
       *unspecified*)
      (else (paragraph (list 'para node)))))))

(define (stexi->plain-text tree)
  "Return TREE, what `texi-fragment->stexi' and its like return, as plain text of lines
of *line-width*."
  (with-output-to-string
    (lambda ()
      (with-fluids ((*mark* #f))
        (block tree)))))
