;;; GOOPS: classes, instances, generic functions and methods.
;;;
;;; A generic function is an ordinary procedure; what it dispatches on is kept
;;; beside it.  There are no metaclass protocols: a class is made by `class',
;;; `define-class' or `make-class', and generic functions dispatch in one way.
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
            <input-output-port> <fluid> <promise> <module> <variable> <parameter>
            <atomic-box> <record> <character-set> <regexp> <hook>

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

;;; Classes

(define-record-type <class-record>
  (%make-class-record name supers direct-slots subclasses cpl slots places meta)
  class?
  (name         %class-name set-class-name!)
  (supers       class-direct-supers)
  (direct-slots class-direct-slots set-class-direct-slots!) ;list of slots
  (subclasses   class-direct-subclasses set-class-subclasses!)
  (cpl          class-precedence-list set-class-cpl!)
  (slots        class-slots %set-class-slots!)      ;list of slots, inherited ones too
  (places       class-places set-class-places!)     ;name -> index of a field, or slot
  (meta         class-meta))                        ;class of the class, or #f

(define-record-type <slot-record>
  (%make-slot name options shared allocation init-keyword init-thunk init-value)
  slot?
  (name         slot-definition-name)
  (options      slot-definition-options)            ;keywords and values
  (shared       slot-shared)                        ;variable, for a slot of the class
  ;; What the options say, which is asked for often.
  (allocation   %slot-allocation)
  (init-keyword %slot-init-keyword)
  (init-thunk   %slot-init-thunk)
  (init-value   %slot-init-value))

(define-record-type <instance>
  (%make-instance class fields)
  %instance?
  (class  instance-class set-instance-class!)
  (fields instance-fields set-instance-fields!))    ;vector, in the order of class-slots

