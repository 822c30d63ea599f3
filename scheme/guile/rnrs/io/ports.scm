;;; R6RS input and output with ports.
;;;
;;; Guile's ports carry bytes and characters alike; a transcoder says how the
;;; characters are encoded.

(define-module (rnrs io ports)
  #:version (6)
  #:use-module ((ice-9 iconv) #:prefix iconv:)
  #:use-module ((ice-9 binary-ports) #:hide (get-string-n!))
  #:use-module (ice-9 exceptions)
  #:use-module ((ice-9 rdelim) #:select (read-line read-string))
  #:use-module (rnrs enums)
  #:use-module (rnrs files)
  #:use-module (srfi srfi-9)
  #:re-export (&i/o &i/o-file-already-exists &i/o-file-does-not-exist
               &i/o-file-is-read-only &i/o-file-protection &i/o-filename
               &i/o-invalid-position &i/o-port &i/o-read &i/o-write
               call-with-port close-port current-error-port current-input-port
               current-output-port eof-object eof-object? get-bytevector-all
               get-bytevector-n get-bytevector-n! get-bytevector-some
               get-u8 i/o-error-filename i/o-error-port
               i/o-error? i/o-file-already-exists-error?
               i/o-file-does-not-exist-error? i/o-file-is-read-only-error?
               i/o-file-protection-error? i/o-filename-error?
               i/o-invalid-position-error? i/o-port-error? i/o-read-error?
               i/o-write-error? input-port? lookahead-u8
               make-custom-binary-input-port
               make-custom-binary-input/output-port
               make-custom-binary-output-port make-i/o-error
               make-i/o-file-already-exists-error
               make-i/o-file-does-not-exist-error
               make-i/o-file-is-read-only-error make-i/o-file-protection-error
               make-i/o-filename-error make-i/o-invalid-position-error
               make-i/o-port-error make-i/o-read-error make-i/o-write-error
               open-bytevector-input-port open-bytevector-output-port
               output-port? port? put-bytevector put-u8)
  #:export (%reading %writing get-string-n! &i/o-decoding &i/o-encoding binary-port? buffer-mode?
            bytevector->string call-with-bytevector-output-port
            call-with-string-output-port flush-output-port get-char get-datum
            get-line get-string-all get-string-n i/o-decoding-error?
            i/o-encoding-error-char i/o-encoding-error? latin-1-codec
            lookahead-char make-custom-textual-output-port
            make-i/o-decoding-error make-i/o-encoding-error make-transcoder
            native-eol-style native-transcoder open-file-input-port
            open-file-input/output-port open-file-output-port
            open-string-input-port open-string-output-port
            output-port-buffer-mode port-eof? port-has-port-position?
            port-has-set-port-position!? port-position port-transcoder
            put-char put-datum put-string set-port-position!
            standard-error-port standard-input-port standard-output-port
            string->bytevector textual-port? transcoded-port transcoder-codec
            transcoder-eol-style transcoder-error-handling-mode utf-16-codec
            utf-8-codec buffer-mode eol-style error-handling-mode file-options))

;;; Transcoders

(define-record-type <transcoder>
  (%make-transcoder codec eol-style error-handling-mode)
  transcoder?
  (codec transcoder-codec)                                ;string: an encoding
  (eol-style transcoder-eol-style)                        ;symbol
  (error-handling-mode transcoder-error-handling-mode))   ;symbol

