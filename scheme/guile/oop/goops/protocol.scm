;;; GOOPS: the generic functions that programs give methods to.

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