(define unbound (list 'unbound))

(define (instance? object)
  "Return whether OBJECT is an instance of a class that inherits from <object>."
  (and (memq <object> (class-precedence-list (class-of object))) #t))

(define (class-name class)
  "Return the name of CLASS, a symbol."
  (%class-name class))

(define (slot-option slot key default)
  (get-keyword key (slot-definition-options slot) default))

(define (make-slot name options shared)
  (define (option key default)
    (get-keyword key options default))
  (%make-slot name options shared
              (option #:allocation #:instance)
              (option #:init-keyword #f)
              (option #:init-thunk #f)
              (option #:init-value unbound)))

(define (slot-definition-allocation slot)
  "Return where SLOT lives: #:instance, #:class, #:each-subclass or #:virtual."
  (%slot-allocation slot))
(define (slot-definition-getter slot)
  "Return the getter of SLOT, or #f."
  (slot-option slot #:getter #f))
(define (slot-definition-setter slot)
  "Return the setter of SLOT, or #f."
  (slot-option slot #:setter #f))
(define (slot-definition-accessor slot)
  "Return the accessor of SLOT, or #f."
  (slot-option slot #:accessor #f))
(define (slot-definition-init-value slot)
  "Return the value that SLOT has at first, or an object that says it has none."
  (%slot-init-value slot))
(define (slot-definition-init-form slot)
  "Return the expression for what SLOT has at first."
  (slot-option slot #:init-form unbound))
(define (slot-definition-init-thunk slot)
  "Return the thunk that gives what SLOT has at first, or #f."
  (%slot-init-thunk slot))
(define (slot-definition-init-keyword slot)
  "Return the keyword that gives SLOT a value in a call of `make', or #f."
  (%slot-init-keyword slot))

(define (set-class-slots! class slots)
  (%set-class-slots! class slots)
  (set-class-places!
   class
   (map (lambda (slot index)
          (cons (slot-definition-name slot)
                (if (or (slot-shared slot) (slot-option slot #:slot-ref #f))
                    slot
                    index)))
        slots (iota (length slots)))))

;; The classes that CLASS is, the most specific first: C3, each before those it
;; inherits from, and in the order in which a class names them.
(define (linearize class supers)
  (merge-lists class (append (map class-precedence-list supers) (list supers))))

(define (merge-lists class lists)
  (let loop ((result (list class)) (lists lists))
    (let ((lists (remove null? lists)))
      (if (null? lists)
          (reverse result)
          (let ((next (or (find (lambda (candidate)
                                  (not (any (lambda (list) (memq candidate (cdr list))) lists)))
                                (map car lists))
                          (goops-error "Inconsistent precedence list of class ~S"
                                       (%class-name class)))))
            (loop (cons next result)
                  (map (lambda (list) (if (eq? (car list) next) (cdr list) list)) lists)))))))

(define (compute-std-cpl class supers-of)
  "Return the classes that CLASS is, the most specific first, where SUPERS-OF gives those
that a class names."
  (let loop ((class class))
    (let* ((supers (supers-of class))
           (lists (append (map loop supers) (list supers))))
      (merge-lists class lists))))

(define (all-slots class)
  (fold (lambda (super slots)
          (append (remove (lambda (slot)
                            (any (lambda (known)
                                   (eq? (slot-definition-name known)
                                        (slot-definition-name slot)))
                                 slots))
                          (map (own-slot class) (class-direct-slots super)))
                  slots))
        (class-direct-slots class)
        (cdr (class-precedence-list class))))

;; SLOT as CLASS inherits it: its own where each subclass has one.
(define (own-slot class)
  (lambda (slot)
    (if (eq? (slot-definition-allocation slot) #:each-subclass)
        (shared-slot slot)
        slot)))

(define (initial-value slot)
  (cond ((slot-definition-init-thunk slot) => (lambda (thunk) (thunk)))
        (else (slot-definition-init-value slot))))

(define (shared-slot slot)
  (make-slot (slot-definition-name slot) (slot-definition-options slot)
             (make-variable (initial-value slot))))

(define (definition->slot definition)
  (let* ((name (if (pair? definition) (car definition) definition))
         (options (if (pair? definition) (cdr definition) '()))
         (slot (make-slot name options #f)))
    (check-init-thunk slot)
    (case (slot-definition-allocation slot)
      ((#:class #:each-subclass) (shared-slot slot))
      (else slot))))

(define (check-init-thunk slot)
  (let ((thunk (slot-definition-init-thunk slot)))
    (unless (or (not thunk) (thunk? thunk))
      (goops-error "Bad init-thunk for slot `~S': ~S" (slot-definition-name slot) thunk))))

;; SLOT of CLASS, with the procedures that reach it where the class of CLASS has its own
;; way of keeping it.
(define (with-access class slot)
  (if (memq (%slot-allocation slot) '(#:instance #:class #:each-subclass #:virtual))
      slot
      (let ((access (compute-get-n-set class slot)))
        (make-slot (slot-definition-name slot)
                   (append (list #:slot-ref (car access) #:slot-set! (cadr access))
                           (slot-definition-options slot))
                   #f))))

(define* (%make-class name supers definitions #:key metaclass)
  (let* ((supers (if (null? supers) (list <object>) supers))
         (class (begin
                  (for-each (lambda (super)
                              (unless (class? super)
                                (goops-error "Not a class: ~S" super)))
                            supers)
                  (%make-class-record name supers (map definition->slot definitions)
                                      '() '() '() '() metaclass))))
    (let ((names (map slot-definition-name (class-direct-slots class))))
      (unless (= (length names) (length (delete-duplicates names)))
        (goops-error "Duplicate slot in class ~S" name)))
    (set-class-cpl! class (linearize class supers))
    (set-class-direct-slots! class
                             (map (lambda (slot) (with-access class slot))
                                  (class-direct-slots class)))
    (refuse-slots-of-classes class)
    (set-class-slots! class (all-slots class))
    (for-each (lambda (slot) (install-accessors! class slot)) (class-direct-slots class))
    (for-each (lambda (super)
                (set-class-subclasses! super (cons class (class-direct-subclasses super))))
              supers)
    class))

;; The slots of <class> itself are what the others stand on.
(define (refuse-slots-of-classes class)
  (when (any (lambda (super) (eq? (%class-name super) '<class>)) (cdr (class-precedence-list class)))
    (for-each (lambda (slot)
                (when (class-slot-definition <class> (slot-definition-name slot))
                  (scm-error 'misc-error #f
                             "a subclass of <class>: fields of <class> cannot be
redefined: ~S"
                             (list (slot-definition-name slot)) #f)))
              (class-direct-slots class))))

;; Generic functions that the options of SLOT name get their methods.
(define (install-accessors! class slot)
  (define (each keys give)
    (for-each (lambda (key)
                (let ((generic (slot-option slot key #f)))
                  (when (and generic (generic? generic))
                    (give generic))))
              keys))
  (let ((slot (class-slot-definition class (slot-definition-name slot))))
    (each '(#:getter #:accessor)
          (lambda (generic) (add-method! generic (compute-getter-method class slot))))
    (each '(#:setter)
          (lambda (generic) (add-method! generic (compute-setter-method class slot))))
    (each '(#:accessor)
          (lambda (accessor)
            (add-method! (setter accessor) (compute-setter-method class slot))))))

(define (make-class supers slots . options)
  "Return a class that inherits from the classes SUPERS and has SLOTS."
  (%make-class (get-keyword #:name options 'unnamed) supers slots
               #:metaclass (get-keyword #:metaclass options #f)))

(define (class-subclasses class)
  "Return all classes that inherit from CLASS."
  (delete-duplicates
   (append-map (lambda (sub) (cons sub (class-subclasses sub)))
               (class-direct-subclasses class))
   eq?))

(define (class-slot-definition class name)
  "Return the slot of CLASS that is called NAME, or #f."
  (find (lambda (slot) (eq? (slot-definition-name slot) name)) (class-slots class)))

;;; The classes of what is no instance

(define <top> (let ((class (%make-class-record '<top> '() '() '() '() '() '() #f)))
                (set-class-cpl! class (list class))
                class))
(define <object> (%make-class '<object> (list <top>) '()))

(define-syntax-rule (define-classes (name super ...) ...)
  (begin (define name (%make-class 'name (list super ...) '())) ...))

;; What a class consists of can be asked like the slots of any instance.
(define <class>
  (%make-class '<class> (list <object>)
               (map (lambda (name get)
                      (list name #:allocation #:virtual #:slot-ref get))
                    '(name direct-supers direct-slots direct-subclasses direct-methods cpl slots)
                    (list (lambda (class) (%class-name class))
                          (lambda (class) (class-direct-supers class))
                          (lambda (class) (class-direct-slots class))
                          (lambda (class) (class-direct-subclasses class))
                          (lambda (class) (class-direct-methods class))
                          (lambda (class) (class-precedence-list class))
                          (lambda (class) (class-slots class))))))

(define-classes
  (<procedure-class> <class>)
  (<entity-class> <procedure-class>)
  (<instance-class> <class>)
  (<boolean> <top>)
  (<char> <top>)
  (<list> <top>)
  (<pair> <list>)
  (<null> <list>)
  (<string> <top>)
  (<symbol> <top>)
  (<keyword> <top>)
  (<vector> <top>)
  (<bytevector> <top>)
  (<bitvector> <top>)
  (<array> <top>)
  (<number> <top>)
  (<complex> <number>)
  (<real> <complex>)
  (<integer> <real>)
  (<fraction> <real>)
  (<unknown> <top>)
  (<hashtable> <top>)
  (<port> <top>)
  (<input-port> <port>)
  (<output-port> <port>)
  (<input-output-port> <input-port> <output-port>)
  (<file-port> <port>)
  (<file-input-port> <file-port> <input-port>)
  (<file-output-port> <file-port> <output-port>)
  (<file-input-output-port> <file-port> <input-output-port>)
  (<condition-variable> <top>)
  (<directory> <top>)
  (<dynamic-state> <top>)
  (<foreign> <top>)
  (<guardian> <top>)
  (<macro> <top>)
  (<mutex> <top>)
  (<random-state> <top>)
  (<syntax> <top>)
  (<thread> <top>)
  (<uvec> <bytevector>)
  (<fluid> <top>)
  (<promise> <top>)
  (<module> <top>)
  (<variable> <top>)
  (<character-set> <top>)
  (<regexp> <top>)
  (<hook> <top>)
  (<atomic-box> <top>)
  (<record> <top>)
  (<applicable> <top>)
  (<applicable-struct-class> <procedure-class>)
  (<applicable-struct-with-setter-class> <applicable-struct-class>)
  (<redefinable-class> <class>)
  (<applicable-struct> <object> <applicable>)
  (<applicable-struct-with-setter> <applicable-struct>)
  (<slot> <object>)
  (<foreign-slot> <slot>)
  (<opaque-slot> <foreign-slot>)
  (<hidden-slot> <slot>)
  (<protected-slot> <foreign-slot>)
  (<read-only-slot> <slot>)
  (<protected-opaque-slot> <protected-slot> <opaque-slot>)
  (<protected-hidden-slot> <protected-slot> <hidden-slot>)
  (<protected-read-only-slot> <protected-slot> <read-only-slot>)
  (<scm-slot> <protected-slot>)
  (<procedure> <applicable>)
  (<parameter> <procedure>)
  (<primitive-generic> <procedure>)
  (<generic> <applicable-struct>)
  (<extended-generic> <generic>)
  (<generic-with-setter> <generic> <applicable-struct-with-setter>)
  (<accessor> <generic-with-setter>)
  (<extended-generic-with-setter> <extended-generic> <generic-with-setter>)
  (<extended-accessor> <accessor> <extended-generic-with-setter>)
  (<method> <object>)
  (<accessor-method> <method>))

(define record-classes (make-hash-table))   ;record type -> class

(define (record-class type object)
  (or (hashq-ref record-classes type)
      (let ((class (cond
                    ((thread? object) <thread>)
                    ((mutex? object) <mutex>)
                    ((condition-variable? object) <condition-variable>)
                    (else (class-of-type type)))))
        (hashq-set! record-classes type class)
        class)))

(define (class-of-type type)
  (%make-class (let ((name (record-type-name type)))
                 (if (symbol? name) name (string->symbol name)))
               (list <record>)
               '()))

(define (class-of object)
  "Return the class that OBJECT is an instance of."
  (cond
   ((%instance? object) (instance-class object))
   ((number? object)
    (cond ((integer? object) (if (exact? object) <integer> <real>))
          ((and (real? object) (exact? object)) <fraction>)
          ((real? object) <real>)
          (else <complex>)))
   ((string? object) <string>)
   ((symbol? object) <symbol>)
   ((pair? object) <pair>)
   ((null? object) <null>)
   ((boolean? object) <boolean>)
   ((char? object) <char>)
   ((keyword? object) <keyword>)
   ((parameter? object) <parameter>)
   ((generic? object) (if (%accessor? (generic-record object)) <accessor> <generic>))
   ((procedure? object) <procedure>)
   ((class? object) (or (class-meta object) <class>))
   ((method? object) <method>)
   ((slot? object) <slot>)
   ((macro? object) <macro>)
   ((syntax? object) <syntax>)
   ((dynamic-state? object) <dynamic-state>)
   ((vector? object) <vector>)
   ((bytevector? object) (if (eq? (array-type object) 'vu8) <bytevector> <uvec>))
   ((bitvector? object) <bitvector>)
   ((array? object) <array>)
   ((hash-table? object) <hashtable>)
   ((eof-object? object) <unknown>)
   ((port? object)
    (let ((file? (file-port? object)))
      (cond ((and (input-port? object) (output-port? object))
             (if file? <file-input-output-port> <input-output-port>))
            ((input-port? object) (if file? <file-input-port> <input-port>))
            (else (if file? <file-output-port> <output-port>)))))
   ((char-set? object) <character-set>)
   ((atomic-box? object) <atomic-box>)
   ((fluid? object) <fluid>)
   ((promise? object) <promise>)
   ((module? object) <module>)
   ((variable? object) <variable>)
   ((regexp? object) <regexp>)
   ((hook? object) <hook>)
   ((record? object) (record-class (record-type-descriptor object) object))
   ((struct-vtable? object) <class>)
   (else <unknown>)))

(define (is-a? object class)
  "Return whether OBJECT is an instance of CLASS or of a class that inherits from it."
  (and (memq class (class-precedence-list (class-of object))) #t))

;;; Slots

;; Where OBJECT has the slot called NAME: the index of a field, a slot that is
;; elsewhere, or #f.
(define (slot-place object name)
  (cond ((%instance? object) (assq-ref (class-places (instance-class object)) name))
        ((class? object) (assq-ref (class-places (class-of object)) name))
        (else
         (scm-error 'wrong-type-arg "slot-ref" "Wrong type argument in position ~A: ~S"
                    (list 1 object) (list object)))))

;; What OBJECT has in SLOT, which is no field of its own.
(define (slot-value object slot)
  (cond ((slot-shared slot) => variable-ref)
        (else ((slot-option slot #:slot-ref #f) object))))

(define (slot-ref object name)
  "Return what OBJECT has in the slot called NAME."
  (let ((place (slot-place object name)))
    (if place
        (let ((value (if (number? place)
                         (vector-ref (instance-fields object) place)
                         (slot-value object place))))
          (if (eq? value unbound)
              (slot-unbound (class-of object) object name)
              value))
        (slot-missing (class-of object) object name))))

(define (slot-set! object name value)
  "Put VALUE into the slot of OBJECT that is called NAME."
  (let ((place (slot-place object name)))
    (cond ((number? place) (vector-set! (instance-fields object) place value))
          ((not place) (slot-missing (class-of object) object name value))
          ((slot-shared place) => (lambda (variable) (variable-set! variable value)))
          (else ((slot-option place #:slot-set! #f) object value)))))

(define (slot-bound? object name)
  "Return whether OBJECT has something in the slot called NAME."
  (let ((place (slot-place object name)))
    (cond ((number? place)
           (not (eq? (vector-ref (instance-fields object) place) unbound)))
          (place (not (eq? (slot-value object place) unbound)))
          (else (slot-missing (class-of object) object name)))))

(define (slot-exists? object name)
  "Return whether OBJECT has a slot called NAME."
  (and (slot-place object name) #t))

(define (class-slot class name)
  (let ((slot (class-slot-definition class name)))
    (or (and slot (slot-shared slot))
        (slot-missing class name))))

(define (class-slot-ref class name)
  "Return what CLASS has in its own slot called NAME."
  (variable-ref (class-slot class name)))

(define (class-slot-set! class name value)
  "Put VALUE into the slot of CLASS itself that is called NAME."
  (variable-set! (class-slot class name) value))

;;; Generic functions and methods

(define-record-type <generic-record>
  (make-generic-record name procedure methods fallback cache accessor?)
  generic-record?
  (name      generic-name)
  (procedure generic-procedure set-generic-procedure!)
  (methods   generic-methods set-generic-methods!)
  (fallback  generic-fallback)           ;procedure for arguments of no method, or #f
  (cache     generic-cache set-generic-cache!) ;node, see `methods-of'
  (accessor? %accessor?))

(define-record-type <method-record>
  (%make-method specializers rest? next? procedure generic)
  method?
  (specializers %method-specializers)    ;list of classes
  (rest?        method-rest?)            ;whether more arguments may come
  (next?        method-next?)            ;whether it may ask for the next method
  (procedure    %method-procedure)       ;takes the next method and the arguments
  (generic      method-generic-function set-method-generic!))

(define generics (make-weak-key-hash-table))   ;procedure -> record

(define (generic-record procedure) (hashq-ref generics procedure))

(define (generic? object)
  "Return whether OBJECT is a generic function."
  (and (procedure? object) (generic-record object) #t))

(define (accessor? object)
  "Return whether OBJECT is a generic function that has a setter."
  (and (generic? object) (%accessor? (generic-record object))))

(define (new-generic name fallback accessor?)
  (let* ((record (make-generic-record name #f '() fallback (new-node) accessor?))
         (call (lambda arguments (dispatch record arguments)))
         (procedure (if accessor?
                        (make-procedure-with-setter
                         call (new-generic (symbol-append 'setter: name) #f #f))
                        call)))
    (set-procedure-property! procedure 'name name)
    (set-generic-procedure! record procedure)
    (hashq-set! generics procedure record)
    procedure))

(define* (make-generic #:optional (name 'unnamed))
  "Return a generic function called NAME without methods."
  (new-generic name #f #f))

(define* (make-accessor #:optional (name 'unnamed))
  "Return a generic function called NAME that has a setter."
  (new-generic name #f #t))

(define* (make-extended-generic procedures #:optional (name 'unnamed))
  "Return a generic function with the methods of the generic functions PROCEDURES."
  (let* ((procedures (if (list? procedures) procedures (list procedures)))
         (generic (make-generic name)))
    (for-each (lambda (procedure)
                (for-each (lambda (method)
                            (add-method! generic
                                         (%make-method (%method-specializers method)
                                                       (method-rest? method)
                                                       (method-next? method)
                                                       (%method-procedure method)
                                                       generic)))
                          (generic-function-methods procedure)))
              (reverse procedures))
    generic))

(define* (ensure-generic old #:optional (name 'unnamed))
  "Return OLD where it is a generic function, else one that falls back on it."
  (cond ((generic? old) old)
        ((procedure? old) (with-default (make-generic name) old))
        (else (make-generic name))))

;; GENERIC, which does what PROCEDURE does where no other method applies.
(define (with-default generic procedure)
  (add-method! generic
               (%make-method '() #t #f
                             (lambda (next-method . arguments) (apply procedure arguments))
                             #f))
  generic)

(define* (ensure-accessor old #:optional (name 'unnamed))
  "Return OLD where it is an accessor, else one that falls back on it."
  (cond ((accessor? old) old)
        ((generic? old)
         (let ((accessor (make-accessor name)))
           (for-each (lambda (method) (add-method! accessor method))
                     (reverse (generic-function-methods old)))
           accessor))
        ((procedure? old) (with-default (make-accessor name) old))
        (else (make-accessor name))))

(define (generic-function-name generic)
  "Return the name of GENERIC."
  (generic-name (generic-record generic)))

(define (generic-function-methods generic)
  "Return the methods of GENERIC."
  (generic-methods (generic-record generic)))

(define (method-specializers method)
  "Return the classes of the arguments of METHOD; <top> ends them where more may
come."
  (if (method-rest? method)
      (append (%method-specializers method) <top>)
      (%method-specializers method)))

(define (method-procedure method)
  "Return a procedure that does what METHOD does where it is the last."
  (lambda arguments
    (apply (%method-procedure method)
           (lambda more (no-next-method (method-generic-function method) arguments))
           arguments)))

(define (class-direct-methods class)
  "Return the methods with an argument of CLASS."
  (filter (lambda (method) (memq class (%method-specializers method)))
          (append-map (lambda (entry) (generic-methods (cdr entry)))
                      (hash-map->list cons generics))))

(define (class-methods class)
  "Return the methods with an argument of CLASS or of a class that inherits from it."
  (append-map class-direct-methods (cons class (class-subclasses class))))

(define (same-specializers? a b)
  (and (eq? (method-rest? a) (method-rest? b))
       (= (length (%method-specializers a)) (length (%method-specializers b)))
       (every eq? (%method-specializers a) (%method-specializers b))))

(define (add-method! generic method)
  "Give METHOD to GENERIC, in place of the one for the same classes."
  (let ((record (or (generic-record generic)
                    (goops-error "Not a generic function: ~S" generic))))
    (set-method-generic! method generic)
    (set-generic-methods! record
                          (cons method
                                (remove (lambda (other) (same-specializers? other method))
                                        (generic-methods record))))
    (set-generic-cache! record (new-node))))

(define (applicable? method classes)
  (let loop ((specializers (%method-specializers method)) (classes classes))
    (cond ((null? specializers) (or (null? classes) (method-rest? method)))
          ((null? classes) #f)
          (else (and (memq (car specializers) (class-precedence-list (car classes)))
                     (loop (cdr specializers) (cdr classes)))))))

;; Whether A is for more specific arguments of CLASSES than B.
(define (more-specific? a b classes)
  (let loop ((a-classes (%method-specializers a))
             (b-classes (%method-specializers b))
             (classes classes))
    (cond ((null? a-classes) (and (null? b-classes) (not (method-rest? a)) (method-rest? b)))
          ((null? b-classes) #t)
          ((eq? (car a-classes) (car b-classes))
           (loop (cdr a-classes) (cdr b-classes) (cdr classes)))
          (else
           (let* ((all (class-precedence-list (car classes)))
                  (from-a (memq (car a-classes) all)))
             (and from-a
                  (or (memq (car b-classes) from-a)
                      (not (memq (car b-classes) all)))))))))

(define (method-more-specific? a b classes)
  "Return whether the method A is for more specific arguments of CLASSES than B."
  (let ((wanted (max (length (%method-specializers a)) (length (%method-specializers b)))))
    (unless (and (list? classes) (>= (length classes) wanted))
      (scm-error 'wrong-type-arg "method-more-specific?"
                 "Wrong type argument in position ~A: ~S" (list 3 classes) (list classes))))
  (and (more-specific? a b classes) #t))

(define (methods-for record classes)
  (sort (filter (lambda (method) (applicable? method classes))
                (generic-methods record))
        (lambda (a b) (more-specific? a b classes))))

;;; Which methods there are for which classes is found once.  A node stands for
;;; the classes of the arguments so far: it has the methods for just these, or
;;; #f, and the nodes for one class more.

(define (new-node) (list #f))

(define (methods-of record arguments)
  (let loop ((node (generic-cache record)) (rest arguments))
    (if (pair? rest)
        (let* ((class (class-of (car rest)))
               (known (assq class (cdr node))))
          (if known
              (loop (cdr known) (cdr rest))
              (let ((next (new-node)))
                (set-cdr! node (acons class next (cdr node)))
                (loop next (cdr rest)))))
        (or (car node)
            (let ((methods (methods-for record (map class-of arguments))))
              (set-car! node methods)
              methods)))))

(define (dispatch record arguments)
  (let ((methods (methods-of record arguments)))
    (cond ((pair? methods) (call-methods record methods arguments))
          ((generic-fallback record) => (lambda (fallback) (apply fallback arguments)))
          (else (no-applicable-method (generic-procedure record) arguments)))))

(define (call-methods record methods arguments)
  (let* ((method (car methods))
         (procedure (%method-procedure method)))
    (cond ((method-next? method)
           (apply procedure
                  (lambda more
                    (let ((arguments (if (null? more) arguments more)))
                      (cond ((pair? (cdr methods))
                             (call-methods record (cdr methods) arguments))
                            ((generic-fallback record)
                             => (lambda (fallback) (apply fallback arguments)))
                            (else
                             (no-next-method (generic-procedure record) arguments)))))
                  arguments))
          ;; Most methods are for one argument, and `apply' is slower than a call.
          ((and (pair? arguments) (null? (cdr arguments)))
           (procedure #f (car arguments)))
          (else
           (apply procedure #f arguments)))))

;;; Words for defining

(define (visible name)
  (let ((variable (module-variable (current-module) name)))
    (and variable (variable-bound? variable) (variable-ref variable))))

;; The generic function called NAME in the current module, made where there is none.
(define (own-generic! name ensure)
  (let* ((old (visible name))
         (generic (cond ((eq? old (@ (guile) write)) %write)
                        ((eq? old (@ (guile) display)) %display)
                        (else (ensure old name)))))
    (unless (eq? old generic)
      (module-define! (current-module) name generic))
    generic))

;; The same, without the methods that it may have had.
(define (fresh-generic! name ensure make)
  (let ((old (visible name)))
    (if (and old (generic? old))
        (module-define! (current-module) name (make name))
        (own-generic! name ensure))))

(define-syntax define-generic
  (lambda (form)
    (syntax-case form ()
      ((_ name) #'(fresh-generic! 'name ensure-generic make-generic)))))

(define-syntax define-accessor
  (lambda (form)
    (syntax-case form ()
      ((_ name) #'(fresh-generic! 'name ensure-accessor make-accessor)))))

(define-syntax-rule (define-extended-generic name procedures)
  (define name (make-extended-generic procedures 'name)))

(define-syntax define-extended-generics
  (lambda (form)
    (syntax-case form ()
      ((_ (name ...) #:prefix prefix)
       (with-syntax (((old ...)
                      (map (lambda (name)
                             (datum->syntax name
                                            (symbol-append (syntax->datum #'prefix)
                                                           (syntax->datum name))))
                           #'(name ...))))
         #'(begin (define name (make-extended-generic old 'name)) ...))))))

;; Whether `next-method' occurs in DATUM; a macro may put the word together.
(define (mentions-next? datum)
  (cond ((symbol? datum) (eq? datum 'next-method))
        ((pair? datum) (or (mentions-next? (car datum)) (mentions-next? (cdr datum))))
        ((vector? datum) (mentions-next? (vector->list datum)))
        (else #f)))

;; (method-of context (argument …) body …): `next-method' means what it says in CONTEXT.
(define-syntax method-of
  (lambda (form)
    (syntax-case form ()
      ((_ context arguments body ...)
       (let loop ((rest #'arguments) (names '()) (classes '()))
         (syntax-case rest ()
           (((name class) . more)
            (loop #'more (cons #'name names) (cons #'class classes)))
           ((name . more)
            (loop #'more (cons #'name names) (cons #'<top> classes)))
           (tail
            (with-syntax ((next-method (datum->syntax #'context 'next-method))
                          ((name ...) (reverse names))
                          ((class ...) (reverse classes))
                          (rest? (if (null? (syntax->datum #'tail)) #'#f #'#t))
                          (next? (if (mentions-next? (syntax->datum #'(body ...))) #'#t #'#f))
                          ((body ...) (if (null? #'(body ...)) #'(*unspecified*) #'(body ...))))
              #'(%make-method (list class ...) rest? next?
                              (lambda (next-method name ... . tail) body ...)
                              #f)))))))))

(define-syntax method
  (lambda (form)
    (syntax-case form ()
      ((context arguments body ...)
       #'(method-of context arguments body ...)))))

(define (make-method specializers procedure)
  "Return a method for arguments of the classes SPECIALIZERS, which PROCEDURE takes."
  (let loop ((rest specializers) (classes '()))
    (if (pair? rest)
        (loop (cdr rest) (cons (car rest) classes))
        (%make-method (reverse classes) (not (null? rest)) #f
                      (lambda (next-method . arguments) (apply procedure arguments))
                      #f))))

(define-syntax define-method
  (lambda (form)
    (syntax-case form (setter)
      ((context ((setter name) . arguments) body ...)
       #'(add-method! (setter (own-generic! 'name ensure-accessor))
                      (method-of context arguments body ...)))
      ((context (name . arguments) body ...)
       (identifier? #'name)
       #'(add-method! (own-generic! 'name ensure-generic)
                      (method-of context arguments body ...)))
      ((context (expression . arguments) body ...)
       #'(add-method! expression (method-of context arguments body ...))))))

;; A slot's definition as an expression: forms are kept, and also delayed.
(define-syntax slot-expression
  (lambda (form)
    (define (options list)
      (syntax-case list ()
        (() '())
        ((key value . more)
         (case (syntax->datum #'key)
           ((#:init-form)
            (cons* #'#:init-form #''value #'#:init-thunk #'(lambda () value)
                   (options #'more)))
           (else (cons* #'key #'value (options #'more)))))))
    (syntax-case form ()
      ((_ (name option ...))
       #`(list 'name #,@(options #'(option ...))))
      ((_ name) #''name))))

(define-syntax class
  (lambda (form)
    (syntax-case form ()
      ((_ supers item ...)
       (let loop ((items #'(item ...)) (slots '()))
         (syntax-case items ()
           ((key . options)
            (keyword? (syntax->datum #'key))
            #`(make-class (list . supers)
                          (list #,@(map (lambda (slot) #`(slot-expression #,slot))
                                        (reverse slots)))
                          key . options))
           ((slot . more) (loop #'more (cons #'slot slots)))
           (()
            #`(make-class (list . supers)
                          (list #,@(map (lambda (slot) #`(slot-expression #,slot))
                                        (reverse slots)))))))))))

(define-syntax define-class
  (lambda (form)
    ;; Names of accessors stand for generic functions of the module.
    (define (with-generics item)
      (syntax-case item ()
        ((slot option ...)
         #`(slot #,@(let loop ((options #'(option ...)))
                      (syntax-case options ()
                        ((key name . more)
                         (and (memq (syntax->datum #'key) '(#:getter #:setter #:accessor))
                              (identifier? #'name))
                         (cons* #'key
                                (if (eq? (syntax->datum #'key) #:accessor)
                                    #'(own-generic! 'name ensure-accessor)
                                    #'(own-generic! 'name ensure-generic))
                                (loop #'more)))
                        ((key value . more) (cons* #'key #'value (loop #'more)))
                        (rest #'rest)))))
        (name #'name)))
    (syntax-case form ()
      ((_ name supers item ...)
       #`(define name
           (named-class (class supers
                          #,@(let loop ((items #'(item ...)))
                               (syntax-case items ()
                                 ((key . more) (keyword? (syntax->datum #'key)) items)
                                 ((slot . more) (cons (with-generics #'slot) (loop #'more)))
                                 (() '()))))
                        'name))))))

(define (named-class class name)
  (when (eq? (%class-name class) 'unnamed)
    (set-class-name! class name))
  class)

(define (getter-method class slot)
  (%make-method (list class) #f #f (lambda (next-method object) (slot-ref object slot)) #f))

(define (setter-method class slot)
  (%make-method (list class <top>) #f #f
                (lambda (next-method object value) (slot-set! object slot value)) #f))

;;; Generic functions that programs give methods to

(define-syntax-rule (define-generics (name text) ...)
  (begin
    (define name
      (let ((generic (make-generic 'name)))
        (set-procedure-property! generic 'documentation text)
        generic))
    ...))

(define-generics
  (compute-cpl
   "Return the classes that a class is, the most specific first.")
  (compute-get-n-set
   "Called with a class and a slot of an allocation that is not known: throw 'goops-error
unless a method says otherwise.")
  (compute-getter-method
   "Return the method that reads a slot of a class.")
  (compute-setter-method
   "Return the method that sets a slot of a class.")
  (slot-unbound
   "Called with a class, an object and the name of a slot that has nothing: throw
'goops-error unless a method says otherwise.")
  (slot-missing
   "Called with a class, an object and the name of a slot that it has not: throw
'goops-error unless a method says otherwise.")
  (no-method
   "Called with a generic function without methods, and arguments: throw 'goops-error
unless a method says otherwise.")
  (no-applicable-method
   "Called with a generic function, and arguments that no method is for: throw
'goops-error unless a method says otherwise.")
  (no-next-method
   "Called with a generic function, and arguments that no further method is for: throw
'goops-error unless a method says otherwise.")
  (initialize
   "Give the slots of a new object the values that a list of keywords and values says, and
return the object.")
  (allocate-instance
   "Return a new instance of a class with nothing in its slots.")
  (make
   "Return a new instance of a class, initialized with keywords and values.")
  (shallow-clone
   "Return a new instance of the same class with the same in its slots.")
  (deep-clone
   "Return a new instance of the same class, whose slots have clones of what is an
instance.")
  (change-class
   "Make an object an instance of another class; slots of the same name keep what they
have.")
  (update-instance-for-different-class
   "Called with what an object was and the object, which has become one of another class:
do nothing unless a method says otherwise."))

(define-syntax-rule (define-methods (generic arguments body ...) ...)
  (begin (add-method! generic (method arguments body ...)) ...))

(define-methods
  (compute-cpl ((class <class>))
    (compute-std-cpl class class-direct-supers))
  (compute-getter-method ((class <class>) slot)
    (getter-method class (slot-definition-name slot)))
  (compute-setter-method ((class <class>) slot)
    (setter-method class (slot-definition-name slot)))
  (compute-get-n-set ((class <class>) slot)
    (goops-error "Allocation \"~S\" is unknown" (slot-definition-allocation slot)))
  (slot-unbound ((class <class>) object name)
    (goops-error "Slot `~S' is unbound in object ~S" name object))
  (slot-missing ((class <class>) object name . value)
    (goops-error "No slot with name `~S' in object ~S" name object))
  (no-method (generic arguments)
    (goops-error "No method defined for ~S" generic))
  (no-applicable-method (generic arguments)
    (goops-error "No applicable method for ~S in call ~S" generic
                 (cons (generic-function-name generic) arguments)))
  (no-next-method (generic arguments)
    (goops-error "No next method when calling ~S\nwith arguments ~S" generic arguments))

  (allocate-instance ((class <class>) options)
    (%make-instance class (make-vector (length (class-slots class)) unbound)))

  (initialize ((object <object>) options)
    (for-each
     (lambda (slot)
       (let* ((keyword (%slot-init-keyword slot))
              (given (and keyword (memq keyword options))))
         (cond
          (given
           ;; Where the keyword is only another's value, look properly.
           (slot-set! object (slot-definition-name slot)
                      (if (eq? given options)
                          (cadr options)
                          (get-keyword keyword options))))
          ((not (memq (%slot-allocation slot) '(#:class #:each-subclass #:virtual)))
           (let ((value (initial-value slot)))
             (unless (eq? value unbound)
               (slot-set! object (slot-definition-name slot) value)))))))
     (class-slots (class-of object)))
    object)

  (make ((class <class>) . options)
    (cond
     ((or (eq? class <generic>) (eq? class <accessor>))
      ((if (eq? class <generic>) make-generic make-accessor)
       (get-keyword #:name options 'unnamed)))
     ((memq <method> (class-precedence-list class))
      (make-method (get-keyword #:specializers options '())
                   (get-keyword #:procedure options (lambda arguments *unspecified*))))
     ((memq <class> (class-precedence-list class))
      (%make-class (get-keyword #:name options 'unnamed)
                   (get-keyword #:dsupers options '())
                   (get-keyword #:slots options '())
                   #:metaclass class))
     ((memq <object> (class-precedence-list class))
      (let ((object (allocate-instance class options)))
        (initialize object options)
        object))
     (else (goops-error "Instances of ~S are not made by `make'" class))))

  (shallow-clone ((object <object>))
    (%make-instance (instance-class object) (vector-copy (instance-fields object))))
  (deep-clone ((object <object>))
    (%make-instance (instance-class object)
                    (vector-map (lambda (value)
                                  (if (%instance? value) (deep-clone value) value))
                                (instance-fields object))))

  (update-instance-for-different-class (old new) *unspecified*)
  (change-class ((object <object>) (class <class>))
    (let* ((old (shallow-clone object))
           (new (make class)))
      (for-each
       (lambda (slot)
         (let ((name (slot-definition-name slot)))
           (when (and (eq? (slot-definition-allocation slot) #:instance)
                      (slot-exists? old name)
                      (slot-bound? old name))
             (slot-set! new name (slot-ref old name)))))
       (class-slots class))
      (set-instance-fields! object (instance-fields new))
      (set-instance-class! object class)
      (update-instance-for-different-class old object)
      object)))

(define make-instance make)

(define (primitive-generic-generic procedure)
  "Return the generic function that extends PROCEDURE, or #f."
  (and (generic? procedure) procedure))

(define (enable-primitive-generic! procedure)
  "Throw 'misc-error: a procedure is extended by giving it a method."
  (scm-error 'misc-error "enable-primitive-generic!"
             "a procedure is extended by `define-method' here" '() #f))

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
