;;; GOOPS: what a class and a slot are, and how a class is made.

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
              (option #:init-value
                      (let ((class (option #:class #f)))
                        ;; A word of memory is zero at first.
                        (if (and class (memq <foreign-slot> (class-precedence-list class)))
                            0
                            unbound)))))

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
