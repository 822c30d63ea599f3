;;; Reading into strings and writing parts of them.

(define-module (ice-9 rw)
  #:export (read-string!/partial write-string/partial))

(define* (read-string!/partial string #:optional (port (current-input-port))
                               (start 0) (end (string-length string)))
  "Read characters from PORT into STRING from START to END, as many as are there,
and return how many were read, or #f at the end of the port."
  (let loop ((index start))
    (if (or (= index end)
            (and (> index start) (not (char-ready? port))))
        (- index start)
        (let ((char (read-char port)))
          (cond
           ((not (eof-object? char))
            (string-set! string index char)
            (loop (+ index 1)))
           ((and (= index start) (< start end)) #f)
           (else (- index start)))))))

(define* (write-string/partial string #:optional (port (current-output-port))
                               (start 0) (end (string-length string)))
  "Write STRING from START to END to PORT, and return how many characters were
written."
  (display (substring string start end) port)
  (- end start))
