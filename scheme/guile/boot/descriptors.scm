;;; Descriptors and the ports that stand for them.

(define *null-device* "/dev/null")

(define (dup->fdes port . descriptor)
  "Return a new descriptor for what PORT stands for, DESCRIPTOR when it is given."
  (if (pair? descriptor)
      (%duplicate-to port (car descriptor))
      (%duplicate port)))

(define (dup->port port mode . descriptor)
  "Return a port of MODE for a new descriptor for what PORT stands for."
  (fdopen (apply dup->fdes port descriptor) mode))

(define (dup->inport port . descriptor)
  "Return a port to read what PORT stands for."
  (apply dup->port port "r" descriptor))

(define (dup->outport port . descriptor)
  "Return a port to write what PORT stands for."
  (apply dup->port port "w" descriptor))

(define (duplicate-port port mode)
  "Return a port of MODE for a new descriptor for what PORT stands for."
  (dup->port port mode))

(define (fdes->inport descriptor)
  "Return a port to read DESCRIPTOR."
  (fdopen descriptor "r"))

(define (fdes->outport descriptor)
  "Return a port to write DESCRIPTOR."
  (fdopen descriptor "w"))

(define (fdes->ports descriptor)
  "Return the open ports that stand for DESCRIPTOR."
  (filter (lambda (port) (eqv? (fileno port) descriptor)) (%open-ports)))

(define (port-for-each procedure)
  "Call PROCEDURE with each open port that stands for a descriptor."
  (for-each procedure (%open-ports)))

(define (primitive-move->fdes port descriptor)
  "Let PORT stand for DESCRIPTOR from now on; return whether it did not before."
  (and (not (eqv? (fileno port) descriptor))
       (move->fdes port descriptor)
       #t))

(define (open-io-file name)
  "Return a port to read and write the file called NAME."
  (open-file name "r+"))

(define (file-position port)
  "Return the position in PORT."
  (ftell port))

(define (file-set-position port offset . whence)
  "Go to OFFSET in PORT."
  (seek port offset (if (pair? whence) (car whence) SEEK_SET)))

(define* (sendfile out in count #:optional offset)
  "Copy COUNT bytes from port IN to port OUT, from OFFSET on or from where IN is;
return how many there were."
  (let ((before (and offset (ftell in))))
    (if offset (seek in offset SEEK_SET))
    (let* ((bytes (%get-bytevector-n in count))
           (found (if (bytevector? bytes) (bytevector-length bytes) 0)))
      (if (> found 0) (%put-bytevector out bytes))
      (force-output out)
      (if before (seek in before SEEK_SET))
      found)))

(define (the-eof-object)
  "Return the end-of-file object."
  (%eof-object))

(define (current-load-port)
  "Return the port that is being loaded; there is none, files are read whole."
  #f)

(define (inherit-print-state old new)
  "Return NEW."
  new)

(define (file-encoding port)
  "Return the encoding that a comment at the beginning of PORT names, or #f."
  (let* ((text (%get-string-n port 564))
         (encoding (and (string? text) (%encoding-in-comment text))))
    (if (string? text)
        (unread-string text port))
    encoding))
