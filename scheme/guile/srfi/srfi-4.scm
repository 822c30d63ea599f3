;;; SRFI 4: homogeneous numeric vectors.
;;;
;;; A u8vector is a bytevector.  The others are bytevectors that know what is in
;;; them; the reader has no syntax for them here.

(define-module (srfi srfi-4)
  #:use-module (rnrs bytevectors)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (make-u8vector u8vector u8vector? u8vector-length u8vector-ref
            u8vector-set! u8vector->list list->u8vector make-s8vector s8vector
            s8vector? s8vector-length s8vector-ref s8vector-set!
            s8vector->list list->s8vector make-u16vector u16vector u16vector?
            u16vector-length u16vector-ref u16vector-set! u16vector->list
            list->u16vector make-s16vector s16vector s16vector?
            s16vector-length s16vector-ref s16vector-set! s16vector->list
            list->s16vector make-u32vector u32vector u32vector?
            u32vector-length u32vector-ref u32vector-set! u32vector->list
            list->u32vector make-s32vector s32vector s32vector?
            s32vector-length s32vector-ref s32vector-set! s32vector->list
            list->s32vector make-u64vector u64vector u64vector?
            u64vector-length u64vector-ref u64vector-set! u64vector->list
            list->u64vector make-s64vector s64vector s64vector?
            s64vector-length s64vector-ref s64vector-set! s64vector->list
            list->s64vector make-f32vector f32vector f32vector?
            f32vector-length f32vector-ref f32vector-set! f32vector->list
            list->f32vector make-f64vector f64vector f64vector?
            f64vector-length f64vector-ref f64vector-set! f64vector->list
            list->f64vector))

(define u8vector? bytevector?)
(define u8vector-length bytevector-length)
(define u8vector-ref bytevector-u8-ref)
(define u8vector-set! bytevector-u8-set!)
(define u8vector->list bytevector->u8-list)
(define list->u8vector u8-list->bytevector)

(define* (make-u8vector length #:optional (value 0))
  "Return a u8vector of LENGTH elements, each VALUE."
  (make-bytevector length value))

(define (u8vector . elements)
  "Return a u8vector of ELEMENTS."
  (u8-list->bytevector elements))

(define-syntax-rule (define-kind name width ref set type wrap bytes
                      make construct is? length-of element set-element! to-list
                      from-list)
  (begin
    (define-record-type type
      (wrap content)
      is?
      (content bytes))
    (define (length-of vector)
      (quotient (bytevector-length (bytes vector)) width))
    (define (element vector index)
      (ref (bytes vector) (* index width)))
    (define (set-element! vector index value)
      (set (bytes vector) (* index width) value))
    (define (to-list vector)
      (let loop ((index (- (length-of vector) 1)) (elements '()))
        (if (negative? index)
            elements
            (loop (- index 1) (cons (element vector index) elements)))))
    (define (from-list elements)
      (let ((vector (wrap (make-bytevector
                           (* width (length elements))))))
        (let loop ((index 0) (elements elements))
          (unless (null? elements)
            (set-element! vector index (car elements))
            (loop (+ index 1) (cdr elements))))
        vector))
    (define* (make size #:optional (value 0))
      (let ((vector (wrap (make-bytevector (* width size) 0))))
        (unless (eqv? value 0)
          (let loop ((index 0))
            (when (< index size)
              (set-element! vector index value)
              (loop (+ index 1)))))
        vector))
    (define (construct . elements)
      (from-list elements))
    (set-record-type-printer! type
      (lambda (vector port)
        (display "#" port)
        (display name port)
        (write (to-list vector) port)))))

(define-kind "s8" 1
  bytevector-s8-ref bytevector-s8-set!
  <s8vector> wrap-s8vector s8vector-bytes
  make-s8vector s8vector s8vector? s8vector-length
  s8vector-ref s8vector-set! s8vector->list list->s8vector)

(define-kind "u16" 2
  bytevector-u16-native-ref bytevector-u16-native-set!
  <u16vector> wrap-u16vector u16vector-bytes
  make-u16vector u16vector u16vector? u16vector-length
  u16vector-ref u16vector-set! u16vector->list list->u16vector)

(define-kind "s16" 2
  bytevector-s16-native-ref bytevector-s16-native-set!
  <s16vector> wrap-s16vector s16vector-bytes
  make-s16vector s16vector s16vector? s16vector-length
  s16vector-ref s16vector-set! s16vector->list list->s16vector)

(define-kind "u32" 4
  bytevector-u32-native-ref bytevector-u32-native-set!
  <u32vector> wrap-u32vector u32vector-bytes
  make-u32vector u32vector u32vector? u32vector-length
  u32vector-ref u32vector-set! u32vector->list list->u32vector)

(define-kind "s32" 4
  bytevector-s32-native-ref bytevector-s32-native-set!
  <s32vector> wrap-s32vector s32vector-bytes
  make-s32vector s32vector s32vector? s32vector-length
  s32vector-ref s32vector-set! s32vector->list list->s32vector)

(define-kind "u64" 8
  bytevector-u64-native-ref bytevector-u64-native-set!
  <u64vector> wrap-u64vector u64vector-bytes
  make-u64vector u64vector u64vector? u64vector-length
  u64vector-ref u64vector-set! u64vector->list list->u64vector)

(define-kind "s64" 8
  bytevector-s64-native-ref bytevector-s64-native-set!
  <s64vector> wrap-s64vector s64vector-bytes
  make-s64vector s64vector s64vector? s64vector-length
  s64vector-ref s64vector-set! s64vector->list list->s64vector)

(define-kind "f32" 4
  bytevector-ieee-single-native-ref bytevector-ieee-single-native-set!
  <f32vector> wrap-f32vector f32vector-bytes
  make-f32vector f32vector f32vector? f32vector-length
  f32vector-ref f32vector-set! f32vector->list list->f32vector)

(define-kind "f64" 8
  bytevector-ieee-double-native-ref bytevector-ieee-double-native-set!
  <f64vector> wrap-f64vector f64vector-bytes
  make-f64vector f64vector f64vector? f64vector-length
  f64vector-ref f64vector-set! f64vector->list list->f64vector)
