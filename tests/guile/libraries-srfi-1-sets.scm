;; Lists as sets.
(use-modules (srfi srfi-1))
(define (show x) (write x) (newline))
(show (list (lset<= eq? '(a) '(a b) '(a b c)) (lset= eq? '(a b) '(b a)) (lset<= eq? '(z) '(a))))
(show (lset-adjoin eq? '(a b) 'c 'a 'd)) (show (lset-union eq? '(a b c) '(c d e))) (show (lset-union eq?)) (show (lset-union eq? '(a a)))
(show (lset-intersection eq? '(a b c d) '(d b x))) (show (lset-difference eq? '(a b c) '(b) '(c)))
(show (lset-xor eq? '(a b) '(b c))) (show (call-with-values (lambda () (lset-diff+intersection eq? '(a b c) '(b))) list))
(show (lset-union = '(1 2) '(2 3))) (show (lset-adjoin string=? '("a") "a" "b"))
