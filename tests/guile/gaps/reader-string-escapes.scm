;; not yet: \x41; is read as R7RS does whether the option is on or not
;; Every escape a string may hold.
(define (show x) (write x) (newline))
(show "plain")
(show "tab\tnewline\nreturn\rquote\"backslash\\")
(show "\a\b\f\v\0")
(show "\x41;\x3bb;")
(show "\u03bb\U01F600")
(show (string-length "\U01F600"))
(show (map char->integer (string->list "\a\b\t\n\v\f\r\0")))
(show "bar \| bar")
(show (string-length "\x1b;[0m"))
(show "héllo wörld")
(display "displayed: \"q\" \\ \t|") (newline)
