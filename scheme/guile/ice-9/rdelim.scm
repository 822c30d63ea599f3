;;; (ice-9 rdelim): reading lines and delimited text.

(define-module (ice-9 rdelim)
  #:re-export (read-line read-string read-string! read-delimited read-delimited!
               %read-line write-line)
  #:export (read-line! %read-delimited!))

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

(define* (%read-delimited! delimiters string gobble? #:optional (port (current-input-port))
                           (start 0) (end (string-length string)))
  "Read characters of PORT into STRING from START to END until one of the string
DELIMITERS comes, which is taken from PORT when GOBBLE?.  Return a pair: that
character, the end-of-file object or, where STRING was full before, #f; and how
many characters STRING got."
  (let loop ((index start))
    (if (= index end)
        (cons #f (- index start))
        (let ((char (if gobble? (read-char port) (peek-char port))))
          (cond ((or (eof-object? char) (string-index delimiters char))
                 (cons char (- index start)))
                (else
                 (if (not gobble?) (read-char port))
                 (string-set! string index char)
                 (loop (+ index 1))))))))
