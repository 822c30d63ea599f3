(write (list #\ #\a)) (newline)
(write (list #\"#\() ) (newline)
(write (vector #\;#\))) (newline)
(write (map char->integer (list #\x41 #\x #\space))) (newline)
(define (all text)
  (call-with-input-string text
    (lambda (port)
      (let loop ((found '()))
        (let ((datum (read port)))
          (if (eof-object? datum) (reverse found) (loop (cons datum found))))))))
(for-each (lambda (text) (write (all text)) (newline))
          '("#\\ a" "#\\(a" "#\\)b" "#\\[a" "#\\]a" "#\\;a" "#\\\"result" "(#\\()" "(#\\))"
            "#\\	x" "#\\
x" "#\\a;b" "#\\a\"b\"" "#\\a(b)" "#\\space(1)" "#\\x41(1)" "#\\'" "#\\`" "#\\," "#\\#"
            "#\\\\" "#\\|" "#\\. 1" "#\\λ(1)"))
