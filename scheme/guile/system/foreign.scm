;;; Foreign types, addresses, and the memory of bytevectors seen through them.  There
;;; is no memory of others to be read here and no library to be called; what would do
;;; that says so when it is done.

(define-module (system foreign)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:use-module (srfi srfi-1)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 iconv)
  #:export (void float double complex-float complex-double
            int8 uint8 int16 uint16 int32 uint32 int64 uint64
            short unsigned-short int unsigned-int long unsigned-long
            size_t ssize_t ptrdiff_t intptr_t uintptr_t
            sizeof alignof
            %null-pointer null-pointer? pointer? make-pointer pointer-address
            dereference-pointer pointer->bytevector bytevector->pointer
            pointer->scm scm->pointer pointer->string string->pointer
            pointer->procedure procedure->pointer set-pointer-finalizer!
            make-c-struct parse-c-struct define-wrapped-pointer-type))

;; Types are the numbers that Guile gives them.
(define void 0)
(define float 1)
(define double 2)
(define uint8 3)
(define int8 4)
(define uint16 5)
(define int16 6)
(define uint32 7)
(define int32 8)
(define uint64 9)
(define int64 10)
(define complex-float 11)
(define complex-double 12)

(define short int16)
(define unsigned-short uint16)
(define int int32)
(define unsigned-int uint32)
(define long int64)
(define unsigned-long uint64)
(define size_t uint64)
(define ssize_t int64)
(define ptrdiff_t int64)
(define intptr_t int64)
(define uintptr_t uint64)

;; Type -> size and alignment in bytes, on machines of 64 bits.
(define sizes
  '((1 4 . 4) (2 8 . 8) (3 1 . 1) (4 1 . 1) (5 2 . 2) (6 2 . 2) (7 4 . 4)
    (8 4 . 4) (9 8 . 8) (10 8 . 8) (11 8 . 4) (12 16 . 8)))

(define (refuse-type procedure type)
  (scm-error 'wrong-type-arg procedure "Wrong type argument in position ~A: ~S"
             (list 1 type) (list type)))

