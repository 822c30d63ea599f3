;;; SRFI 4's procedures, which Guile's core has: closures over natives that
;;; take the kind of element.

(define (u8vector? object)
  "Return whether OBJECT is a uniform vector of unsigned integers of 8 bits."
  (%uniform? 'u8 object))
(define (make-u8vector length . fill)
  "Return a new vector of LENGTH unsigned integers of 8 bits, each FILL."
  (apply %make-uniform 'u8 length fill))
(define (u8vector . elements)
  "Return a new vector of ELEMENTS, unsigned integers of 8 bits."
  (%list->uniform 'u8 elements))
(define (u8vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'u8 vector))
(define (u8vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'u8 vector index))
(define (u8vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'u8 vector index value))
(define (u8vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'u8 vector))
(define (list->u8vector elements)
  "Return a new vector of the elements of a list, unsigned integers of 8 bits."
  (%list->uniform 'u8 elements))

(define (s8vector? object)
  "Return whether OBJECT is a uniform vector of signed integers of 8 bits."
  (%uniform? 's8 object))
(define (make-s8vector length . fill)
  "Return a new vector of LENGTH signed integers of 8 bits, each FILL."
  (apply %make-uniform 's8 length fill))
(define (s8vector . elements)
  "Return a new vector of ELEMENTS, signed integers of 8 bits."
  (%list->uniform 's8 elements))
(define (s8vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 's8 vector))
(define (s8vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 's8 vector index))
(define (s8vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 's8 vector index value))
(define (s8vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 's8 vector))
(define (list->s8vector elements)
  "Return a new vector of the elements of a list, signed integers of 8 bits."
  (%list->uniform 's8 elements))

(define (u16vector? object)
  "Return whether OBJECT is a uniform vector of unsigned integers of 16 bits."
  (%uniform? 'u16 object))
(define (make-u16vector length . fill)
  "Return a new vector of LENGTH unsigned integers of 16 bits, each FILL."
  (apply %make-uniform 'u16 length fill))
(define (u16vector . elements)
  "Return a new vector of ELEMENTS, unsigned integers of 16 bits."
  (%list->uniform 'u16 elements))
(define (u16vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'u16 vector))
(define (u16vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'u16 vector index))
(define (u16vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'u16 vector index value))
(define (u16vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'u16 vector))
(define (list->u16vector elements)
  "Return a new vector of the elements of a list, unsigned integers of 16 bits."
  (%list->uniform 'u16 elements))

(define (s16vector? object)
  "Return whether OBJECT is a uniform vector of signed integers of 16 bits."
  (%uniform? 's16 object))
(define (make-s16vector length . fill)
  "Return a new vector of LENGTH signed integers of 16 bits, each FILL."
  (apply %make-uniform 's16 length fill))
(define (s16vector . elements)
  "Return a new vector of ELEMENTS, signed integers of 16 bits."
  (%list->uniform 's16 elements))
(define (s16vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 's16 vector))
(define (s16vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 's16 vector index))
(define (s16vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 's16 vector index value))
(define (s16vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 's16 vector))
(define (list->s16vector elements)
  "Return a new vector of the elements of a list, signed integers of 16 bits."
  (%list->uniform 's16 elements))

(define (u32vector? object)
  "Return whether OBJECT is a uniform vector of unsigned integers of 32 bits."
  (%uniform? 'u32 object))
(define (make-u32vector length . fill)
  "Return a new vector of LENGTH unsigned integers of 32 bits, each FILL."
  (apply %make-uniform 'u32 length fill))
(define (u32vector . elements)
  "Return a new vector of ELEMENTS, unsigned integers of 32 bits."
  (%list->uniform 'u32 elements))
(define (u32vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'u32 vector))
(define (u32vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'u32 vector index))
(define (u32vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'u32 vector index value))
(define (u32vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'u32 vector))
(define (list->u32vector elements)
  "Return a new vector of the elements of a list, unsigned integers of 32 bits."
  (%list->uniform 'u32 elements))

(define (s32vector? object)
  "Return whether OBJECT is a uniform vector of signed integers of 32 bits."
  (%uniform? 's32 object))
(define (make-s32vector length . fill)
  "Return a new vector of LENGTH signed integers of 32 bits, each FILL."
  (apply %make-uniform 's32 length fill))
(define (s32vector . elements)
  "Return a new vector of ELEMENTS, signed integers of 32 bits."
  (%list->uniform 's32 elements))
(define (s32vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 's32 vector))
(define (s32vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 's32 vector index))
(define (s32vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 's32 vector index value))
(define (s32vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 's32 vector))
(define (list->s32vector elements)
  "Return a new vector of the elements of a list, signed integers of 32 bits."
  (%list->uniform 's32 elements))

(define (u64vector? object)
  "Return whether OBJECT is a uniform vector of unsigned integers of 64 bits."
  (%uniform? 'u64 object))
(define (make-u64vector length . fill)
  "Return a new vector of LENGTH unsigned integers of 64 bits, each FILL."
  (apply %make-uniform 'u64 length fill))
(define (u64vector . elements)
  "Return a new vector of ELEMENTS, unsigned integers of 64 bits."
  (%list->uniform 'u64 elements))
(define (u64vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'u64 vector))
(define (u64vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'u64 vector index))
(define (u64vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'u64 vector index value))
(define (u64vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'u64 vector))
(define (list->u64vector elements)
  "Return a new vector of the elements of a list, unsigned integers of 64 bits."
  (%list->uniform 'u64 elements))

(define (s64vector? object)
  "Return whether OBJECT is a uniform vector of signed integers of 64 bits."
  (%uniform? 's64 object))
(define (make-s64vector length . fill)
  "Return a new vector of LENGTH signed integers of 64 bits, each FILL."
  (apply %make-uniform 's64 length fill))
(define (s64vector . elements)
  "Return a new vector of ELEMENTS, signed integers of 64 bits."
  (%list->uniform 's64 elements))
(define (s64vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 's64 vector))
(define (s64vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 's64 vector index))
(define (s64vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 's64 vector index value))
(define (s64vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 's64 vector))
(define (list->s64vector elements)
  "Return a new vector of the elements of a list, signed integers of 64 bits."
  (%list->uniform 's64 elements))

(define (f32vector? object)
  "Return whether OBJECT is a uniform vector of floats of 32 bits."
  (%uniform? 'f32 object))
(define (make-f32vector length . fill)
  "Return a new vector of LENGTH floats of 32 bits, each FILL."
  (apply %make-uniform 'f32 length fill))
(define (f32vector . elements)
  "Return a new vector of ELEMENTS, floats of 32 bits."
  (%list->uniform 'f32 elements))
(define (f32vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'f32 vector))
(define (f32vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'f32 vector index))
(define (f32vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'f32 vector index value))
(define (f32vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'f32 vector))
(define (list->f32vector elements)
  "Return a new vector of the elements of a list, floats of 32 bits."
  (%list->uniform 'f32 elements))

(define (f64vector? object)
  "Return whether OBJECT is a uniform vector of floats of 64 bits."
  (%uniform? 'f64 object))
(define (make-f64vector length . fill)
  "Return a new vector of LENGTH floats of 64 bits, each FILL."
  (apply %make-uniform 'f64 length fill))
(define (f64vector . elements)
  "Return a new vector of ELEMENTS, floats of 64 bits."
  (%list->uniform 'f64 elements))
(define (f64vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'f64 vector))
(define (f64vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'f64 vector index))
(define (f64vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'f64 vector index value))
(define (f64vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'f64 vector))
(define (list->f64vector elements)
  "Return a new vector of the elements of a list, floats of 64 bits."
  (%list->uniform 'f64 elements))

(define (c32vector? object)
  "Return whether OBJECT is a uniform vector of complex numbers of two floats of 32
bits."
  (%uniform? 'c32 object))
(define (make-c32vector length . fill)
  "Return a new vector of LENGTH complex numbers of two floats of 32 bits, each
FILL."
  (apply %make-uniform 'c32 length fill))
(define (c32vector . elements)
  "Return a new vector of ELEMENTS, complex numbers of two floats of 32 bits."
  (%list->uniform 'c32 elements))
(define (c32vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'c32 vector))
(define (c32vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'c32 vector index))
(define (c32vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'c32 vector index value))
(define (c32vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'c32 vector))
(define (list->c32vector elements)
  "Return a new vector of the elements of a list, complex numbers of two floats of
32 bits."
  (%list->uniform 'c32 elements))

(define (c64vector? object)
  "Return whether OBJECT is a uniform vector of complex numbers of two floats of 64
bits."
  (%uniform? 'c64 object))
(define (make-c64vector length . fill)
  "Return a new vector of LENGTH complex numbers of two floats of 64 bits, each
FILL."
  (apply %make-uniform 'c64 length fill))
(define (c64vector . elements)
  "Return a new vector of ELEMENTS, complex numbers of two floats of 64 bits."
  (%list->uniform 'c64 elements))
(define (c64vector-length vector)
  "Return how many elements VECTOR has."
  (%uniform-length 'c64 vector))
(define (c64vector-ref vector index)
  "Return the element of VECTOR at INDEX."
  (%uniform-ref 'c64 vector index))
(define (c64vector-set! vector index value)
  "Make VALUE the element of VECTOR at INDEX."
  (%uniform-set! 'c64 vector index value))
(define (c64vector->list vector)
  "Return the elements of VECTOR as a list."
  (%uniform->list 'c64 vector))
(define (list->c64vector elements)
  "Return a new vector of the elements of a list, complex numbers of two floats of
64 bits."
  (%list->uniform 'c64 elements))
