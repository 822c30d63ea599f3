;;; Warnings of the compiler.  Nothing warns here: what a program asks for is told, and
;;; what it registers is kept.

(define-module (system base message)
  #:use-module (srfi srfi-9)
  #:export (*current-warning-port* *current-warning-prefix* warning
            warning-type? warning-type-name warning-type-description
            warning-type-printer lookup-warning-type %warning-types))

(define *current-warning-port*
  (make-parameter (current-error-port)))

(define *current-warning-prefix*
  (make-parameter ";;; "))

(define-record-type <warning-type>
  (make-warning-type name description printer)
  warning-type?
  (name warning-type-name)
  (description warning-type-description)
  (printer warning-type-printer))

;; Kinds that Guile's compiler tells of; LOCATION and what the kind is about follow.
(define (printer text)
  (lambda (port location . about)
    (format port "~A: warning: ~?~%" location text about)))

(define %warning-types
  (list (make-warning-type 'unsupported-warning "warn about unknown warning types"
                           (printer "unknown warning type `~A'"))
        (make-warning-type 'unused-variable "report unused variables"
                           (printer "unused variable `~A'"))
        (make-warning-type 'unused-toplevel "report unused local top-level variables"
                           (printer "possibly unused local top-level variable `~A'"))
        (make-warning-type 'shadowed-toplevel "report shadowed top-level variables"
                           (printer "shadows previous definition of `~A'"))
        (make-warning-type 'unbound-variable "report possibly unbound variables"
                           (printer "possibly unbound variable `~A'"))
        (make-warning-type 'arity-mismatch "report procedure arity mismatches"
                           (printer "possibly wrong number of arguments to `~A'"))
        (make-warning-type 'duplicate-case-datum "report a duplicate datum in a case"
                           (printer "duplicate datum ~A in clause ~A of case"))
        (make-warning-type 'bad-case-datum "report a case datum that cannot be compared"
                           (printer "datum ~A cannot be meaningfully compared"))
        (make-warning-type 'format "report wrong number of arguments to `format'"
                           (printer "~A: bad format string"))))

(define (lookup-warning-type name)
  "Return the kind of warning called NAME, or #f."
  (let loop ((types %warning-types))
    (cond ((null? types) #f)
          ((eq? name (warning-type-name (car types))) (car types))
          (else (loop (cdr types))))))

(define (warning type location . about)
  "Tell of a warning of TYPE, a name, at LOCATION on (*current-warning-port*)."
  (let ((found (lookup-warning-type type))
        (port (*current-warning-port*)))
    (display (*current-warning-prefix*) port)
    (if found
        (apply (warning-type-printer found) port location about)
        (format port "~A: unknown warning type `~A': ~A~%" location type about))))
