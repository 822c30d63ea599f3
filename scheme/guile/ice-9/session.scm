;;; What a person at the prompt asks about names.

(define-module (ice-9 session)
  #:use-module (ice-9 documentation)
  #:export (help apropos apropos-internal apropos-fold apropos-fold-accessible
            procedure-arguments arity module-commentary))

;; Each module that MODULE sees, itself first.
(define (seen module)
  (cons module (module-uses module)))

(define (apropos-fold f initial pattern modules)
  "Return the last result of F, called with each module of MODULES, each name in
it that contains PATTERN, its value, and the result so far, which starts as
INITIAL."
  (let next-module ((modules modules) (result initial))
    (if (null? modules)
        result
        (let ((module (car modules))
              (found result))
          (module-for-each
           (lambda (name variable)
             (when (and (string-contains (symbol->string name) pattern)
                        (variable-bound? variable))
               (set! found (f module name (variable-ref variable) found))))
           module)
          (next-module (cdr modules) found)))))

(define (apropos-fold-accessible module)
  "Return a procedure that folds over the names that MODULE sees."
  (lambda (f initial pattern)
    (apropos-fold f initial pattern (seen module))))

(define (apropos-internal pattern)
  "Return the list of the names that contain PATTERN, a string."
  (apropos-fold (lambda (module name value names)
                  (if (memq name names) names (cons name names)))
                '() pattern (seen (current-module))))

(define (apropos pattern . options)
  "Print the names that contain PATTERN, a string, and where they are from; with
`full' among OPTIONS, their values too."
  (apropos-fold (lambda (module name value result)
                  (write (module-name module))
                  (display ": ")
                  (display name)
                  (when (memq 'full options)
                    (display "\t")
                    (write value))
                  (newline)
                  result)
                (if #f #f) pattern (seen (current-module))))

(define (procedure-arguments procedure)
  "Return what PROCEDURE takes, as an association list of `required', `optional',
`keyword', `allow-other-keys?' and `rest'."
  (let ((arity (procedure-minimum-arity procedure)))
    (define (names prefix count)
      (map (lambda (index) '_) (iota count)))
    `((required . ,(names "arg" (car arity)))
      (optional . ,(names "opt" (cadr arity)))
      (keyword)
      (allow-other-keys? . #f)
      (rest . ,(and (caddr arity) 'rest)))))

(define (arity procedure)
  "Print how many arguments PROCEDURE takes."
  (let ((arity (procedure-minimum-arity procedure)))
    (display procedure)
    (display " takes ")
    (display (car arity))
    (display (if (caddr arity) " or more" ""))
    (display (if (= (car arity) 1) " argument" " arguments"))
    (newline)))

(define (module-commentary name)
  "Return the commentary of the module NAME, or #f."
  (let ((file (%search-load-path
               (string-append (string-join (map symbol->string name) "/")
                              ".scm"))))
    (and file (file-commentary file))))

(define-syntax help
  ;; (help NAME): print what is written about NAME.
  (syntax-rules ()
    ((_) (display "(help NAME) prints what is written about NAME.\n"))
    ((_ name)
     (let ((text (object-documentation name)))
       (display (or text "nothing is written about it"))
       (newline)))))
