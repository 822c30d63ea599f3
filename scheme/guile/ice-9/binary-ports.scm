;;; (ice-9 binary-ports): reading and writing bytes.

(define-module (ice-9 binary-ports)
  #:re-export ((%eof-object . eof-object)
               (%get-u8 . get-u8)
               (%lookahead-u8 . lookahead-u8)
               (%get-bytevector-n . get-bytevector-n)
               (%get-bytevector-n! . get-bytevector-n!)
               (%get-bytevector-some . get-bytevector-some)
               (%get-bytevector-all . get-bytevector-all)
               (%put-u8 . put-u8)
               (%put-bytevector . put-bytevector)
               (%unget-bytevector . unget-bytevector)
               (%get-string-n! . get-string-n!)
               (%make-custom-binary-input-port . make-custom-binary-input-port)
               (%make-custom-binary-output-port . make-custom-binary-output-port)
               (%make-custom-binary-input/output-port
                . make-custom-binary-input/output-port)
               (%open-bytevector-input-port . open-bytevector-input-port)
               (%open-bytevector-output-port . open-bytevector-output-port)
               (%call-with-output-bytevector . call-with-output-bytevector)
               (%call-with-input-bytevector . call-with-input-bytevector))
  #:export (get-bytevector-some!))

(define (get-bytevector-some! port bytevector start count)
  "Read up to COUNT bytes that PORT has now into BYTEVECTOR, from START on; return
how many there were, or the end-of-file object."
  (let ((first (%get-bytevector-n port (min count 1))))
    (if (or (eof-object? first) (= count 0))
        first
        (let loop ((end start) (byte (bytevector-u8-ref first 0)))
          (bytevector-u8-set! bytevector end byte)
          (if (and (< (+ end 1) (+ start count)) (char-ready? port))
              (let ((next (%get-u8 port)))
                (if (eof-object? next)
                    (- (+ end 1) start)
                    (loop (+ end 1) next)))
              (- (+ end 1) start))))))
