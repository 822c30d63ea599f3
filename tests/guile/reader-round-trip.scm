;; What write prints, read reads.
(define (show x) (write x) (newline))
(define (again x)
  (equal? x (call-with-input-string (with-output-to-string (lambda () (write x))) read)))
(for-each
 (lambda (x) (show (list x (again x))))
 (list 1 -1/2 1.5 1e100 1+2i "a\nb\"c\\" #\a #\space #\nul 'sym (string->symbol "a b")
       #:key '(1 . 2) #(1 2) #vu8(1 2) '() #t #f "\x07" (string->symbol "") 'λ "λ"))
