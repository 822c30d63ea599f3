;;; R6RS simple input and output.

(define-module (rnrs io simple)
  #:version (6)
  #:use-module ((ice-9 binary-ports) #:select (eof-object))
  #:use-module (rnrs files)
  #:use-module (rnrs io ports)
  #:re-export (&i/o &i/o-file-already-exists &i/o-file-does-not-exist
               &i/o-file-is-read-only &i/o-file-protection &i/o-filename
               &i/o-invalid-position &i/o-port &i/o-read &i/o-write
               close-input-port close-output-port current-error-port
               current-input-port current-output-port eof-object eof-object?
               i/o-error-filename i/o-error-port i/o-error-position i/o-error?
               i/o-file-already-exists-error? i/o-file-does-not-exist-error?
               i/o-file-is-read-only-error? i/o-file-protection-error?
               i/o-filename-error? i/o-invalid-position-error? i/o-port-error?
               i/o-read-error? i/o-write-error? input-port? make-i/o-error
               make-i/o-file-already-exists-error
               make-i/o-file-does-not-exist-error
               make-i/o-file-is-read-only-error make-i/o-file-protection-error
               make-i/o-filename-error make-i/o-invalid-position-error
               make-i/o-port-error make-i/o-read-error make-i/o-write-error
               output-port?)
  #:replace (call-with-input-file call-with-output-file display newline
             open-input-file open-output-file peek-char read read-char
             with-input-from-file with-output-to-file write write-char))

;;; What fails on a port is told by conditions, as in (rnrs io ports).

(define* (read-char #:optional (port (current-input-port)))
  "Return the next character of PORT."
  (%reading port ((@ (guile) read-char) port)))

(define* (peek-char #:optional (port (current-input-port)))
  "Return the next character of PORT and leave it there."
  (%reading port ((@ (guile) peek-char) port)))

(define* (read #:optional (port (current-input-port)))
  "Return the next datum of PORT."
  (%reading port ((@ (guile) read) port)))

(define* (display object #:optional (port (current-output-port)))
  "Write OBJECT to PORT, for people."
  (%writing port ((@ (guile) display) object port)))

(define* (write object #:optional (port (current-output-port)))
  "Write OBJECT to PORT, so that it can be read back."
  (%writing port ((@ (guile) write) object port)))

(define* (write-char char #:optional (port (current-output-port)))
  "Write CHAR to PORT."
  (%writing port ((@ (guile) write-char) char port)))

(define* (newline #:optional (port (current-output-port)))
  "End a line of PORT."
  (%writing port ((@ (guile) newline) port)))

(define (open-input-file filename)
  "Return a port that reads the text of the file FILENAME."
  (open-file-input-port filename (file-options) (buffer-mode block) (native-transcoder)))

(define (open-output-file filename)
  "Return a port that writes text to the file FILENAME, which must not exist."
  (open-file-output-port filename (file-options) (buffer-mode block) (native-transcoder)))

(define (call-with-input-file filename procedure)
  "Return what PROCEDURE makes of a port that reads FILENAME and is closed afterwards."
  (call-with-port (open-input-file filename) procedure))

(define (call-with-output-file filename procedure)
  "Return what PROCEDURE gives for a port that writes FILENAME and is closed afterwards."
  (call-with-port (open-output-file filename) procedure))

(define (with-input-from-file filename thunk)
  "Return what THUNK gives while FILENAME is the current input port."
  (call-with-input-file filename
    (lambda (port) (with-input-from-port port thunk))))

(define (with-output-to-file filename thunk)
  "Return what THUNK gives while FILENAME is the current output port."
  (call-with-output-file filename
    (lambda (port) (with-output-to-port port thunk))))
