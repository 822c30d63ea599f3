;;; Guile's additions to SRFI 4: conversion from anything with elements.

(define-module (srfi srfi-4 gnu)
  #:use-module (srfi srfi-4)
  #:export (srfi-4-vector-type-size
            any->u8vector any->s8vector any->u16vector any->s16vector
            any->u32vector any->s32vector any->u64vector any->s64vector
            any->f32vector any->f64vector any->c32vector any->c64vector))

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
