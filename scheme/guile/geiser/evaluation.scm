;;; Evaluation for Geiser: each request is a command of the prompt, and each answer one
;;; line that Emacs reads.

(define-module (geiser evaluation)
  #:use-module (ice-9 match)
  #:use-module (ice-9 pretty-print)
  #:export (evaluate-request
            load-request
            request-output
            ge:add-to-load-path
            ge:macroexpand
            ge:set-warnings))

;; What the request that is answered now has printed: a procedure without arguments.
(define %output (lambda () ""))

(define (request-output)
  "Return what the last request has printed so far."
  (%output))

(define (answer thunk)
  "Return the answer to a request, a string: the values of THUNK, and what it prints."
  (let ((port (open-output-string)))
    (set! %output (lambda () (get-output-string port)))
    (let ((values (parameterize ((current-output-port port)
                                 (current-error-port port)
                                 (current-warning-port port))
                    (call-with-values thunk list))))
      (call-with-output-string
        (lambda (reply)
          (write `((result ,@(map object->string values))
                   (output . ,(get-output-string port)))
                 reply))))))

(define (module-for name)
  "Return the module called NAME when there is one, otherwise the current one."
  (or (and (pair? name)
           (list? name)
           (resolve-module name #f #:ensure #f))
      (current-module)))

(define (evaluate-request text)
  "Return the answer to TEXT, a module's name or #f, a form and a list of arguments: the
form is evaluated in the module.  With arguments it is a procedure of Geiser, which is
called with them."
  (match (call-with-input-string text
           (lambda (port)
             (let loop ((data '()))
               (let ((datum (read port)))
                 (if (eof-object? datum) (reverse data) (loop (cons datum data)))))))
    ((name form . (or () (() . _)))
     (answer (lambda () (eval form (module-for name)))))
    ((name form arguments . _)
     (let ((procedure (eval form (resolve-module '(geiser emacs)))))
       (answer
        (lambda ()
          (save-module-excursion
           (lambda ()
             (let ((module (module-for name)))
               (set-current-module module)
               (apply procedure
                      (map (lambda (argument) (eval argument module)) arguments)))))))))))

(define (load-request text)
  "Return the answer to TEXT, a string's external form or a name, the file to be loaded."
  (let ((file (match (call-with-input-string text read)
                ((? string? file) file)
                (_ text))))
    (answer (lambda () (save-module-excursion (lambda () (load file)))))))

(define (ge:macroexpand form . all)
  "Return the text of what FORM expands to."
  (let ((load (%load-showing form)))
    (%load load)
    (call-with-output-string
      (lambda (port)
        (for-each (lambda (text)
                    (pretty-print (call-with-input-string text read) port))
                  (%shown load))))))

(define (ge:set-warnings level)
  "Return LEVEL: there are no warnings that could be chosen."
  level)

(define (ge:add-to-load-path directory)
  "Look for modules in DIRECTORY too; return whether it is a directory."
  (and (file-is-directory? directory)
       (begin
         (unless (member directory %load-path)
           (add-to-load-path directory))
         #t)))
