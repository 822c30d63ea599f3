;; What follows `#:' is read as any datum is, and has to be a symbol.
(define (reading text)
  (catch #t
    (lambda () (call-with-input-string text read))
    (lambda arguments arguments)))

(for-each
 (lambda (text)
   (write text)
   (display " => ")
   (write (reading text))
   (newline))
 '("#:1" "#:-1" "#:.5" "#:1+" "#:1a" "#:+" "#:..." "#:." "#:\"a\"" "#:#t" "#:'a" "#:(a b)"
   "#:#(a)" "#:#:a" "#:#a" "#:" "#:)" "(a #:)" "#: a" "#:;c\na" "#:#|c|#a" "#:#;b a"
   "#:|a|" "#:#{a b}#" "#::a" "#:ABC" "#:\\x41;" "(a #:b . #:c)" "#(#:a)" "'#:a" "#;#:a b"))

(write (catch #t (lambda () (symbol->keyword "a")) (lambda arguments arguments)))
(newline)
(write (catch #t (lambda () (symbol->keyword #:a)) (lambda arguments arguments)))
(newline)
