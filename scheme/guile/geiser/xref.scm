;;; Where things are, for Geiser.

(define-module (geiser xref)
  #:use-module (geiser doc)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (ge:symbol-location
            ge:module-location
            ge:find-file
            ge:generic-methods
            ge:callers
            ge:callees))

(define (location name file line column)
  "Return where NAME is as Geiser wants it; the empty list when FILE, which a relative
name may lead to, is none that an editor can visit."
  (let ((file (and (string? file)
                   (if (absolute-file-name? file)
                       file
                       (string-append (getcwd) "/" file)))))
    (if (and file (file-exists? file))
        `(("name" . ,name) ("file" . ,file) ("line" . ,line) ("column" . ,column))
        '())))

(define (file-of module)
  "Return the file of the module called MODULE, or #f."
  (or (ge:find-file (string-append (string-join (map object->string module) "/") ".scm"))
      (let ((loaded (resolve-module module #f #:ensure #f)))
        (and loaded (module-filename loaded)))))

(define (ge:symbol-location name)
  "Return where NAME, a symbol, was defined: a procedure to the column, anything else
by the file of its module."
  (let ((value (value-of name)))
    (match (and (procedure? value) (%procedure-source-place value))
      ((file line column) (location name file line column))
      (_ (let ((module (module-of name)))
           (if module (ge:module-location module) '()))))))

(define (ge:module-location name)
  "Return where the file of the module called NAME is."
  (location name (file-of name) 1 0))

(define (ge:find-file path)
  "Return the file that PATH, relative to a directory of the load path, names, or #f."
  (any (lambda (directory)
         (let ((file (string-append directory "/" path)))
           (and (file-exists? file) file)))
       %load-path))

(define (ge:generic-methods name)
  "Return the empty list: where the methods of NAME are is not known."
  '())

(define (ge:callers name)
  "Return #f: who calls NAME is not known."
  #f)

(define (ge:callees name)
  "Return #f: whom NAME calls is not known."
  #f)
