;;; Languages that programs may be written in.  Only Scheme is there; what a program
;;; defines besides is kept, with its reader, printer and evaluator.

(define-module (system base language)
  #:use-module (srfi srfi-9)
  #:export (define-language make-language language? lookup-language
            language-name language-title language-reader language-printer
            language-parser language-compilers language-decompilers
            language-evaluator language-joiner language-for-humans?
            language-make-default-environment language-lowerer language-analyzer
            language-compiler-chooser
            lookup-compilation-order lookup-decompilation-order
            invalidate-compilation-cache! default-environment
            *current-language* current-language))

(define-syntax define-language-type
  (lambda (form)
    ;; Define the type with FIELDs in the constructor's order. What reads one,
    ;; `language-FIELD', changes it in `set!'.
    (syntax-case form ()
      ((keyword constructor predicate field ...)
       (let ((named (lambda (prefix)
                      (map (lambda (field)
                             (datum->syntax #'keyword (symbol-append prefix (syntax->datum field))))
                           #'(field ...)))))
         (with-syntax (((reader ...) (generate-temporaries #'(field ...)))
                       ((writer ...) (generate-temporaries #'(field ...)))
                       ((accessor ...) (named 'language-)))
           #'(begin
               (define-record-type <language>
                 (constructor field ...)
                 predicate
                 (field reader writer) ...)
               (define accessor (make-procedure-with-setter reader writer)) ...)))))))

(define-language-type %make-language language?
  name title reader printer parser compilers decompilers evaluator joiner for-humans?
  make-default-environment lowerer analyzer compiler-chooser)

(define* (make-language #:key name title reader printer parser (compilers '())
                        (decompilers '()) evaluator joiner (for-humans? #t)
                        (make-default-environment make-fresh-user-module)
                        lowerer analyzer compiler-chooser)
  "Return a language with the parts given."
  (%make-language name title reader printer parser compilers decompilers evaluator joiner
                  for-humans? make-default-environment lowerer analyzer compiler-chooser))

(define-syntax-rule (define-language name option ...)
  ;; Define NAME as a language.
  (define name (make-language #:name 'name option ...)))

(define scheme
  (make-language #:name 'scheme
                 #:title "Scheme"
                 #:reader (lambda (port environment) (read port))
                 #:printer write
                 #:evaluator (lambda (expression environment)
                               (eval expression environment))))

(define (lookup-language name)
  "Return the language called NAME: Scheme, or what module (language NAME spec) defines."
  (cond ((language? name) name)
        ((eq? name 'scheme) scheme)
        (else
         (let ((found (module-ref (resolve-interface `(language ,name spec)) name)))
           (if (language? found)
               found
               (error "no such language" name))))))

(define (lookup-compilation-order from to)
  "Return '(): nothing is compiled to other languages."
  '())

(define (lookup-decompilation-order from to)
  "Return '(): nothing is compiled to other languages."
  '())

(define (invalidate-compilation-cache!)
  "Do nothing: no orders are kept."
  *unspecified*)

(define (default-environment language)
  "Return a new environment for programs in LANGUAGE."
  ((language-make-default-environment (lookup-language language))))

(define *current-language* (make-fluid 'scheme))

(define current-language
  (make-parameter 'scheme))