(define-syntax-rule (eol-style name) 'name)
(define-syntax-rule (error-handling-mode name) 'name)
(define-syntax-rule (buffer-mode name) 'name)

(define-enumeration file-option
  (no-create no-fail no-truncate)
  file-options)

(define (buffer-mode? object)
  "Return whether OBJECT names a way of buffering."
  (and (memq object '(none line block)) #t))

(define (latin-1-codec)
  "Return the encoding ISO 8859-1."
  "ISO-8859-1")
(define (utf-8-codec)
  "Return the encoding UTF-8."
  "UTF-8")
(define (utf-16-codec)
  "Return the encoding UTF-16."
  "UTF-16")

(define (native-eol-style)
  "Return how lines end on this system."
  'none)

(define* (make-transcoder codec #:optional
                          (eol-style (native-eol-style)) (mode 'replace))
  "Return a transcoder for CODEC, EOL-STYLE and error handling MODE."
  (%make-transcoder codec eol-style mode))

(define (native-transcoder)
  "Return the transcoder that ports have by default."
  (make-transcoder (utf-8-codec)))

(define (transcoded-port port transcoder)
  "Return PORT, which from now on has the encoding of TRANSCODER."
  (set-port-encoding! port (transcoder-codec transcoder))
  (set-port-conversion-strategy! port (strategy transcoder))
  port)

(define (port-transcoder port)
  "Return the transcoder of PORT."
  (make-transcoder (or (port-encoding port) "ISO-8859-1")))

(define (strategy transcoder)
  "Return what ports call the error handling mode of TRANSCODER."
  (case (transcoder-error-handling-mode transcoder)
    ((raise) 'error)
    ((replace) 'substitute)
    (else (error "unsupported error handling mode"
                 (transcoder-error-handling-mode transcoder)))))

(define (bytevector->string bytes transcoder)
  "Return the string that BYTES encode, as TRANSCODER says."
  (iconv:bytevector->string bytes (transcoder-codec transcoder) (strategy transcoder)))

(define (string->bytevector string transcoder)
  "Return the bytes that encode STRING, as TRANSCODER says."
  (iconv:string->bytevector string (transcoder-codec transcoder) (strategy transcoder)))

;;; Conditions

(define-exception-type &i/o-decoding &i/o-port
  make-i/o-decoding-error i/o-decoding-error?)

(define-exception-type &i/o-encoding &i/o-port
  make-i/o-encoding-error i/o-encoding-error?
  (char i/o-encoding-error-char))

;; Call THUNK; what the system refuses on PORT becomes what MAKE gives and PORT, and what
;; cannot be decoded or encoded there its own condition.
(define (with-port-conditions port make thunk)
  (catch #t
    thunk
    (lambda (key . arguments)
      (raise-exception
       (case key
         ((system-error) (make-exception (make) (make-i/o-port-error port)))
         ((decoding-error) (make-i/o-decoding-error port))
         ((encoding-error) (make-i/o-encoding-error port (list-ref arguments 4)))
         (else (make-exception-from-throw key arguments)))))))

(define-syntax-rule (%reading port expression)
  (with-port-conditions port make-i/o-read-error (lambda () expression)))

(define-syntax-rule (%writing port expression ...)
  (with-port-conditions port make-i/o-write-error (lambda () expression ...)))

;;; Opening

(define (with-file-conditions filename thunk)
  (catch 'system-error
    thunk
    (lambda arguments
      (let ((errno (system-error-errno arguments)))
        (raise-exception
         (make-exception
          (cond ((= errno ENOENT) (make-i/o-file-does-not-exist-error filename))
                ((= errno EEXIST) (make-i/o-file-already-exists-error filename))
                ((= errno EACCES) (make-i/o-file-protection-error filename))
                ((= errno EROFS) (make-i/o-file-is-read-only-error filename))
                (else (make-i/o-filename-error filename)))
          (make-exception-with-message
           (string-append "cannot open `" filename "': " (strerror errno)))))))))

(define (prepared port transcoder)
  (if transcoder (transcoded-port port transcoder) port))

(define (buffered port mode)
  (setvbuf port mode)
  (%port-properties port (acons 'buffer-mode mode (%port-properties port)))
  port)

(define no-options (file-options))

(define* (open-file-input-port filename #:optional
                               (options no-options) (buffer-mode 'block)
                               transcoder)
  "Return a port that reads the file FILENAME, with TRANSCODER if that is given."
  (with-file-conditions filename
    (lambda ()
      (buffered (prepared (open-file filename (if transcoder "r" "rb")) transcoder)
                buffer-mode))))

;; What OPTIONS ask of the file FILENAME that is to be written.
(define (writing-mode filename options)
  (let ((exists? (file-exists? filename))
        (option? (lambda (name) (enum-set-member? name options))))
    (cond
     ((and exists? (not (option? 'no-fail)) (not (option? 'no-create)))
      (raise-exception (make-i/o-file-already-exists-error filename)))
     ((and (not exists?) (option? 'no-create))
      (raise-exception (make-i/o-file-does-not-exist-error filename)))
     ((and exists? (option? 'no-truncate)) "r+")
     (else "w"))))

(define* (open-file-output-port filename #:optional
                                (options no-options) (buffer-mode 'block)
                                transcoder)
  "Return a port that writes the file FILENAME, which must not exist unless
OPTIONS say otherwise, with TRANSCODER if that is given."
  (let ((mode (writing-mode filename options)))
    (with-file-conditions filename
      (lambda ()
        (buffered (prepared (open-file filename
                                       (if transcoder mode (string-append mode "b")))
                            transcoder)
                  buffer-mode)))))

(define* (open-file-input/output-port filename #:optional
                                      (options no-options) (buffer-mode 'block)
                                      transcoder)
  "Return a port that reads and writes the file FILENAME."
  (let ((mode (if (string=? (writing-mode filename options) "w") "w+" "r+")))
    (with-file-conditions filename
      (lambda ()
        (buffered (prepared (open-file filename
                                       (if transcoder mode (string-append mode "b")))
                            transcoder)
                  buffer-mode)))))

(define (open-string-input-port string)
  "Return a port that reads STRING."
  (open-input-string string))

(define (open-string-output-port)
  "Return a port, and a procedure that returns what has been written to it since it
was last called."
  (let ((port (open-output-string))
        (taken 0))
    (values port
            (lambda ()
              (let* ((all (get-output-string port))
                     (new (substring all taken)))
                (set! taken (string-length all))
                new)))))

(define (call-with-string-output-port f)
  "Return what F writes to the port that it is called with."
  (call-with-output-string f))

(define* (call-with-bytevector-output-port f #:optional transcoder)
  "Return the bytes that F writes to the port that it is called with."
  (call-with-values open-bytevector-output-port
    (lambda (port bytes)
      (f (prepared port transcoder))
      (bytes))))

(define* (make-custom-textual-output-port id write! get-position
                                          set-position! close)
  "Return a port that gives what is written to it to WRITE!, called with a string,
a start and a count."
  (make-soft-port
   (vector (lambda (char) (write! (string char) 0 1))
           (lambda (string) (write! string 0 (string-length string)))
           (lambda () #t)
           #f
           (or close (lambda () #t)))
   "w"))

(define (binary port)
  (set-port-encoding! port "ISO-8859-1")
  port)

(define (standard-input-port)
  "Return the port that reads what the program is given."
  (binary (dup->inport 0)))

(define (standard-output-port)
  "Return a port that writes to where the program's output goes."
  (binary (dup->outport 1)))

(define (standard-error-port)
  "Return a port that writes to where the program's complaints go."
  (binary (dup->outport 2)))

;;; Ports

(define (textual-port? port)
  "Return whether PORT is a port for characters."
  (port? port))

(define (binary-port? port)
  "Return whether PORT is a port for bytes."
  (and (port? port)
       (equal? (port-encoding port) "ISO-8859-1")))

(define (port-eof? port)
  "Return whether PORT has nothing more to read."
  (eof-object? (if (binary-port? port) (lookahead-u8 port) (peek-char port))))

(define (output-port-buffer-mode port)
  "Return how PORT keeps back what is written."
  (or (assq-ref (%port-properties port) 'buffer-mode) 'block))

(define (flush-output-port port)
  "Write out what PORT has kept back."
  (force-output port))

(define (port-has-port-position? port)
  "Return whether PORT can tell where it is."
  (and (false-if-exception (seek port 0 SEEK_CUR)) #t))

(define (port-has-set-port-position!? port)
  "Return whether PORT can be told where to go on."
  (and (false-if-exception (seek port (seek port 0 SEEK_CUR) SEEK_SET)) #t))

(define (port-position port)
  "Return where PORT goes on."
  (seek port 0 SEEK_CUR))

(define (set-port-position! port position)
  "Make PORT go on at POSITION."
  (seek port position SEEK_SET))

;;; Characters

(define (get-char port)
  "Return the next character of PORT."
  (%reading port (read-char port)))

(define (lookahead-char port)
  "Return the next character of PORT and leave it there."
  (%reading port (peek-char port)))

(define (get-line port)
  "Return the next line of PORT without its end."
  (%reading port (read-line port 'trim)))

(define (get-datum port)
  "Return the next datum of PORT."
  (%reading port (read port)))

(define (get-string-all port)
  "Return the rest of PORT as a string."
  (%reading port (read-string port)))

(define (get-string-n port count)
  "Return the next COUNT characters of PORT, or as many as there are, or an
end-of-file object."
  (let loop ((left count) (chars '()))
    (let ((char (if (zero? left) #f (get-char port))))
      (cond ((char? char) (loop (- left 1) (cons char chars)))
            ((and (eof-object? char) (null? chars)) char)
            (else (reverse-list->string chars))))))

(define (get-string-n! port string start count)
  "Read COUNT characters of PORT into STRING from START on; return how many there
were, or an end-of-file object."
  (let loop ((index 0))
    (let ((char (if (= index count) #f (get-char port))))
      (cond ((char? char)
             (string-set! string (+ start index) char)
             (loop (+ index 1)))
            ((and (eof-object? char) (zero? index)) char)
            (else index)))))

(define (put-char port char)
  "Write CHAR to PORT."
  (%writing port (write-char char port)))

(define* (put-string port string #:optional
                     (start 0) (count (- (string-length string) start)))
  "Write COUNT characters of STRING from START on to PORT."
  (%writing port (display (substring string start (+ start count)) port)))

(define (put-datum port datum)
  "Write DATUM to PORT, so that it can be read back."
  (%writing port (write datum port)))
