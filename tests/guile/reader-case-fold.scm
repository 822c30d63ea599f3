;; The directives that fold case, and those that stop it.
(define (show x) (write x) (newline))
(define (read-all text)
  (call-with-input-string text
    (lambda (port)
      (let loop ((x (read port)) (out '()))
        (if (eof-object? x) (reverse out) (loop (read port) (cons x out)))))))
(show (read-all "ABC #!fold-case ABC Def #!no-fold-case ABC"))
(show (read-all "Hello #T #F #true"))
(show (read-all "#!fold-case (Some List #\\A \"String\")"))
(read-enable 'case-insensitive)
(show (read-all "FOO Bar"))
(read-disable 'case-insensitive)
(show (read-all "FOO Bar"))
