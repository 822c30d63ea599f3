;; Data read: 2 MB of association lists.
(define text
  (with-output-to-string
    (lambda ()
      (write (map (lambda (i)
                    `((name . ,(string-append "package-" (number->string i)))
                      (version ,i ,(* i 2) "1.2.3")
                      (inputs gcc make #:optional (bash sed))))
                  (iota 20000))))))
(display (string-length text))
(newline)
(display (length (with-input-from-string text read)))
(newline)
(display (length (call-with-input-string text read)))
(newline)
(display (length (call-with-input-string text read)))
(newline)
