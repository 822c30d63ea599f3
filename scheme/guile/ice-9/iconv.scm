;;; Strings and bytes in any encoding that ports know.

(define-module (ice-9 iconv)
  #:use-module (rnrs bytevectors)
  #:use-module (ice-9 binary-ports)
  #:use-module (ice-9 textual-ports)
  #:export (string->bytevector bytevector->string call-with-encoded-output-string))

(define (call-with-encoded-output-string encoding procedure . strategy)
  "Return what PROCEDURE writes to the port it is given, in ENCODING."
  (call-with-values open-bytevector-output-port
    (lambda (port bytes)
      (set-port-encoding! port encoding)
      (set-port-conversion-strategy! port (if (pair? strategy) (car strategy) 'error))
      (procedure port)
      (let ((result (bytes)))
        (close-port port)
        result))))

(define (utf-8? encoding)
  (string-ci=? encoding "utf-8"))

(define* (string->bytevector string encoding #:optional (strategy 'error))
  "Return STRING in ENCODING; STRATEGY says what to do with characters that it does
not have: `error', `substitute' or `escape'."
  (if (utf-8? encoding)
      (string->utf8 string)
      (call-with-encoded-output-string
       encoding (lambda (port) (put-string port string)) strategy)))

(define* (bytevector->string bytes encoding #:optional (strategy 'error))
  "Return the string whose encoding in ENCODING BYTES are."
  (if (and (utf-8? encoding) (eq? strategy 'error))
      (utf8->string bytes)
      (let ((port (open-bytevector-input-port bytes)))
        (set-port-encoding! port encoding)
        (set-port-conversion-strategy! port strategy)
        (get-string-all port))))
