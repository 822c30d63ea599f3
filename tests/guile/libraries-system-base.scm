;; Names of (system base …) and (system vm …) that programs touch.
(use-modules (system base compile) (system base pmatch) (system base target))
(define (show x) (write x) (newline))
(show (compile '(+ 1 2) #:env (current-module)))
(show ((compile '(lambda (x) (* x 2))) 21))
(define (f x) (pmatch x ((add ,a ,b) (+ a b)) ((,a . ,b) (guard (number? a)) (list 'pair a b)) (,x (list 'other x))))
(show (map f '((add 1 2) (5 . 6) z))) (show (string? (target-type)))
