;; A string port written to and read from.
(define text
  (call-with-output-string
    (lambda (port)
      (let loop ((i 0))
        (when (< i 150000)
          (write i port)
          (newline port)
          (loop (+ i 1)))))))
(display (string-length text))
(newline)
(use-modules (ice-9 rdelim))
(call-with-input-string text
  (lambda (port)
    (let loop ((count 0))
      (let ((line (read-line port)))
        (if (eof-object? line)
            (begin (display count) (newline))
            (loop (+ count 1)))))))
