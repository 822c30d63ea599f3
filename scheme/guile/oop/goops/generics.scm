;;; GOOPS: generic functions, their methods, and which of these a call runs.

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
