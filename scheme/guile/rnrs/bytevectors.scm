;;; (rnrs bytevectors): R6RS library section 2.

(define-module (rnrs bytevectors)
  #:version (6)
  #:export-syntax (endianness)
  #:export (uniform-array->bytevector)
  #:re-export (native-endianness bytevector? make-bytevector bytevector-length bytevector=?
               bytevector-fill! bytevector-copy! bytevector-copy
               bytevector-u8-ref bytevector-s8-ref bytevector-u8-set! bytevector-s8-set!
               bytevector->u8-list u8-list->bytevector
               bytevector-uint-ref bytevector-uint-set! bytevector-sint-ref bytevector-sint-set!
               bytevector->sint-list bytevector->uint-list uint-list->bytevector sint-list->bytevector
               bytevector-u16-ref bytevector-s16-ref bytevector-u16-set! bytevector-s16-set!
               bytevector-u16-native-ref bytevector-s16-native-ref
               bytevector-u16-native-set! bytevector-s16-native-set!
               bytevector-u32-ref bytevector-s32-ref bytevector-u32-set! bytevector-s32-set!
               bytevector-u32-native-ref bytevector-s32-native-ref
               bytevector-u32-native-set! bytevector-s32-native-set!
               bytevector-u64-ref bytevector-s64-ref bytevector-u64-set! bytevector-s64-set!
               bytevector-u64-native-ref bytevector-s64-native-ref
               bytevector-u64-native-set! bytevector-s64-native-set!
               bytevector-ieee-single-ref bytevector-ieee-single-set!
               bytevector-ieee-single-native-ref bytevector-ieee-single-native-set!
               bytevector-ieee-double-ref bytevector-ieee-double-set!
               bytevector-ieee-double-native-ref bytevector-ieee-double-native-set!
               string->utf8 utf8->string string->utf16 string->utf32 utf16->string utf32->string))

(define-syntax endianness
  (syntax-rules ()
    ((_ symbol) 'symbol)))

(define (uniform-array->bytevector array)
  "Return a bytevector with what ARRAY, of numbers of one type or of bits, consists of; bits
fill words of 32 of them."
  (define (refuse what)
    (scm-error 'wrong-type-arg "uniform-array->bytevector" "Wrong type (expecting ~A): ~S"
               (list what array) (list array)))
  (define (of-bits)
    (let* ((bits (array->list array))
           (bytes (make-bytevector (* 4 (quotient (+ (length bits) 31) 32)) 0)))
      (let loop ((bits bits) (index 0))
        (if (pair? bits)
            (let ((byte (quotient index 8)))
              (if (car bits)
                  (bytevector-u8-set! bytes byte
                                      (logior (bytevector-u8-ref bytes byte)
                                              (ash 1 (remainder index 8)))))
              (loop (cdr bits) (+ index 1)))
            bytes))))
  (cond ((not (array? array)) (refuse "uniform array"))
        ((eq? (array-type array) 'b) (of-bits))
        ((or (string? array) (eq? (array-type array) #t) (eq? (array-type array) 'a))
         (refuse "uniform array"))
        (else
         (let ((contents (array-contents array)))
           (if (and contents (= 1 (car (shared-array-increments contents))))
               (let* ((element (array-type-size array))
                      (count (array-length contents))
                      (bytes (make-bytevector (* element count)))
                      (from (shared-array-root contents)))
                 (bytevector-copy! from (* element (shared-array-offset contents))
                                   bytes 0 (* element count))
                 bytes)
               (refuse "uniform contiguous array"))))))

(define (array-type-size array)
  (case (array-type array)
    ((u8 s8 vu8) 1)
    ((u16 s16) 2)
    ((u32 s32 f32) 4)
    ((u64 s64 f64 c32) 8)
    (else 16)))
