;; not yet: Guile prints (#\nul #\soh #\us #\space #\delete #\200 #\240 #\255 #\ÿ #\◌, we print (#\nul #\soh #\us #\space #\delete #\200 #\240 #\255 #\ÿ #\◌
;; Strings with controls and wide characters in print.
(define (show x) (write x) (newline))
(show (string #\a #\nul #\b))
(show (string #\x1 #\x1f #\x7f))
(show (string #\x80 #\xa0 #\xe9))
(show (string #\λ #\x1F600))
(show (list->string (map integer->char '(7 8 9 10 11 12 13 27))))
(show "a\\b\"c")
(display "tab\there") (newline)
(show (string->list "a\n "))
(show (map integer->char '(0 1 31 32 127 128 160 173 255 #x300 #xe000 #xffff)))
