;;; What the prompt shows of a value, and its commands that look at data.
;;;
;;; The commands that change the prompt itself (levels of errors, history,
;;; leaving) are not here but in Rust, src/cli/repl.  Every command here is
;;; called with the rest of its line, a string, and prints its answer.

(define-module (fruix prompt)
  #:use-module (fruix prompt table)
  #:use-module (fruix store)
  #:use-module (fruix store system)
  #:use-module (fruix store words)
  #:use-module ((guile internal)
                #:select (%procedure-formals %procedure-source-place))
  #:use-module (ice-9 match)
  #:use-module (ice-9 pretty-print)
  #:use-module (ice-9 session)
  #:use-module (srfi srfi-1)
  #:export (value->text
            value-cut?
            value-keys
            prompt-store
            prompt-word
            prompt-word-names
            prompt-items
            prompt-describe
            prompt-apropos
            prompt-arguments
            geiser-eval
            geiser-load-file))

;;;
;;; Values.
;;;

;; How many parts of a value are shown before the user asks for more.
(define %enough 3000)

(define (value->text value width whole?)
  "Return VALUE as the prompt shows it, a string: on one line when that fits into
WIDTH characters, and otherwise laid out over several, rows and association
lists as tables.  Unless WHOLE?, only the beginning of long data is there; see
`value-cut?'.  A record is shown by the printer that its type was given."
  (let* ((value (if whole? value (beginning value)))
         (line (call-with-output-string
                (lambda (port) (write value port)))))
    (cond ((<= (string-length line) width) line)
          ((value->table value width)
           => (lambda (lines) (string-join lines "\n")))
          ((or (pair? value) (vector? value))
           (string-trim-right
            (call-with-output-string
             (lambda (port) (pretty-print value port #:width width)))
            #\newline))
          (else line))))

(define (value-cut? value)
  "Return #t when `value->text' leaves some of VALUE away."
  (not (eq? value (beginning value))))

