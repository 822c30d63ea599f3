;;; SRFI 4: homogeneous numeric vectors.
;;;
;;; A uniform vector is a bytevector that knows what is in it.

(define-module (srfi srfi-4)
  #:export (c32vector? make-c32vector c32vector c32vector-length c32vector-ref
            c32vector-set! c32vector->list list->c32vector
            c64vector? make-c64vector c64vector c64vector-length c64vector-ref
            c64vector-set! c64vector->list list->c64vector
            u8vector? make-u8vector u8vector u8vector-length u8vector-ref
            u8vector-set! u8vector->list list->u8vector
            s8vector? make-s8vector s8vector s8vector-length s8vector-ref
            s8vector-set! s8vector->list list->s8vector
            u16vector? make-u16vector u16vector u16vector-length u16vector-ref
            u16vector-set! u16vector->list list->u16vector
            s16vector? make-s16vector s16vector s16vector-length s16vector-ref
            s16vector-set! s16vector->list list->s16vector
            u32vector? make-u32vector u32vector u32vector-length u32vector-ref
            u32vector-set! u32vector->list list->u32vector
            s32vector? make-s32vector s32vector s32vector-length s32vector-ref
            s32vector-set! s32vector->list list->s32vector
            u64vector? make-u64vector u64vector u64vector-length u64vector-ref
            u64vector-set! u64vector->list list->u64vector
            s64vector? make-s64vector s64vector s64vector-length s64vector-ref
            s64vector-set! s64vector->list list->s64vector
            f32vector? make-f32vector f32vector f32vector-length f32vector-ref
            f32vector-set! f32vector->list list->f32vector
            f64vector? make-f64vector f64vector f64vector-length f64vector-ref
            f64vector-set! f64vector->list list->f64vector))

(define-syntax-rule (define-kind kind is? make construct length-of element
                      set-element! to-list from-list)
  (begin
    (define (is? object)
      (%uniform? 'kind object))
    (define (make length . fill)
      (apply %make-uniform 'kind length fill))
    (define (construct . elements)
      (%list->uniform 'kind elements))
    (define (length-of vector)
      (%uniform-length 'kind vector))
    (define (element vector index)
      (%uniform-ref 'kind vector index))
    (define (set-element! vector index value)
      (%uniform-set! 'kind vector index value))
    (define (to-list vector)
      (%uniform->list 'kind vector))
    (define (from-list elements)
      (%list->uniform 'kind elements))))

(define-kind u8 u8vector? make-u8vector u8vector u8vector-length u8vector-ref
  u8vector-set! u8vector->list list->u8vector)
(define-kind s8 s8vector? make-s8vector s8vector s8vector-length s8vector-ref
  s8vector-set! s8vector->list list->s8vector)
(define-kind u16 u16vector? make-u16vector u16vector u16vector-length
  u16vector-ref u16vector-set! u16vector->list list->u16vector)
(define-kind s16 s16vector? make-s16vector s16vector s16vector-length
  s16vector-ref s16vector-set! s16vector->list list->s16vector)
(define-kind u32 u32vector? make-u32vector u32vector u32vector-length
  u32vector-ref u32vector-set! u32vector->list list->u32vector)
(define-kind s32 s32vector? make-s32vector s32vector s32vector-length
  s32vector-ref s32vector-set! s32vector->list list->s32vector)
(define-kind u64 u64vector? make-u64vector u64vector u64vector-length
  u64vector-ref u64vector-set! u64vector->list list->u64vector)
(define-kind s64 s64vector? make-s64vector s64vector s64vector-length
  s64vector-ref s64vector-set! s64vector->list list->s64vector)
(define-kind f32 f32vector? make-f32vector f32vector f32vector-length
  f32vector-ref f32vector-set! f32vector->list list->f32vector)
(define-kind f64 f64vector? make-f64vector f64vector f64vector-length
  f64vector-ref f64vector-set! f64vector->list list->f64vector)
(define-kind c32 c32vector? make-c32vector c32vector c32vector-length
  c32vector-ref c32vector-set! c32vector->list list->c32vector)
(define-kind c64 c64vector? make-c64vector c64vector c64vector-length
  c64vector-ref c64vector-set! c64vector->list list->c64vector)
