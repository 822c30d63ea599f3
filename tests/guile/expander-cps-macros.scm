;; Macros in continuation-passing style.
(define (show x) (write x) (newline))
(define-syntax call-with (syntax-rules () ((_ (k ...) . args) (k ... . args))))
(define-syntax reverse-k
  (syntax-rules () ((_ k () acc) (call-with k . acc)) ((_ k (x . xs) acc) (reverse-k k xs (x . acc)))))
(show (reverse-k (list) (1 2 3) ()))
(define-syntax ck-quote (syntax-rules () ((_ x ...) '(x ...))))
(show (reverse-k (ck-quote) (a b c) ()))
(define-syntax filter-symbols
  (syntax-rules ()
    ((_ k () out) (reverse-k k out ()))
    ((_ k ((skip . _) . r) out) (filter-symbols k r out))
    ((_ k (x . r) out) (filter-symbols k r (x . out)))))
(show (filter-symbols (ck-quote) (a (b) c (d e) f) ()))
(define-syntax symbol-eq?
  (syntax-rules ()
    ((_ a b kt kf) (let-syntax ((test (syntax-rules (a) ((_ a) kt) ((_ other) kf)))) (test b)))))
(show (list (symbol-eq? x x 'same 'different) (symbol-eq? x y 'same 'different)))
