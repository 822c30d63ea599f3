;;; Streams in the old style: a promise of a pair of an element and a stream, or
;;; of what is not a pair.

(define-module (ice-9 streams)
  #:export (make-stream stream-car stream-cdr stream-null?
            list->stream vector->stream port->stream
            stream->list stream->reversed-list
            stream->list&length stream->reversed-list&length
            stream->vector
            stream-fold stream-for-each stream-map))

(define (make-stream next initial)
  "Return the stream of the cars of what NEXT returns: a pair of an element and
the next state, or anything else at the end.  The first state is INITIAL."
  (let loop ((state initial))
    (delay
      (let ((result (next state)))
        (if (pair? result)
            (cons (car result) (loop (cdr result)))
            '())))))

(define (stream-car stream)
  "Return the first element of STREAM."
  (car (force stream)))

(define (stream-cdr stream)
  "Return the stream of all elements of STREAM but the first."
  (cdr (force stream)))

(define (stream-null? stream)
  "Return whether STREAM has no elements."
  (null? (force stream)))

(define (list->stream list)
  "Return a stream of the elements of LIST."
  (make-stream (lambda (rest) rest) list))

(define (vector->stream vector)
  "Return a stream of the elements of VECTOR."
  (make-stream (lambda (index)
                 (and (< index (vector-length vector))
                      (cons (vector-ref vector index) (+ index 1))))
               0))

(define (port->stream port read)
  "Return a stream of what READ reads from PORT."
  (make-stream (lambda (port)
                 (let ((element (read port)))
                   (and (not (eof-object? element)) (cons element port))))
               port))

(define (stream-fold f initial stream . streams)
  "Return the last result of F, called with the elements of the streams and the
result so far, which starts as INITIAL."
  (if (null? streams)
      (let loop ((stream stream) (result initial))
        (if (stream-null? stream)
            result
            (loop (stream-cdr stream) (f (stream-car stream) result))))
      (let loop ((streams (cons stream streams)) (result initial))
        (if (or-map stream-null? streams)
            result
            (loop (map stream-cdr streams)
                  (apply f (append (map stream-car streams) (list result))))))))

(define (stream->reversed-list stream)
  "Return the elements of STREAM as a list, the last first."
  (stream-fold cons '() stream))

(define (stream->list stream)
  "Return the elements of STREAM as a list."
  (reverse! (stream->reversed-list stream)))

(define (stream->reversed-list&length stream)
  "Return the elements of STREAM as a list, the last first, and how many they
are, as two values."
  (let ((elements (stream->reversed-list stream)))
    (values elements (length elements))))

(define (stream->list&length stream)
  "Return the elements of STREAM as a list, and how many they are, as two values."
  (let ((elements (stream->list stream)))
    (values elements (length elements))))

(define (stream->vector stream)
  "Return the elements of STREAM as a vector."
  (list->vector (stream->list stream)))

(define (stream-for-each f stream . streams)
  "Call F with the elements of the streams, in order."
  (let loop ((streams (cons stream streams)))
    (unless (or-map stream-null? streams)
      (apply f (map stream-car streams))
      (loop (map stream-cdr streams)))))

(define (stream-map f stream . streams)
  "Return the stream of the values of F for the elements of the streams."
  (make-stream (lambda (streams)
                 (and (not (or-map stream-null? streams))
                      (cons (apply f (map stream-car streams))
                            (map stream-cdr streams))))
               (cons stream streams)))
