;; A backslash before a newline joins lines.
(define (show x) (write x) (newline))
(show "one \
two")
(show "one \
       three")
(show "a\
b\
c")
(show "line one
line two")
(show (string-length "x\
   y"))
(show "keep trailing   \
   spaces")
