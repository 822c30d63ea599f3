;;; Commands that programs add to prompts they open themselves.

(define-module (system repl command)
  #:use-module (ice-9 rdelim)
  #:use-module (system repl common)
  #:export (define-meta-command meta-command))

(define commands '())

(define (add-command! names category procedure)
  (set! commands
        (append (map (lambda (name) (list name category procedure)) names) commands)))

(define (read-arguments line)
  (call-with-input-string line
    (lambda (port)
      (let loop ((arguments '()))
        (let ((argument (read port)))
          (if (eof-object? argument)
              (reverse arguments)
              (loop (cons argument arguments))))))))

;; (define-meta-command (NAME CATEGORY REPL ARGUMENT …) DOCUMENTATION BODY …), with
;; (NAME OTHER …) for several names; and (define-meta-command ((NAME CATEGORY) REPL (FORM …)
;; . ARGUMENTS) …), where expressions are read for FORM … .
(define-syntax define-meta-command
  (syntax-rules ()
    ((_ (((name other ...) category) repl (form ...) . arguments) documentation body ...)
     (add-command! '(name other ...) 'category
                   (lambda* (repl form ... . arguments) documentation body ...)))
    ((_ ((name category) repl (form ...) . arguments) documentation body ...)
     (add-command! '(name) 'category
                   (lambda* (repl form ... . arguments) documentation body ...)))
    ((_ ((name category) repl) documentation body ...)
     (add-command! '(name) 'category (lambda (repl) documentation body ...)))
    ((_ ((name other ...) category repl . arguments) documentation body ...)
     (add-command! '(name other ...) 'category
                   (lambda* (repl . arguments) documentation body ...)))
    ((_ (name category repl . arguments) documentation body ...)
     (add-command! '(name) 'category
                   (lambda* (repl . arguments) documentation body ...)))))

(define (meta-command repl)
  "Read the rest of a line, a command's name and its arguments, and run it for REPL."
  (let* ((line (read-line))
         (words (if (eof-object? line) '() (read-arguments line)))
         (found (and (pair? words) (assq (car words) commands))))
    (if found
        (apply (caddr found) repl (cdr words))
        (format #t "Unknown meta command: ~A~%" (if (pair? words) (car words) "")))))