(define (alignof type)
  "Return the alignment of TYPE in bytes; of a struct where TYPE is a list."
  (cond ((assv type sizes) => cddr)
        ((eq? type '*) 8)
        ((pair? type) (apply max (map alignof type)))
        (else (refuse-type "alignof" type))))

(define (sizeof type)
  "Return the size of TYPE in bytes; of a struct where TYPE is a list."
  (define (padded offset alignment)
    (* alignment (ceiling-quotient offset alignment)))
  (cond ((assv type sizes) => cadr)
        ((eq? type '*) 8)
        ((pair? type)
         (padded (fold (lambda (type offset)
                         (+ (padded offset (alignof type)) (sizeof type)))
                       0 type)
                 (alignof type)))
        (else (refuse-type "sizeof" type))))

(define-record-type <pointer>
  (%make-pointer address kept)
  pointer?
  (address pointer-address)       ;nonnegative integer
  (kept pointer-kept))            ;what must live as long: memory, an object, or #f

(set-record-type-printer! <pointer>
  (lambda (pointer port)
    (display "#<pointer 0x" port)
    (display (number->string (pointer-address pointer) 16) port)
    (display ">" port)))

(define %null-pointer (%make-pointer 0 #f))

;; Bytevector -> the address it was given when it was first pointed to.  The addresses
;; are ours alone: nothing else of this process is found there.
(define addresses (make-weak-key-hash-table))
(define next-address 1048576)

(define (new-address! size)
  (let ((address next-address))
    ;; A gap between two, so that the end of one is not the beginning of the next.
    (set! next-address (+ address (* 16 (+ 2 (quotient size 16)))))
    address))

(define (address-of bytevector)
  (or (hashq-ref addresses bytevector)
      (let ((address (new-address! (bytevector-length bytevector))))
        (hashq-set! addresses bytevector address)
        address)))

(define (memory-at address)
  ;; The bytevector in which ADDRESS lies and its offset there, or #f twice.
  (let ((found (hash-fold (lambda (bytevector start found)
                            (if (<= start address
                                    (+ start (bytevector-length bytevector)))
                                (cons bytevector (- address start))
                                found))
                          #f addresses)))
    (if found
        (values (car found) (cdr found))
        (values #f #f))))

(define* (make-pointer address #:optional finalizer)
  "Return a pointer to ADDRESS.  FINALIZER is not called: what it would free is not
here."
  (cond ((not (and (exact-integer? address) (<= 0 address 18446744073709551615)))
         (scm-error 'out-of-range "make-pointer" "Value out of range: ~S"
                    (list address) (list address)))
        ((zero? address) %null-pointer)
        (else
         (call-with-values (lambda () (memory-at address))
           (lambda (memory offset)
             (%make-pointer address memory))))))

(define (check-pointer pointer procedure)
  (unless (pointer? pointer)
    (refuse-type procedure pointer)))

(define (null-pointer? pointer)
  "Return whether POINTER points nowhere."
  (check-pointer pointer "null-pointer?")
  (zero? (pointer-address pointer)))

(define (call-with-memory pointer procedure receiver)
  ;; Call RECEIVER with the bytevector that POINTER points into, and the offset.
  (check-pointer pointer procedure)
  (if (zero? (pointer-address pointer))
      (scm-error 'null-pointer-error procedure "null pointer dereference" '() #f))
  (call-with-values (lambda () (memory-at (pointer-address pointer)))
    (lambda (memory offset)
      (if memory
          (receiver memory offset)
          (scm-error 'misc-error procedure
                     "memory that is not Scheme's cannot be used here" '() #f)))))

(define (dereference-pointer pointer)
  "Return the pointer that stands where POINTER points.  Throw 'null-pointer-error for
the null pointer, 'misc-error where the memory is not a bytevector's."
  (call-with-memory pointer "dereference-pointer"
    (lambda (memory offset)
      (make-pointer (bytevector-u64-native-ref memory offset)))))

(define* (pointer->bytevector pointer length #:optional (offset 0) type)
  "Return LENGTH bytes from OFFSET on behind POINTER: the bytevector itself when that
is all of it, a copy otherwise.  Throw 'null-pointer-error for the null pointer,
'misc-error where the memory is not a bytevector's."
  (call-with-memory pointer "pointer->bytevector"
    (lambda (memory start)
      (let ((start (+ start offset)))
        (if (and (zero? start) (= length (bytevector-length memory)))
            memory
            (let ((bytes (make-bytevector length)))
              (bytevector-copy! memory start bytes 0 length)
              bytes))))))

(define* (bytevector->pointer bytevector #:optional (offset 0))
  "Return a pointer to the byte of BYTEVECTOR at OFFSET."
  (unless (bytevector? bytevector)
    (refuse-type "bytevector->pointer" bytevector))
  (unless (and (exact-integer? offset) (<= 0 offset (bytevector-length bytevector)))
    (scm-error 'out-of-range "bytevector->pointer" "Argument 2 out of range: ~S"
               (list offset) (list offset)))
  (%make-pointer (+ (address-of bytevector) offset) bytevector))

(define* (string->pointer string #:optional (encoding "UTF-8"))
  "Return a pointer to a copy of STRING in ENCODING that ends with a zero."
  (let* ((text (string->bytevector string encoding))
         (memory (make-bytevector (+ 1 (bytevector-length text)) 0)))
    (bytevector-copy! text 0 memory 0 (bytevector-length text))
    (bytevector->pointer memory)))

(define* (pointer->string pointer #:optional (length -1) (encoding "UTF-8"))
  "Return the string of LENGTH bytes, or to the first zero, that POINTER points to."
  (call-with-memory pointer "pointer->string"
    (lambda (memory start)
      (let* ((end (if (negative? length)
                      (let loop ((index start))
                        (if (or (= index (bytevector-length memory))
                                (zero? (bytevector-u8-ref memory index)))
                            index
                            (loop (+ index 1))))
                      (+ start length)))
             (bytes (make-bytevector (- end start))))
        (bytevector-copy! memory start bytes 0 (- end start))
        (bytevector->string bytes encoding)))))

(define (scm->pointer object)
  "Return a pointer that stands for OBJECT."
  (%make-pointer (new-address! 0) (list object)))

(define (pointer->scm pointer)
  "Return the object that POINTER, which `scm->pointer' has returned, stands for."
  (check-pointer pointer "pointer->scm")
  (if (pair? (pointer-kept pointer))
      (car (pointer-kept pointer))
      (scm-error 'misc-error "pointer->scm" "~S does not stand for an object"
                 (list pointer) #f)))

(define (refuse-call)
  (scm-error 'system-error "pointer->procedure" "~A: foreign code is not run here"
             (list (strerror ENOSYS)) (list ENOSYS)))

(define* (pointer->procedure return-type pointer argument-types #:key return-errno?)
  "Return a procedure that throws 'system-error (ENOSYS) when it is called: a
library's function can be named here, and not be run."
  (lambda arguments
    (refuse-call)))

(define (procedure->pointer return-type procedure argument-types)
  "Return a pointer that stands for PROCEDURE; there is nothing foreign that could call
it."
  (%make-pointer (new-address! 0) (list procedure)))

(define (set-pointer-finalizer! pointer finalizer)
  "Do nothing: what FINALIZER would free when POINTER is collected is not here."
  (check-pointer pointer "set-pointer-finalizer!"))

;; Type -> how one of it is read from and put into a bytevector.
(define accesses
  (list (list float bytevector-ieee-single-native-ref bytevector-ieee-single-native-set!)
        (list double bytevector-ieee-double-native-ref bytevector-ieee-double-native-set!)
        (list uint8 bytevector-u8-ref bytevector-u8-set!)
        (list int8 bytevector-s8-ref bytevector-s8-set!)
        (list uint16 bytevector-u16-native-ref bytevector-u16-native-set!)
        (list int16 bytevector-s16-native-ref bytevector-s16-native-set!)
        (list uint32 bytevector-u32-native-ref bytevector-u32-native-set!)
        (list int32 bytevector-s32-native-ref bytevector-s32-native-set!)
        (list uint64 bytevector-u64-native-ref bytevector-u64-native-set!)
        (list int64 bytevector-s64-native-ref bytevector-s64-native-set!)
        (list '*
              (lambda (memory offset)
                (make-pointer (bytevector-u64-native-ref memory offset)))
              (lambda (memory offset pointer)
                (bytevector-u64-native-set! memory offset (pointer-address pointer))))))

(define (fold-fields procedure seed types offset)
  ;; Call PROCEDURE with each of TYPES, where it stands after OFFSET, and the seed.
  (let loop ((types types) (offset offset) (seed seed))
    (if (null? types)
        seed
        (let* ((alignment (alignof (car types)))
               (offset (* alignment (ceiling-quotient offset alignment))))
          (loop (cdr types)
                (+ offset (sizeof (car types)))
                (procedure (car types) offset seed))))))

(define (make-c-struct types values)
  "Return a pointer to a new struct with fields of TYPES that hold VALUES."
  (let ((memory (make-bytevector (sizeof types) 0)))
    (let fill ((types types) (values values) (offset 0))
      (fold-fields
       (lambda (type offset values)
         (cond ((pair? type) (fill type (car values) offset))
               ((assv type accesses)
                => (lambda (access) ((caddr access) memory offset (car values))))
               (else (refuse-type "make-c-struct" type)))
         (cdr values))
       values types offset))
    (bytevector->pointer memory)))

(define (parse-c-struct pointer types)
  "Return the fields of TYPES of the struct that POINTER points to, as a list."
  (call-with-memory pointer "parse-c-struct"
    (lambda (memory start)
      (let parse ((types types) (start start))
        (reverse
         (fold-fields
          (lambda (type offset fields)
            (cons (cond ((pair? type) (parse type offset))
                        ((assv type accesses)
                         => (lambda (access) ((cadr access) memory offset)))
                        (else (refuse-type "parse-c-struct" type)))
                  fields))
          '() types start))))))

(define-syntax-rule (define-wrapped-pointer-type name predicate wrap unwrap print)
  ;; A type of objects that each hold a pointer.
  (begin
    (define-record-type name
      (wrap pointer)
      predicate
      (pointer unwrap))
    (set-record-type-printer! name print)))
