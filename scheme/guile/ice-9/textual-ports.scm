;;; (ice-9 textual-ports): R6RS's names for reading and writing text.

(define-module (ice-9 textual-ports)
  #:re-export ((%get-string-n . get-string-n)
               (%get-string-all . get-string-all)
               (%put-string . put-string)
               (%put-char . put-char)
               (read-char . get-char)
               (peek-char . lookahead-char)
               (%unget-char . unget-char)
               (%unget-string . unget-string)
               (%get-line . get-line)
               (%get-string-n! . get-string-n!)))
