;; Bytes that are not UTF-8 in a comment and in a string of a file that is read.
(define file "latin")
(call-with-output-file file
  (lambda (port)
    (set-port-encoding! port "ISO-8859-1")
    (display ";; é\n(a) \"xéy\" b ; è" port)))
(call-with-input-file file
  (lambda (port)
    (set-port-encoding! port "UTF-8")
    (let loop ((datum (read port)))
      (write datum) (newline)
      (unless (eof-object? datum) (loop (read port))))))
(delete-file file)
