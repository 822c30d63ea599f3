;;; Guile's additions to SRFI 4: conversion from anything with elements.

(define-module (srfi srfi-4 gnu)
  #:use-module (srfi srfi-4)
  #:re-export (c32vector? make-c32vector c32vector c32vector-length c32vector-ref
               c32vector-set! c32vector->list list->c32vector c64vector?
               make-c64vector c64vector c64vector-length c64vector-ref
               c64vector-set! c64vector->list list->c64vector)
  #:export (srfi-4-vector-type-size make-srfi-4-vector
            any->u8vector any->s8vector any->u16vector any->s16vector
            any->u32vector any->s32vector any->u64vector any->s64vector
            any->f32vector any->f64vector any->c32vector any->c64vector
            u8vector-copy u8vector-copy! s8vector-copy s8vector-copy!
            u16vector-copy u16vector-copy! s16vector-copy s16vector-copy!
            u32vector-copy u32vector-copy! s32vector-copy s32vector-copy!
            u64vector-copy u64vector-copy! s64vector-copy s64vector-copy!
            f32vector-copy f32vector-copy! f64vector-copy f64vector-copy!
            c32vector-copy c32vector-copy! c64vector-copy c64vector-copy!))

(define* (make-srfi-4-vector type length #:optional fill)
  "Return a vector of TYPE, a symbol such as u8, with LENGTH elements, each FILL."
  (if fill
      (make-typed-array type fill length)
      (make-typed-array type *unspecified* length)))

(define (srfi-4-vector-type-size vector)
  "Return how many bytes an element of VECTOR takes."
  (%uniform-width vector))

(define (elements object)
  (cond ((list? object) object)
        ((array? object) (array->list object))
        (else
         (scm-error 'wrong-type-arg #f "Wrong type argument: ~S"
                    (list object) (list object)))))

(define-syntax-rule (define-conversion name from-list)
  (define (name object)
    "Return a new uniform vector of the elements of OBJECT, a list, an array or a vector of any
kind; the name says of which kind it is."
    (from-list (elements object))))

(define-conversion any->u8vector list->u8vector)
(define-conversion any->s8vector list->s8vector)
(define-conversion any->u16vector list->u16vector)
(define-conversion any->s16vector list->s16vector)
(define-conversion any->u32vector list->u32vector)
(define-conversion any->s32vector list->s32vector)
(define-conversion any->u64vector list->u64vector)
(define-conversion any->s64vector list->s64vector)
(define-conversion any->f32vector list->f32vector)
(define-conversion any->f64vector list->f64vector)
(define-conversion any->c32vector list->c32vector)
(define-conversion any->c64vector list->c64vector)

(define-syntax-rule (define-copies copy copy! length-of ref set-element!)
  (begin
    (define* (copy vector #:optional (start 0) (end (length-of vector)))
      "Return a fresh uniform vector of the elements of VECTOR from START to END."
      (%uniform-copy vector start end))
    (define* (copy! target at vector #:optional (start 0) (end (length-of vector)))
      "Put the elements of VECTOR from START to END into TARGET from AT on."
      (let ((part (%uniform-copy vector start end)))
        (let loop ((index 0))
          (when (< index (- end start))
            (set-element! target (+ at index) (ref part index))
            (loop (+ index 1))))))))

(define-copies u8vector-copy u8vector-copy! u8vector-length u8vector-ref u8vector-set!)
(define-copies s8vector-copy s8vector-copy! s8vector-length s8vector-ref s8vector-set!)
(define-copies u16vector-copy u16vector-copy! u16vector-length u16vector-ref u16vector-set!)
(define-copies s16vector-copy s16vector-copy! s16vector-length s16vector-ref s16vector-set!)
(define-copies u32vector-copy u32vector-copy! u32vector-length u32vector-ref u32vector-set!)
(define-copies s32vector-copy s32vector-copy! s32vector-length s32vector-ref s32vector-set!)
(define-copies u64vector-copy u64vector-copy! u64vector-length u64vector-ref u64vector-set!)
(define-copies s64vector-copy s64vector-copy! s64vector-length s64vector-ref s64vector-set!)
(define-copies f32vector-copy f32vector-copy! f32vector-length f32vector-ref f32vector-set!)
(define-copies f64vector-copy f64vector-copy! f64vector-length f64vector-ref f64vector-set!)
(define-copies c32vector-copy c32vector-copy! c32vector-length c32vector-ref c32vector-set!)
(define-copies c64vector-copy c64vector-copy! c64vector-length c64vector-ref c64vector-set!)
