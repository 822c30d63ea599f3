;; Literals match by binding, not by name alone.
(define (show x) (write x) (newline))
(define-syntax arrow
  (syntax-rules (=>) ((_ a => b) 'arrow) ((_ a b c) 'plain)))
(show (arrow 1 => 2))
(show (arrow 1 2 3))
(show (let ((=> 0)) (arrow 1 => 2)))
(define-syntax for
  (syntax-rules (in from to)
    ((_ x in l body) (map (lambda (x) body) l))
    ((_ x from a to b body) (let loop ((x a)) (if (> x b) '() (cons body (loop (+ x 1))))))))
(show (for x in '(1 2 3) (* x x)))
(show (for i from 1 to 5 (* i 2)))
(define-syntax is-else (syntax-rules (else) ((_ else) #t) ((_ x) #f)))
(show (list (is-else else) (is-else other)))
(show (let ((else 1)) (is-else else)))
