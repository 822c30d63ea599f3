;;; Evaluating text.

(define-module (ice-9 eval-string)
  #:replace (eval-string))

(define* (eval-string text #:key (module (current-module)) file line column
                      (lang 'scheme) (compile? #f))
  "Evaluate the expressions in TEXT in MODULE and return the values of the last.
FILE, LINE and COLUMN say where the text is from.  LANG must be `scheme';
COMPILE? makes no difference here."
  (unless (or (not lang) (eq? lang 'scheme))
    (scm-error 'misc-error "eval-string" "no such language: ~S" (list lang) #f))
  (let ((port (open-input-string text)))
    (when file (set-port-filename! port file))
    (when line (set-port-line! port line))
    (when column (set-port-column! port column))
    (save-module-excursion
     (lambda ()
       (set-current-module module)
       (let loop ((expression (read port)))
         (if (eof-object? expression)
             (if #f #f)
             (let ((next (read port)))
               (if (eof-object? next)
                   (primitive-eval expression)
                   (begin
                     (primitive-eval expression)
                     (loop next))))))))))
