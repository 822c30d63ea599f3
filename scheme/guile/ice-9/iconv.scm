;;; (ice-9 iconv): strings as bytes in any encoding, and back.

(define-module (ice-9 iconv)
  #:export (string->bytevector bytevector->string call-with-encoded-output-string))

(define* (string->bytevector string encoding #:optional (strategy 'error))
  "Return the bytes of STRING in ENCODING.  STRATEGY is error, substitute or
escape, for what happens to characters that have none there."
  (%encode-string string encoding strategy))

(define* (bytevector->string bytes encoding #:optional (strategy 'error))
  "Return the string that BYTES stand for in ENCODING.  STRATEGY is error or
substitute, for what happens to bytes that stand for nothing."
  (%decode-bytes bytes encoding strategy))

(define* (call-with-encoded-output-string encoding procedure
                                          #:optional (strategy 'error))
  "Call PROCEDURE with a port and return the bytes in ENCODING of what was
written to it."
  (%encode-string (call-with-output-string procedure) encoding strategy))
