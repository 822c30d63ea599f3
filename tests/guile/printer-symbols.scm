;; Symbols that need braces and those that do not.
(define (show x) (write x) (newline))
(for-each (lambda (name) (show (string->symbol name)))
  '("plain" "a b" "a(b" "a\"b" "a;b" "'a" "`a" ",a" "a'b" "#a" "a#b" "1" "-1" "1.5" "+" "-" "..." "." "a.b"
    "" "A" "\n" "a|b" "[x]" "{x}" "λ" "foo:" ":foo" "1/2" "+i" "-x" "1e3" "#t"))
(display (string->symbol "a b")) (newline)
(show (symbol->string 'a))
(show (list (string->symbol "x y") #:z))
