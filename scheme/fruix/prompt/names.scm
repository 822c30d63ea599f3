;;; What the prompt says about names and modules.
;;;
;;; Every command here prints its answer.

(define-module (fruix prompt names)
  #:use-module (fruix documentation)
  #:use-module (fruix prompt table)
  #:use-module ((guile internal)
                #:select (%procedure-formals %procedure-source-place %carried-modules))
  #:use-module (ice-9 match)
  #:use-module (ice-9 session)
  #:use-module (srfi srfi-1)
  #:export (prompt-describe
            prompt-apropos
            prompt-bindings
            prompt-imports
            prompt-formals))

(define (arguments procedure)
  "Return what PROCEDURE takes as it was written, a string such as
\"(file #:key (root #f))\", or #f when that is not known."
  (and (procedure? procedure)
       (or (%procedure-formals procedure)
           ;; Some of the machine's own do not say.
           (match (catch #t
                    (lambda () (procedure-minimum-arity procedure))
                    (const #f))
             ((required optional rest?)
              (let ((names (append (make-list required "_")
                                   (if (> optional 0)
                                       (cons "#:optional" (make-list optional "_"))
                                       '())
                                   (if rest? '("." "_") '()))))
                (string-append "(" (string-join names " ") ")")))
             (_ #f)))))

(define (prompt-formals name)
  "Return what the procedure called NAME, a symbol, takes, in a list; the empty
list when NAME is none."
  (let ((variable (module-variable (current-module) name)))
    (match (and variable (variable-bound? variable)
                (arguments (variable-ref variable)))
      ((? string? formals) (list formals))
      (_ '()))))

(define (one-line value width)
  "Return VALUE as `write' prints it, a string of at most WIDTH characters."
  (let ((text (call-with-output-string (lambda (port) (write value port)))))
    (if (<= (string-length text) width)
        text
        (string-append (string-take text (max 0 (- width 1))) "…"))))

(define (print-line . parts)
  (for-each display parts)
  (newline))

;;;
;;; One name, or one module.
;;;

(define (prompt-describe text documentation width)
  "Print what TEXT stands for, a name or a module such as (ice-9 match): how it is
called, where it was defined, and what is written about it, which DOCUMENTATION says, a
string or #f.  Of a module, print what it exports, in lines of WIDTH characters."
  (match (catch #t
           (lambda () (call-with-input-string text read))
           (const #f))
    ((? pair? module) (describe-module module width))
    (_ (describe-name text documentation width))))

(define (describe-name text documentation width)
  (let* ((name (string->symbol text))
         (variable (module-variable (current-module) name))
         (value (and variable (variable-bound? variable) (variable-ref variable)))
         (written (written-about name)))
    (cond ((procedure? value)
           (print-line (match (arguments value)
                         ((? string? formals) (call-form text formals))
                         (_ text))))
          ((macro? value)
           (print-line (match written
                         ((entry . _) (documentation-call entry))
                         (_ (string-append "(" text " …)")))
                       "  is a macro"))
          (variable
           (print-line text " = " (one-line value (- width (string-length text) 3))))
          ((not documentation)
           (print-line "`" text "' is not bound here.")))
    (match (and (procedure? value) (%procedure-source-place value))
      ((file line column) (print-line file ":" line ":" column))
      (_ (match (and (macro? value) written)
           ((entry . _) (print-line (documentation-place entry)))
           (_ #t))))
    (match (or documentation
               (any documentation-text written))
      ((? string? text) (newline) (print-line text))
      (_ (when (or (procedure? value) (macro? value))
           (print-line "It has no documentation."))))))

(define (call-form name formals)
  (if (string-prefix? "(" formals)
      (string-append "(" name
                     (if (string=? formals "()") "" " ")
                     (string-drop formals 1))
      (string-append "(" name " . " formals ")")))

(define (home-of name)
  "Return the name of the module that the current one has NAME from, or #f."
  (let ((module (find (lambda (module) (module-local-variable module name))
                      (cons (current-module) (module-uses (current-module))))))
    (and module (module-name module))))

(define (written-about name)
  "Return what the text of a module of fruix-scm that is imported says of NAME: a list
of <documentation>."
  (match (home-of name)
    ((and module ('fruix . _)) (documentation name (list module)))
    (_ '())))

(define (describe-module name width)
  (match (catch #t
           (lambda () (resolve-interface name))
           (const #f))
    (#f (print-line "There is no module " name "."))
    (interface
     (let ((summary (match name
                      (('fruix . _) (module-summary name))
                      (_ ""))))
       (print-line name)
       (unless (string-null? summary)
         (newline)
         (display summary))
       (newline)
       (let ((rows (map (match-lambda
                          ((name . value)
                           (list name
                                 (cond ((procedure? value)
                                        (or (arguments value) ""))
                                       ((macro? value) "macro")
                                       (else (one-line value width))))))
                        (exports interface))))
         (if (null? rows)
             (print-line "It exports nothing.")
             (print-rows rows width)))))))

(define (exports interface)
  "Return what INTERFACE exports, an association list sorted by name."
  (sort (module-map (lambda (name variable)
                      (cons name (and variable
                                      (variable-bound? variable)
                                      (variable-ref variable))))
                    interface)
        (lambda (one other)
          (string<? (symbol->string (car one)) (symbol->string (car other))))))

(define (print-rows rows width)
  "Print ROWS, lists of a name and a string, in two columns of at most WIDTH characters."
  (let ((column (fold max 0 (map (lambda (row) (string-length (symbol->string (car row))))
                                 rows))))
    (for-each (match-lambda
                ((name text)
                 (let* ((line (string-append (string-pad-right (symbol->string name) column)
                                             "  " text))
                        (line (string-trim-right line)))
                   (print-line (if (<= (string-length line) width)
                                   line
                                   (string-append (string-take line (- width 1)) "…"))))))
              rows)))

;;;
;;; Many names.
;;;

(define (prompt-apropos text)
  "Print the names that contain TEXT, a regular expression or plain text, with how each
is called and the module it is from."
  (let* ((seen (cons (current-module) (module-uses (current-module))))
         (pattern (or (false-if-exception (make-regexp text))
                      (make-regexp (regexp-quote text))))
         (rows (apropos-fold
                (lambda (module name value rows)
                  (let ((text (symbol->string name)))
                    (if (string-prefix? "%" text)
                        rows
                        (cons (list text
                                    (or (arguments value) "")
                                    (object->string (module-name module)))
                              rows))))
                '() pattern seen)))
    (for-each (lambda (row)
                (print-line (string-join (remove string-null? row) "  ")))
              (sort (delete-duplicates rows)
                    (lambda (one other) (string<? (car one) (car other)))))))

(define (regexp-quote text)
  "Return a regular expression for TEXT itself."
  (string-concatenate
   (map (lambda (letter)
          (if (memv letter (string->list ".*+?^$()[]{}|\\"))
              (string #\\ letter)
              (string letter)))
        (string->list text))))

(define (prompt-bindings width)
  "Print what the current module defines, with the values, in lines of at most WIDTH
characters."
  (match (exports (current-module))
    (() (print-line "This module defines nothing."))
    (bindings
     (print-rows (map (match-lambda
                        ((name . value) (list name (one-line value width))))
                      bindings)
                 width))))

(define (prompt-imports)
  "Print the modules that the current one sees."
  (for-each (lambda (module)
              (write (module-name module))
              (newline))
            (module-uses (current-module))))
