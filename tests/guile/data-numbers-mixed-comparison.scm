;; Comparisons of numbers that come from elsewhere.
(define (show x) (write x) (newline))
(define third 1/3) (define near .3333333333333333) (define odd 9007199254740993) (define even 9007199254740992.0)
(show (list (= third near) (> third near) (< even odd) (= odd even) (<= odd even)))
(show (map (lambda (p) (p odd even)) (list = < > <= >=)))
(show (list (max third near) (apply = (list third near))))
