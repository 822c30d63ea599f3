;;; Foreign types and addresses.  There is no memory of others to be read here
;;; and no library to be called; what would do that says so.

(define-module (system foreign)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:use-module (srfi srfi-1)
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
  (%make-pointer address)
  pointer?
  (address pointer-address))      ;nonnegative integer

(set-record-type-printer! <pointer>
  (lambda (pointer port)
    (display "#<pointer 0x" port)
    (display (number->string (pointer-address pointer) 16) port)
    (display ">" port)))

(define %null-pointer (%make-pointer 0))

(define* (make-pointer address #:optional finalizer)
  "Return a pointer to ADDRESS."
  (cond ((not (and (exact-integer? address) (<= 0 address 18446744073709551615)))
         (scm-error 'out-of-range "make-pointer" "Value out of range: ~S"
                    (list address) (list address)))
        ((zero? address) %null-pointer)
        (else (%make-pointer address))))

(define (check-pointer pointer procedure)
  (unless (pointer? pointer)
    (refuse-type procedure pointer)))

(define (null-pointer? pointer)
  "Return whether POINTER points nowhere."
  (check-pointer pointer "null-pointer?")
  (zero? (pointer-address pointer)))

(define (no-memory procedure)
  (scm-error 'misc-error procedure "memory that is not Scheme's cannot be used here" '() #f))

(define (follow pointer procedure)
  (check-pointer pointer procedure)
  (if (zero? (pointer-address pointer))
      (scm-error 'null-pointer-error procedure "null pointer dereference" '() #f)
      (no-memory procedure)))

(define (dereference-pointer pointer)
  "Throw 'null-pointer-error for the null pointer, 'misc-error for others."
  (follow pointer "dereference-pointer"))

(define* (pointer->bytevector pointer length #:optional offset type)
  "Throw 'null-pointer-error for the null pointer, 'misc-error for others."
  (follow pointer "pointer->bytevector"))

(define* (pointer->string pointer #:optional length encoding)
  "Throw 'null-pointer-error for the null pointer, 'misc-error for others."
  (follow pointer "pointer->string"))

(define (pointer->scm pointer)
  "Throw 'null-pointer-error for the null pointer, 'misc-error for others."
  (follow pointer "pointer->scm"))

(define* (bytevector->pointer bytevector #:optional offset)
  "Throw 'misc-error: Scheme's memory has no addresses for others."
  (no-memory "bytevector->pointer"))

(define* (string->pointer string #:optional encoding)
  "Throw 'misc-error: Scheme's memory has no addresses for others."
  (no-memory "string->pointer"))

(define (scm->pointer object)
  "Throw 'misc-error: Scheme's memory has no addresses for others."
  (no-memory "scm->pointer"))

(define* (pointer->procedure return-type pointer argument-types #:key return-errno?)
  "Return a procedure that throws 'system-error (ENOSYS) when it is called: a
library's function can be named here, and not be run."
  (lambda arguments
    (scm-error 'system-error "pointer->procedure" "~A: foreign code is not run here"
               (list (strerror ENOSYS)) (list ENOSYS))))

(define (procedure->pointer return-type procedure argument-types)
  "Throw 'misc-error: there is nothing foreign that could call."
  (no-memory "procedure->pointer"))

(define (set-pointer-finalizer! pointer finalizer)
  "Throw 'misc-error: nothing foreign is freed."
  (no-memory "set-pointer-finalizer!"))

(define (make-c-struct types values)
  "Throw 'misc-error: Scheme's memory has no addresses for others."
  (no-memory "make-c-struct"))

(define (parse-c-struct pointer types)
  "Throw 'null-pointer-error for the null pointer, 'misc-error for others."
  (follow pointer "parse-c-struct"))

(define-syntax-rule (define-wrapped-pointer-type name predicate wrap unwrap print)
  ;; A type of objects that each hold a pointer.
  (begin
    (define-record-type name
      (wrap pointer)
      predicate
      (pointer unwrap))
    (set-record-type-printer! name print)))
