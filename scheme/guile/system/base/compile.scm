;;; Compiling, which here is evaluating: programs are compiled as they load.

(define-module (system base compile)
  #:export (compile compile-file compile-and-load compiled-file-name
            read-and-compile default-optimization-level default-warning-level))

(define default-optimization-level (make-parameter 2))
(define default-warning-level (make-parameter 1))

(define* (compile expression #:key (from 'scheme) (to 'value)
                  (env (current-module)) (opts '()) optimization-level
                  warning-level)
  "Return the value of EXPRESSION in the module ENV."
  (unless (and (eq? from 'scheme) (memq to '(value #f)))
    (scm-error 'misc-error "compile" "cannot compile from ~S to ~S: ~A"
               (list from to "there are only Scheme and values here") #f))
  (eval expression env))

(define* (compile-and-load file #:rest options)
  "Evaluate the expressions in FILE."
  (primitive-load file))

(define (compiled-file-name file)
  "Return #f: compiled files are not kept."
  #f)

(define (no-files procedure)
  (scm-error 'misc-error procedure "compiled files are not kept here" '() #f))

(define (compile-file file . options)
  "Throw 'misc-error: compiled files are not kept."
  (no-files "compile-file"))

(define (read-and-compile port . options)
  "Throw 'misc-error: compiled files are not kept."
  (no-files "read-and-compile"))