(define (beginning value)
  "Return VALUE itself when it has at most %ENOUGH parts, otherwise a copy of its
beginning in which … stands for what is left out."
  (define left %enough)
  (define cut? #f)
  (define (take! count)
    (set! left (- left count)))
  (define (copy value)
    (cond ((<= left 0) (set! cut? #t) '…)
          ((pair? value)
           (let loop ((items value) (copied '()))
             (cond ((and (pair? items) (> left 0))
                    (take! 1)
                    (loop (cdr items) (cons (copy (car items)) copied)))
                   ((null? items) (reverse copied))
                   ((pair? items)
                    (set! cut? #t)
                    (reverse (cons '… copied)))
                   (else (append-reverse copied (copy items))))))
          ((vector? value)
           (let ((length (vector-length value)))
             (let loop ((index 0) (copied '()))
               (cond ((= index length) (list->vector (reverse copied)))
                     ((<= left 0)
                      (set! cut? #t)
                      (list->vector (reverse (cons '… copied))))
                     (else
                      (take! 1)
                      (loop (+ index 1)
                            (cons (copy (vector-ref value index)) copied)))))))
          ((and (string? value) (> (string-length value) (* 10 %enough)))
           (set! cut? #t)
           (string-append (string-take value (* 10 %enough)) "…"))
          (else (take! 1) value)))
  (let ((copied (copy value)))
    (if cut? copied value)))

(define (value-keys value)
  "Return the keys in VALUE, a store layout or an association list, as strings;
the prompt completes them after a quote."
  (define (keys alist)
    (filter-map (match-lambda
                  (((? symbol? key) . _) (symbol->string key))
                  (_ #f))
                alist))
  (cond ((store-layout? value) (keys (store-layout-entries value)))
        ((and (pair? value) (list? value)) (keys value))
        (else '())))

;;;
;;; The system that is asked.
;;;

(define %system (local-system))

(define (prompt-store text)
  "Ask the system whose `/' is the directory TEXT from now on, or with `guest'
the guest of the settings; say what is there."
  (cond ((string-null? text))
        ((string=? text "guest")
         ;; The words of a guest are loaded when they are wanted.
         (let ((system (module-ref (resolve-interface '(fruix store guest))
                                   'guest-system))
               (connect (module-ref (resolve-interface '(fruix guest settings))
                                    'connect-to-guest-of-settings)))
           (set! %system (system (connect)))))
        (else
         (set! %system (local-system (unquoted text)))))
  (let ((said (lambda (thunk) (catch 'store-error thunk (const #f)))))
    (for-each (match-lambda
                ((key . value)
                 (when value
                   (display key) (display "=") (display value) (newline))))
              `(("system" . ,(system-name %system))
                ("items" . ,(said (lambda ()
                                    (length (store-items
                                             #:store (system-store %system))))))
                ("current_system" . ,(said (lambda ()
                                             (system-current %system))))))))

(define (unquoted text)
  (string-trim-both text #\"))

(define prompt-word-names
  ;; What `,refs' and its neighbours are; `,path' and `,items' read well too.
  '("items" "path" "refs" "referrers" "closure" "du" "why-depends" "diff"
    "source" "generations" "roots" "dead" "builds" "verify"))

(define (prompt-word word text width)
  "Print what the system answers to WORD, a string, with the words in TEXT, as a
table of at most WIDTH characters a line."
  (let ((answer (store-answer %system (string->symbol word)
                              (map unquoted
                                   (remove string-null?
                                           (string-split text char-whitespace?))))))
    (for-each (lambda (line) (display line) (newline))
              (if (null? answer)
                  '("nothing")
                  (or (value->table answer width)
                      (answer->lines answer))))))

(define (prompt-items)
  "Return the names and base names of the system's items, for completion."
  (catch #t
    (lambda ()
      (append-map (lambda (path)
                    (list path (store-path-name path)))
                  (store-items #:store (system-store %system))))
    (lambda _ '())))

;;;
;;; Names.
;;;

(define (prompt-arguments procedure)
  "Return what PROCEDURE takes as it was written, a string such as
\"(file #:key (root #f))\", or #f when that is not known."
  (and (procedure? procedure)
       (or (%procedure-formals procedure)
           (match (procedure-minimum-arity procedure)
             ((required optional rest?)
              (let ((names (append (make-list required "_")
                                   (if (> optional 0)
                                       (cons "#:optional" (make-list optional "_"))
                                       '())
                                   (if rest? '("." "_") '()))))
                (string-append "(" (string-join names " ") ")")))
             (_ #f)))))

(define (prompt-describe name documentation)
  "Print what the name NAME, a string, stands for: how it is called, where it was
defined, and DOCUMENTATION, a string or #f."
  (let* ((symbol (string->symbol name))
         (variable (module-variable (current-module) symbol))
         (value (and variable (variable-bound? variable) (variable-ref variable))))
    (cond ((procedure? value)
           (match (prompt-arguments value)
             ((? string? formals)
              (display (if (string-prefix? "(" formals)
                           (string-append "(" name
                                          (if (string=? formals "()") "" " ")
                                          (string-drop formals 1))
                           (string-append "(" name " . " formals ")"))))
             (_ (display name)))
           (newline))
          (variable
           (display name) (display " = ")
           (display (value->text value 60 #f))
           (newline))
          ((not documentation)
           (display "`") (display name) (display "' is not bound here.")
           (newline)))
    (match (and (procedure? value) (%procedure-source-place value))
      ((file line column)
       (display file) (display ":") (display line) (display ":")
       (display column) (newline))
      (_ #t))
    (when documentation
      (newline)
      (display documentation)
      (newline))
    (when (and (procedure? value) (not documentation))
      (display "It has no documentation.")
      (newline))))

(define (prompt-apropos text)
  "Print the names that contain TEXT, with the module each is from and how a
procedure is called."
  (let ((rows (apropos-fold
               (lambda (module name value rows)
                 (let ((text (symbol->string name)))
                   (if (string-prefix? "%" text)
                       rows
                       (cons (list text
                                   (or (prompt-arguments value) "")
                                   (call-with-output-string
                                     (lambda (port)
                                       (write (module-name module) port))))
                             rows))))
               '() text
               (cons (current-module) (module-uses (current-module))))))
    (for-each (lambda (row)
                (display (string-join (remove string-null? row) "  "))
                (newline))
              (sort (delete-duplicates rows)
                    (lambda (one other) (string<? (car one) (car other)))))))

;;;
;;; What the session asks for.
;;;

(define %history (resolve-module '(value-history)))

(define (remember-value name value)
  "Let NAME, a symbol such as $1, mean VALUE in every module of the prompt."
  (module-define! %history name value)
  (module-export! %history (list name))
  (module-use! (current-module) %history))

(define (pretty value width)
  "Print all of VALUE, in lines of at most WIDTH characters where possible."
  (pretty-print value #:width width))

(define (pretty-text text width)
  "Print the datum in TEXT as `pretty' does."
  (pretty (call-with-input-string text read) width))

(define (prompt-formals name)
  "Return what the procedure called NAME, a symbol, takes, in a list; the empty
list when NAME is none."
  (let ((variable (module-variable (current-module) name)))
    (match (and variable (variable-bound? variable)
                (prompt-arguments (variable-ref variable)))
      ((? string? formals) (list formals))
      (_ '()))))

;;;
;;; Geiser, Emacs's mode for Scheme: its requests are commands of the prompt.
;;;

(define (geiser-answer thunk)
  "Print, as Geiser reads it, what THUNK returns and what it prints meanwhile."
  (let* ((answer '((result "")))
         (output (with-output-to-string
                   (lambda ()
                     (set! answer
                           (catch #t
                             (lambda ()
                               (call-with-values thunk
                                 (lambda values
                                   `((result . ,(map written values))))))
                             (lambda (key . args)
                               (when (memq key '(interrupted quit))
                                 (apply throw key args))
                               (display (error-text key args))
                               `((error (key . ,key))))))))))
    (write (append answer `((output . ,output))))
    (newline)))

(define (error-text key args)
  (match args
    ((_ (? string? message) (? list? arguments) . _)
     (apply simple-format #f message arguments))
    (_ (written (cons key args)))))

(define (written value)
  (call-with-output-string (lambda (port) (write value port))))

(define (geiser-eval text)
  "Evaluate the second datum in TEXT in the module that the first one names, the
current one when it is #f."
  (geiser-answer
   (lambda ()
     (call-with-input-string text
       (lambda (port)
         (let* ((module (read port))
                (form (read port)))
           (eval form (if (pair? module)
                          (resolve-module module)
                          (current-module)))))))))

(define (geiser-load-file text)
  "Load the file that TEXT, a string's external form or a name, names."
  (geiser-answer (lambda () (load (unquoted text)))))
