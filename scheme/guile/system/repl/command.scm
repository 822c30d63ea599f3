;;; Commands that programs add to prompts they open themselves.

(define-module (system repl command)
  #:use-module (ice-9 rdelim)
  #:use-module (system repl common)
  #:export (define-meta-command meta-command run-added-command))

(define commands '())

(define (add-command! name category procedure)
  (set! commands (cons (list name category procedure) commands)))

(define (read-arguments line)
  (call-with-input-string line
    (lambda (port)
      (let loop ((arguments '()))
        (let ((argument (read port)))
          (if (eof-object? argument)
              (reverse arguments)
              (loop (cons argument arguments))))))))

;; (define-meta-command ((NAME GROUP) REPL (FORM …) . DATA) DOCUMENTATION BODY …): a command
;; is called with the prompt's state and the data that follow it on its line.  The group
;; and the list of forms may be left out.
(define-syntax define-meta-command
  (syntax-rules ()
    ((_ ((name category) repl (form ...) . data) documentation body ...)
     (add-command! 'name 'category
                   (lambda* (repl form ... . data) documentation body ...)))
    ((_ ((name category) repl . data) documentation body ...)
     (add-command! 'name 'category (lambda* (repl . data) documentation body ...)))
    ((_ (name repl (form ...) . data) documentation body ...)
     (add-command! 'name #f (lambda* (repl form ... . data) documentation body ...)))
    ((_ (name repl . data) documentation body ...)
     (add-command! 'name #f (lambda* (repl . data) documentation body ...)))))

(define (meta-command repl)
  "Read the rest of a line, a command's name and its arguments, and run it for REPL."
  (let* ((line (read-line))
         (words (if (eof-object? line) '() (read-arguments line)))
         (name (if (pair? words) (car words) '||)))
    (unless (and (pair? words) (run-command repl name (cdr words)))
      (format #t "Unknown meta command: ~A~%" name))))

(define (run-command repl name arguments)
  (let ((found (assq name commands)))
    (and found
         (begin
           (apply (caddr found) repl arguments)
           #t))))

(define (run-added-command name line)
  "Run the command called NAME, a string, which was added with `define-meta-command', with
the arguments in LINE, a string; return #f when there is none."
  (run-command (make-repl 'scheme) (string->symbol name) (read-arguments line)))
