;;; (ice-9 rdelim): reading lines and delimited text.

(define-module (ice-9 rdelim)
  #:re-export (read-line read-string read-string! read-delimited read-delimited!
               %read-line %read-delimited write-line)
  #:export (read-line!))

(define* (read-line! string #:optional (port (current-input-port)))
  "Read a line of PORT into STRING; return how many characters it has, #f when
STRING is full before the line ends, or the end-of-file object."
  (define size (string-length string))
  (let loop ((count 0))
    (let ((char (read-char port)))
      (cond ((eof-object? char) (if (= count 0) char count))
            ((char=? char #\newline) count)
            (else
             (string-set! string count char)
             (if (= (+ count 1) size)
                 #f
                 (loop (+ count 1))))))))
