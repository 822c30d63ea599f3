;; Languages: what they are made of can be changed.
(use-modules (system base language))
(define-language tiny #:title "Tiny" #:reader (lambda (p e) (read p)) #:printer write)
(write (list (language-name tiny) (language-title tiny) (language-joiner tiny))) (newline)
(set! (language-joiner tiny) (lambda (exps env) (cons 'begin exps)))
(write ((language-joiner tiny) '(1 2) #f)) (newline)
(set! (language-title (lookup-language 'scheme)) "S")
(write (language-title (lookup-language 'scheme))) (newline)
