;;; Lines with a prompt, and the names with which a start-up file asks for editing.
;;;
;;; The prompt of this program edits its lines by itself, so there is nothing to
;;; activate; what is set here is kept and told.
;;;
;;; Source: Guile's manual, "Readline Support".

(define-module (ice-9 readline)
  #:use-module (ice-9 rdelim)
  #:use-module (ice-9 regex)
  #:use-module ((ice-9 session) #:select (apropos-internal))
  #:use-module (srfi srfi-1)
  #:export (readline readline-port activate-readline
            set-readline-prompt! set-readline-read-hook!
            set-readline-input-port! set-readline-output-port!
            add-history clear-history read-history write-history
            readline-options readline-enable readline-disable readline-set!
            make-completion-function with-readline-completion-function
            apropos-completion-function filename-completion-function))

(define %input #f)
(define %output #f)
(define %prompts '("" . ""))
(define %before-read #f)

(define* (readline #:optional (prompt "") (input (or %input (current-input-port)))
                   (output (or %output (current-output-port)))
                   (before-read %before-read))
  "Return the next line of INPUT, without its end, or the end-of-file object; PROMPT, a
string or a procedure that returns one, is shown on OUTPUT before."
  (display (if (procedure? prompt) (prompt) prompt) output)
  (force-output output)
  (when before-read (before-read))
  (read-line input))

(define (readline-port)
  "Return a port from which lines come, each after the prompt that `set-readline-prompt!'
has set."
  (define rest "")
  (define first? #t)
  (define (next)
    (when (string-null? rest)
      (let ((line (readline (if first? (car %prompts) (cdr %prompts)))))
        (set! first? #f)
        (unless (eof-object? line)
          (set! rest (string-append line "\n")))))
    (if (string-null? rest)
        the-eof-object
        (let ((char (string-ref rest 0)))
          (set! rest (substring rest 1))
          char)))
  (make-soft-port (vector #f #f #f next #f) "r"))

(define (activate-readline)
  "Do nothing: where a person types, lines are edited already."
  *unspecified*)

(define* (set-readline-prompt! prompt #:optional (continued prompt))
  "Let `readline-port' show PROMPT, and CONTINUED in later lines."
  (set! %prompts (cons prompt continued)))

(define (set-readline-input-port! port)
  "Let `readline' read from PORT where it is told no other."
  (set! %input port))

(define (set-readline-output-port! port)
  "Let `readline' show its prompt on PORT where it is told no other."
  (set! %output port))

(define (set-readline-read-hook! thunk)
  "Call THUNK before each line that `readline' reads."
  (set! %before-read thunk))

;;; History, the last line first.

(define %history '())

(define (add-history line)
  "Add LINE to the history."
  (set! %history (cons line %history)))

(define (clear-history)
  "Forget the history."
  (set! %history '()))

(define (read-history file)
  "Add the lines of FILE to the history; return whether there is one."
  (and (file-exists? file)
       (call-with-input-file file
         (lambda (port)
           (let loop ((line (read-line port)))
             (unless (eof-object? line)
               (add-history line)
               (loop (read-line port))))
           #t))))

(define (write-history file)
  "Write the history to FILE, a line each; return whether that went well."
  (catch 'system-error
    (lambda ()
      (call-with-output-file file
        (lambda (port)
          (for-each (lambda (line) (display line port) (newline port)) (reverse %history))))
      #t)
    (lambda _ #f)))

;;; Options.

(define %options
  ;; The name, whether it is on or its value, and what it does.
  (list (list 'history-file #t "Use history file.")
        (list 'history-length 200 "History length.")
        (list 'bounce-parens 500 "Time (ms) to show matching opening parenthesis (0 = off).")
        (list 'bracketed-paste #t "Disable interpretation of control characters in pastes.")))

(define (change! name value)
  (let ((option (assq name %options)))
    (unless option
      (scm-error 'misc-error "readline-options-interface" "Unknown option name: ~S"
                 (list name) #f))
    (set-car! (cdr option) value)))

(define (readline-options . arguments)
  "Return the options that are on, and those that have values with them; with an
argument, show each with what it does."
  (if (null? arguments)
      (append-map (lambda (option)
                    (let ((name (car option)) (value (cadr option)))
                      (cond ((eq? value #t) (list name))
                            (value (list name value))
                            (else '()))))
                  (reverse %options))
      (for-each (lambda (option)
                  (format #t "~a\t\t~a\t~a\n" (car option)
                          (case (cadr option) ((#t) "yes") ((#f) "no") (else (cadr option)))
                          (caddr option)))
                %options)))

(define (readline-enable . names)
  "Switch the options NAMES on, and return all."
  (for-each (lambda (name) (change! name #t)) names)
  (readline-options))

(define (readline-disable . names)
  "Switch the options NAMES off, and return all."
  (for-each (lambda (name) (change! name #f)) names)
  (readline-options))

(define-syntax-rule (readline-set! name value)
  ;; Give the option NAME a VALUE.
  (begin (change! 'name value) (readline-options)))

;;; Completion: a procedure of a text and whether to go on, which returns the next
;;; completion or #f.

(define (completions-from candidates-of)
  (let ((waiting '()))
    (lambda (text continue?)
      (unless continue? (set! waiting (candidates-of text)))
      (and (pair? waiting)
           (let ((first (car waiting)))
             (set! waiting (cdr waiting))
             first)))))

(define (make-completion-function strings)
  "Return a procedure that completes to those of STRINGS that begin with its text."
  (completions-from
   (lambda (text) (filter (lambda (string) (string-prefix? text string)) strings))))

(define (names-that-begin text)
  (map symbol->string (apropos-internal (string-append "^" (regexp-quote text)))))

(define (files-that-begin text)
  (let* ((slash (string-rindex text #\/))
         (folder (if slash (substring text 0 (+ slash 1)) ""))
         (start (if slash (substring text (+ slash 1)) text))
         (names (catch 'system-error
                  (lambda ()
                    (let ((stream (opendir (if slash folder "."))))
                      (let loop ((names '()))
                        (let ((name (readdir stream)))
                          (if (eof-object? name)
                              (begin (closedir stream) (reverse names))
                              (loop (cons name names)))))))
                  (lambda _ '()))))
    (filter-map (lambda (name)
                  (and (not (member name '("." "..")))
                       (string-prefix? start name)
                       (string-append folder name)))
                names)))

(define apropos-completion-function
  (let ((complete (completions-from names-that-begin)))
    (lambda (text continue?)
      "Return the next name that the current module sees and that begins with TEXT."
      (complete text continue?))))

(define filename-completion-function
  (let ((complete (completions-from files-that-begin)))
    (lambda (text continue?)
      "Return the next name of a file that begins with TEXT."
      (complete text continue?))))

(define (with-readline-completion-function completer thunk)
  "Return what THUNK returns.  The prompt of this program completes by itself, so
COMPLETER is not asked."
  (thunk))
