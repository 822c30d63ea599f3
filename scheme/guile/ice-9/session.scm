;;; What a person at the prompt asks about names.

(define-module (ice-9 session)
  #:use-module (ice-9 documentation)
  #:export (help apropos apropos-internal apropos-fold apropos-fold-accessible
            apropos-fold-all apropos-fold-exported
            procedure-arguments arity module-commentary))

;; Each module that MODULE sees, itself first.
(define (seen module)
  (cons module (module-uses module)))

(define (apropos-fold f initial pattern modules)
  "Return the last result of F, called with each module of MODULES, each name in
it that matches PATTERN, a regular expression or the text of one, its value, and
the result so far, which starts as INITIAL."
  (define expression
    (if (regexp? pattern) pattern (make-regexp pattern)))
  (let next-module ((modules modules) (result initial))
    (if (null? modules)
        result
        (let ((module (car modules))
              (found result))
          (module-for-each
           (lambda (name variable)
             (when (and (regexp-exec expression (symbol->string name))
                        variable
                        (variable-bound? variable))
               (set! found (f module name (variable-ref variable) found))))
           module)
          (next-module (cdr modules) found)))))

(define (apropos-fold-accessible module)
  "Return a procedure that folds over the names that MODULE sees."
  (lambda (f initial pattern)
    (apropos-fold f initial pattern (seen module))))

(define (apropos-internal pattern)
  "Return the list of the names that match PATTERN, the text of a regular
expression."
  (apropos-fold (lambda (module name value names)
                  (if (memq name names) names (cons name names)))
                '() pattern (seen (current-module))))

(define (apropos pattern . options)
  "Print the names that match PATTERN, the text of a regular expression, and where
they are from; with `full' among OPTIONS, their values too."
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

(define (formals->arguments formals)
  "Return what FORMALS, as lambda* takes them, say, as an association list."
  (let loop ((formals formals) (part 'required) (required '()) (optional '())
             (keys '()) (others? #f) (rest #f))
    (define (next part)
      (loop (cdr formals) part required optional keys others? rest))
    (define (name-of formal)
      (if (pair? formal) (car formal) formal))
    (cond
     ((null? formals)
      ;; Guile counts the procedure itself as well.
      (let ((first (+ 1 (length required) (length optional) (if rest 1 0))))
        `((required . ,(reverse required))
          (optional . ,(reverse optional))
          (keyword . ,(let number ((keys (reverse keys)) (index first))
                        (if (null? keys)
                            '()
                            (cons (cons (car keys) index)
                                  (number (cdr keys) (1+ index))))))
          (allow-other-keys? . ,others?)
          (rest . ,rest))))
     ((not (pair? formals))
      (loop '() part required optional keys others? formals))
     ((eq? (car formals) #:optional) (next 'optional))
     ((eq? (car formals) #:key) (next 'key))
     ((eq? (car formals) #:rest) (next 'rest))
     ((eq? (car formals) #:allow-other-keys)
      (loop (cdr formals) part required optional keys #t rest))
     (else
      (let ((name (name-of (car formals))))
        (case part
          ((required)
           (loop (cdr formals) part (cons name required) optional keys others? rest))
          ((optional)
           (loop (cdr formals) part required (cons name optional) keys others? rest))
          ((key)
           (loop (cdr formals) part required optional
                 (cons (if (and (pair? (car formals)) (pair? (cddr (car formals))))
                           (caddr (car formals))
                           (symbol->keyword name))
                       keys)
                 others? rest))
          (else
           (loop (cdr formals) part required optional keys others? name))))))))

(define (procedure-arguments procedure)
  "Return what PROCEDURE takes, as an association list of `required', `optional',
`keyword', `allow-other-keys?' and `rest'."
  (or (let ((lists (procedure-property procedure 'arglist)))
        (and lists
             (map cons '(required optional keyword allow-other-keys? rest) lists)))
      (let ((formals (%procedure-formals procedure)))
        (and formals
             (formals->arguments (call-with-input-string formals read))))
      (let ((arity (procedure-minimum-arity procedure)))
        (define (names count)
          (map (lambda (index) '_) (iota count)))
        `((required . ,(names (car arity)))
          (optional . ,(names (cadr arity)))
          (keyword)
          (allow-other-keys? . #f)
          (rest . ,(and (caddr arity) '_))))))

(define (apropos-fold-all fold-module init)
  "Return the last result of FOLD-MODULE, called with each module and the result so far."
  (let loop ((modules (append (%all-modules) (%directories))) (result init))
    (if (null? modules)
        result
        (loop (cdr modules) (fold-module (car modules) result)))))

;; Modules that others are below, such as (ice-9).
(define (%directories)
  (filter (lambda (module) module)
          (map (lambda (name) (resolve-module name #f #:ensure #f))
               '((ice-9) (srfi) (rnrs) (scheme) (system)))))

(define (apropos-fold-exported fold-module init)
  "Return the last result of FOLD-MODULE, called with the interface of each module."
  (apropos-fold-all (lambda (module result)
                      (fold-module (module-public-interface module) result))
                    init))

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
