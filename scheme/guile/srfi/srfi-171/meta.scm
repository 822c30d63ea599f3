;;; SRFI 171: what transducers are made with.

(define-module (srfi srfi-171 meta)
  #:use-module (srfi srfi-9)
  #:use-module (rnrs bytevectors)
  #:export (reduced reduced? unreduce unreduced ensure-reduced
            preserving-reduced
            list-reduce vector-reduce string-reduce bytevector-u8-reduce
            port-reduce generator-reduce))

(define-record-type <reduced>
  (reduced value)
  reduced?
  (value unreduce))

(define (unreduced value)
  "Return VALUE without the wrapping of `reduced', if it has one."
  (if (reduced? value) (unreduce value) value))

(define (ensure-reduced value)
  "Return VALUE wrapped by `reduced', unless it is already."
  (if (reduced? value) value (reduced value)))

(define (preserving-reduced reducer)
  "Return a reducer whose `reduced' results end an outer reduction too."
  (lambda (result element)
    (let ((value (reducer result element)))
      (if (reduced? value) (reduced value) value))))

(define (list-reduce f initial list)
  "Return the result of F for the elements of LIST, starting with INITIAL."
  (let loop ((result initial) (rest list))
    (cond ((reduced? result) (unreduce result))
          ((null? rest) result)
          (else (loop (f result (car rest)) (cdr rest))))))

(define (indexed-reduce f initial sequence length ref)
  (let loop ((result initial) (index 0))
    (cond ((reduced? result) (unreduce result))
          ((= index length) result)
          (else (loop (f result (ref sequence index)) (+ index 1))))))

(define (vector-reduce f initial vector)
  "Return the result of F for the elements of VECTOR."
  (indexed-reduce f initial vector (vector-length vector) vector-ref))

(define (string-reduce f initial string)
  "Return the result of F for the characters of STRING."
  (indexed-reduce f initial string (string-length string) string-ref))

(define (bytevector-u8-reduce f initial bytevector)
  "Return the result of F for the bytes of BYTEVECTOR."
  (indexed-reduce f initial bytevector (bytevector-length bytevector)
                  bytevector-u8-ref))

(define (port-reduce f initial reader port)
  "Return the result of F for what READER reads from PORT up to its end."
  (generator-reduce f initial (lambda () (reader port))))

(define (generator-reduce f initial generate)
  "Return the result of F for what GENERATE returns up to an end-of-file object."
  (let loop ((result initial))
    (if (reduced? result)
        (unreduce result)
        (let ((element (generate)))
          (if (eof-object? element)
              result
              (loop (f result element)))))))
