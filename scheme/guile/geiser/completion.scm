;;; How names of variables and modules go on, for Geiser.

(define-module (geiser completion)
  #:use-module (srfi srfi-1)
  #:export (ge:completions
            ge:module-completions))

(define (beginning-with prefix names)
  "Return those of NAMES, strings, that begin with PREFIX, sorted, each once."
  (sort (delete-duplicates
         (filter (lambda (name) (string-prefix? prefix name)) names))
        string<?))

(define (ge:completions prefix . context)
  "Return the names that the current module sees and that begin with PREFIX, a string."
  (beginning-with prefix
                  (append-map (lambda (module)
                                (map symbol->string
                                     (module-map (lambda (name variable) name) module)))
                              (cons (current-module) (module-uses (current-module))))))

(define (ge:module-completions prefix)
  "Return the names of the modules that are loaded, or carried by this program, and begin
with PREFIX, such as \"(ice-9 re\"; closing parentheses behind it do not count."
  (beginning-with (string-trim-right prefix #\))
                  (map (lambda (name) (call-with-output-string
                                        (lambda (port) (write name port))))
                       (append (map module-name (%all-modules))
                               (%carried-modules)))))
