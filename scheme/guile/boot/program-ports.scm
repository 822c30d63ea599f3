;;; Ports that procedures of the program are behind.  The native port asks for
;;; bytes and hands bytes over; what R6RS and Guile want of the procedures is
;;; put together here.

(define (%ask-binary read!)
  (let ((buffer (make-bytevector 1024 0)))
    (lambda (wanted)
      (if (< (bytevector-length buffer) wanted)
          (set! buffer (make-bytevector wanted 0)))
      (let ((count (read! buffer 0 wanted)))
        (if (not (and (exact-integer? count) (<= 0 count wanted)))
            (scm-error 'out-of-range "custom_binary_input_port_read"
                       "Value out of range: ~S" (list count) (list count)))
        (bytevector-copy buffer 0 count)))))

(define (%hand-binary write!)
  (lambda (bytes)
    (let ((length (bytevector-length bytes)))
      (let loop ((start 0))
        (if (< start length)
            (let ((count (write! bytes start (- length start))))
              (if (not (and (exact-integer? count) (<= 0 count (- length start))))
                  (scm-error 'out-of-range "custom_binary_output_port_write"
                             "R6RS custom binary output port `write!' returned a incorrect integer"
                             '() (list count)))
              (if (> count 0)
                  (loop (+ start count)))))))))

(define (%seek-binary get-position set-position!)
  (and (or get-position set-position!)
       (lambda (offset whence)
         (cond ((and (eqv? whence 1) (eqv? offset 0))
                (if get-position
                    (get-position)
                    (error "R6RS custom binary port does not support `port-position'")))
               (set-position!
                (let ((target (if (eqv? whence 1)
                                  (+ offset (get-position))
                                  offset)))
                  (if (eqv? whence 2)
                      (error "R6RS custom binary ports do not support `SEEK_END'"))
                  (set-position! target)
                  target))
               (else
                (error "seekable R6RS custom binary port needs `set-port-position!'"))))))

(define (%binary-port id read write get-position set-position! close)
  (%make-custom-port id read write (%seek-binary get-position set-position!) close))

(define (%make-custom-binary-input-port id read! get-position set-position! close)
  "Return a port whose bytes READ! gives."
  (%binary-port id (%ask-binary read!) #f get-position set-position! close))

(define (%make-custom-binary-output-port id write! get-position set-position! close)
  "Return a port whose bytes WRITE! takes."
  (%binary-port id #f (%hand-binary write!) get-position set-position! close))

(define (%make-custom-binary-input/output-port id read! write! get-position
                                               set-position! close)
  "Return a port whose bytes READ! gives and WRITE! takes."
  (%binary-port id (%ask-binary read!) (%hand-binary write!)
                get-position set-position! close))

(define (make-soft-port procedures modes)
  "Return a port that does with PROCEDURES what MODES, a string as of open-file,
allows.  PROCEDURES is a vector: of a character to put, of a string to put, to
flush, to get a character, to close and, perhaps, how many characters are ready."
  (if (not (and (vector? procedures)
                (memv (vector-length procedures) '(5 6))))
      (scm-error 'wrong-type-arg "make-soft-port"
                 "Wrong type argument in position ~A: ~S"
                 (list 1 procedures) (list procedures)))
  (let* ((put-string (vector-ref procedures 1))
         (flush (vector-ref procedures 2))
         (get-char (vector-ref procedures 3))
         (close (vector-ref procedures 4))
         (reads? (string-any (lambda (mode) (memv mode '(#\r #\+))) modes))
         (writes? (string-any (lambda (mode) (memv mode '(#\w #\a #\+))) modes))
         (port (%make-soft-port
                "soft port"
                (and reads?
                     (lambda (wanted)
                       (let ((character (get-char)))
                         (if (char? character)
                             (%encode-string (string character) "UTF-8")
                             (make-bytevector 0)))))
                (and writes?
                     (lambda (bytes)
                       (put-string (%decode-bytes bytes "UTF-8" 'substitute))
                       (if flush (flush))))
                #f
                close)))
    (if writes? (setvbuf port 'none))
    port))

(define (%port-property port key)
  "Return what is noted for KEY with PORT, or #f."
  (assq-ref (%port-properties port) key))

(define (%set-port-property! port key value)
  "Note VALUE for KEY with PORT."
  (%port-properties port (assq-set! (%port-properties port) key value)))

(define (port-property port key)
  "Return what is noted for KEY with PORT, or #f."
  (%port-property port key))

(define (set-port-property! port key value)
  "Note VALUE for KEY with PORT."
  (%set-port-property! port key value))
