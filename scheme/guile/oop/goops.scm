;;; GOOPS: classes, instances, generic functions and methods.
;;;
;;; A generic function is an ordinary procedure; what it dispatches on is kept
;;; beside it.  Generic functions dispatch in one way, which no method changes.
;;; The parts of the module stand in the folder goops.
;;;
;;; Source: Guile Reference Manual, "GOOPS".

(define-module (oop goops)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:use-module (ice-9 atomic)
  #:autoload (ice-9 threads) (thread? mutex? condition-variable?)
  #:export (define-class class make-class
            define-generic define-extended-generic define-extended-generics
            define-accessor define-method method make-method
            make-generic make-extended-generic make-accessor ensure-generic ensure-accessor
            add-method!

            <top> <object> <class> <procedure-class> <entity-class> <instance-class>
            <applicable> <procedure> <primitive-generic> <generic> <extended-generic>
            <accessor> <method> <accessor-method>
            <boolean> <char> <list> <pair> <null> <string> <symbol> <keyword>
            <vector> <bytevector> <bitvector> <array> <number> <complex> <real> <integer>
            <fraction> <unknown> <hashtable> <port> <input-port> <output-port>
            <input-output-port> <fluid> <promise> <module> <variable>
            <atomic-box> <character-set> <regexp> <hook>

            <generic-with-setter> <extended-accessor> <extended-generic-with-setter>
            <applicable-struct> <applicable-struct-with-setter>
            <applicable-struct-class> <applicable-struct-with-setter-class>
            <slot> <foreign-slot> <opaque-slot> <hidden-slot> <protected-slot> <read-only-slot>
            <protected-opaque-slot> <protected-hidden-slot> <protected-read-only-slot>
            <scm-slot> <redefinable-class>
            <file-port> <file-input-port> <file-output-port> <file-input-output-port>
            <condition-variable> <directory> <dynamic-state> <foreign> <guardian> <macro>
            <mutex> <random-state> <syntax> <thread> <uvec>
            compute-cpl compute-std-cpl compute-get-n-set
            compute-getter-method compute-setter-method method-more-specific?

            make make-instance initialize allocate-instance
            slot-ref slot-set! slot-bound? slot-exists?
            slot-unbound slot-missing no-method no-applicable-method no-next-method
            class-of is-a? instance? class? generic? accessor? method?
            class-name class-direct-supers class-direct-slots class-direct-subclasses
            class-direct-methods class-subclasses class-precedence-list class-slots
            class-slot-definition class-methods class-slot-ref class-slot-set!
            slot-definition-name slot-definition-options slot-definition-allocation
            slot-definition-getter slot-definition-setter slot-definition-accessor
            slot-definition-init-value slot-definition-init-form
            slot-definition-init-thunk slot-definition-init-keyword
            generic-function-name generic-function-methods
            method-generic-function method-specializers method-procedure
            primitive-generic-generic enable-primitive-generic!
            shallow-clone deep-clone change-class update-instance-for-different-class
            goops-error get-keyword))

(define (goops-error message . arguments)
  "Throw 'goops-error with MESSAGE, whose directives take ARGUMENTS."
  (scm-error 'goops-error #f message arguments '()))

(define (get-keyword key options . default)
  "Return the value after KEY in the list OPTIONS, or DEFAULT."
  (let loop ((rest options))
    (cond ((null? rest)
           (if (null? default)
               (goops-error "No value for keyword ~S in ~S" key options)
               (car default)))
          ((or (null? (cdr rest)) (not (keyword? (car rest))))
           (goops-error "Malformed argument list: ~S" options))
          ((eq? (car rest) key) (cadr rest))
          (else (loop (cddr rest))))))

(include "goops/classes.scm")
(include "goops/class-of.scm")
(include "goops/slots.scm")
(include "goops/generics.scm")
(include "goops/forms.scm")
(include "goops/protocol.scm")

;;; Printing.  Methods of `write' and `display' are seen wherever an instance is
;;; printed, also within other data.

(define (address object)
  (number->string (object-address object) 16))

(define (plainly object port)
  (display "#<" port)
  (display (%class-name (class-of object)) port)
  (display " " port)
  (display (address object) port)
  (display ">" port))

(define %write (new-generic 'write (@ (guile) write) #f))
(define %display (new-generic 'display (@ (guile) display) #f))

(define (show-instance object port)
  (define (printer generic)
    (and (pair? (methods-of (generic-record generic) (list object port))) generic))
  ((or (case (%printing-style)
         ((write) (printer %write))
         ((display) (or (printer %display) (printer %write)))
         (else (or (printer %write) (printer %display))))
       plainly)
   object port))

(set-record-type-printer! <instance> show-instance)

(set-record-type-printer! <class-record>
  (lambda (class port)
    (display "#<" port)
    (display (%class-name (class-of class)) port)
    (display " " port)
    (display (%class-name class) port)
    (display " " port)
    (display (address class) port)
    (display ">" port)))

(set-record-type-printer! <method-record>
  (lambda (method port)
    (display "#<<method> " port)
    (let loop ((rest (method-specializers method)) (separator "("))
      (cond ((pair? rest)
             (display separator port)
             (display (%class-name (car rest)) port)
             (loop (cdr rest) " "))
            ((null? rest) (display (if (equal? separator "(") "()" ")") port))
            (else
             (display " . " port)
             (display (%class-name rest) port)
             (display ")" port))))
    (display " " port)
    (display (address method) port)
    (display ">" port)))
