;;; Ports from inside: what they wait for, and what they have read and nobody has taken.
;;;
;;; A buffer is a view of its port here: bytes can be looked at and be passed, and are put
;;; there by the port alone.  So nothing that fills buffers is here, nor the buffer of what
;;; is written.
;;;
;;; Source: what Guile 3.0.8 does; its manual does not tell of them.

(define-module (ice-9 ports internal)
  #:use-module (srfi srfi-9)
  #:use-module (rnrs bytevectors)
  #:use-module ((ice-9 textual-ports) #:select (put-char put-string))
  #:re-export (put-char put-string)
  #:export (port-read-wait-fd port-write-wait-fd port-poll port-random-access?
            %port-encoding port-decode-char
            port-read-buffer port-buffer-bytevector port-buffer-cur port-buffer-end
            port-buffer-has-eof? set-port-buffer-cur! port-buffer-position
            port-position-line port-position-column
            set-port-position-line! set-port-position-column!))

(define (descriptor port procedure position what fits?)
  (unless (and (port? port) (not (port-closed? port)) (fits? port))
    (scm-error 'wrong-type-arg procedure "Wrong type argument in position ~A (expecting ~A): ~S"
               (list position what port) (list port)))
  (fileno port))

(define (port-read-wait-fd port)
  "Return the number of the descriptor that can be read when input port PORT can."
  (descriptor port "port-read-wait-fd" 1 "open input port" input-port?))

(define (port-write-wait-fd port)
  "Return the number of the descriptor that can be written when output port PORT can."
  (descriptor port "port-write-wait-fd" 1 "open output port" output-port?))

(define* (port-poll port events #:optional (timeout -1))
  "Wait until PORT can be read, where the string EVENTS has an r, or written, where it has a w;
for at most TIMEOUT milliseconds, and without end where that is negative.  Return how many
descriptors can be: 1 or 0."
  (define (asked char)
    (if (string-index events char) (list port) '()))
  (let ((ready (if (negative? timeout)
                   (select (asked #\r) (asked #\w) '())
                   (select (asked #\r) (asked #\w) '()
                           (quotient timeout 1000)
                           (* 1000 (remainder timeout 1000))))))
    (if (every null? ready) 0 1)))

(define (every accepts? items)
  (or (null? items)
      (and (accepts? (car items)) (every accepts? (cdr items)))))

(define (port-random-access? port)
  "Return whether there are places in PORT to go to."
  (->bool (false-if-exception (seek port 0 SEEK_CUR))))

(define (%port-encoding port)
  "Return the name of PORT's encoding, a symbol."
  (string->symbol (port-encoding port)))

(define (port-decode-char port bytes start count)
  "Return the character that begins at START in BYTES, of which COUNT may be taken, in the
encoding of PORT; #f when those are not enough for one."
  (let* ((part (make-bytevector count)))
    (bytevector-copy! bytes start part 0 count)
    (call-with-port (%open-input-bytevector part)
      (lambda (from)
        (set-port-encoding! from (port-encoding port))
        (set-port-conversion-strategy! from 'error)
        (let ((char (false-if-exception (read-char from))))
          (and (char? char) char))))))

;;; Buffers.

(define-record-type read-buffer
  (make-read-buffer port bytes taken)
  read-buffer?
  (port buffer-port)
  ;; What the port had when it was looked at last, and how many of these were taken since.
  (bytes buffer-bytes set-buffer-bytes!)
  (taken buffer-taken set-buffer-taken!))

(define (port-read-buffer port)
  "Return the buffer of input port PORT."
  (make-read-buffer port (%buffered port) 0))

(define (look! buffer)
  ;; The port may have been read, or have read, since.
  (let* ((now (%buffered (buffer-port buffer)))
         (known (bytevector-length (buffer-bytes buffer)))
         (taken (- known (bytevector-length now))))
    (if (and (>= taken (buffer-taken buffer))
             (let same ((index 0))
               (or (= index (bytevector-length now))
                   (and (= (bytevector-u8-ref now index)
                           (bytevector-u8-ref (buffer-bytes buffer) (+ taken index)))
                        (same (+ index 1))))))
        (set-buffer-taken! buffer taken)
        (begin
          (set-buffer-bytes! buffer now)
          (set-buffer-taken! buffer 0)))
    buffer))

(define (port-buffer-bytevector buffer)
  "Return the bytes in which those of BUFFER stand; changing them changes nothing."
  (buffer-bytes (look! buffer)))

(define (port-buffer-cur buffer)
  "Return where in the bytes of BUFFER what comes next stands."
  (buffer-taken (look! buffer)))

(define (port-buffer-end buffer)
  "Return where what has been read ends in the bytes of BUFFER."
  (bytevector-length (port-buffer-bytevector buffer)))

(define (port-buffer-has-eof? buffer)
  "Return #f: a port does not keep that it has met its end."
  #f)

(define (set-port-buffer-cur! buffer place)
  "Pass the bytes of BUFFER up to PLACE."
  (let ((count (- place (port-buffer-cur buffer))))
    (unless (and (exact-integer? count) (<= 0 count (bytevector-length
                                                     (%buffered (buffer-port buffer)))))
      (scm-error 'out-of-range "set-port-buffer-cur!" "Argument 2 out of range: ~S"
                 (list place) (list place)))
    (unless (zero? count)
      (%get-bytevector-n (buffer-port buffer) count))
    (if #f #f)))

(define (port-buffer-position buffer)
  "Return where the port of BUFFER is."
  (buffer-port buffer))

(define (port-position-line position)
  "Return the line of POSITION, from 0."
  (port-line position))

(define (port-position-column position)
  "Return the column of POSITION, from 0."
  (port-column position))

(define (set-port-position-line! position line)
  "Let POSITION be in LINE."
  (set-port-line! position line))

(define (set-port-position-column! position column)
  "Let POSITION be in COLUMN."
  (set-port-column! position column))
