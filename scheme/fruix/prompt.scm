;;; What the prompt shows of a value.

(define-module (fruix prompt)
  #:use-module (ice-9 pretty-print)
  #:export (value->text))

(define (value->text value width)
  "Return VALUE as the prompt shows it, a string: on one line when that fits into
WIDTH characters, and otherwise laid out over several.  A record is shown by the
printer that its type was given."
  (let ((line (call-with-output-string
               (lambda (port) (write value port)))))
    (if (or (<= (string-length line) width)
            (not (or (pair? value) (vector? value))))
        line
        (string-trim-right
         (call-with-output-string
          (lambda (port) (pretty-print value port #:width width)))
         #\newline))))
