;; Line, block, datum and script comments.
(define (show x) (write x) (newline))
; a line comment
(show '(1 ; two
        2))
#| a block
   #| nested |#
   comment |#
(show '(1 #| inline |# 2))
#! a script
   comment !#
(show '(1 #! inner !# 2))
(show '(1 #;(left out) 2 #;3))
(show '(#;#;1 2 3))
(show (+ 1 #;(error "never") 2))
#;(show 'not-shown)
(show '#|x|#y)
(show '(a . #;b c))
(show '(a #;b))
