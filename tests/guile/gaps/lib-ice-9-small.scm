;; not yet: object-documentation of what has none gives an empty string
(define-syntax-rule (err e) (begin (catch #t (lambda () (write e)) (lambda (k . a) (write (cons k a)))) (newline) (force-output)))
(use-modules (ice-9 list)) (err (list (rassoc "b" '((1 . "a") (2 . "b"))) (rassq 'z '((1 . a)))))
(use-modules (ice-9 eval-string)) (err (eval-string "(define x 3) (* x 2)")) (err (eval-string "")) (err (eval-string "(+ 1 2)" #:module (resolve-module '(guile)) #:file "foo" #:line 3 #:column 2 #:lang 'scheme #:compile? #t))
(use-modules (ice-9 poe)) (define pf (pure-funcq (lambda (x) (display "called ") (list x)))) (err (eq? (pf 'a) (pf 'a))) (define pg (perfect-funcq 10 (lambda (x y) (display "c2 ") (list x)))) (err (eq? (pg 'a 'b) (pg 'a 'b)))
(use-modules (ice-9 hash-table)) (err (hash-ref (alist->hash-table '(("a" . 1) ("b" . 2) ("a" . 3))) "a")) (err (hashq-ref (alist->hashq-table '((a . 1))) 'a)) (err (hashv-ref (alist->hashv-table '((1 . 1))) 1)) (err (hashx-ref hash assoc (alist->hashx-table hash assoc '((1 . 1))) 1))
(use-modules (ice-9 documentation)) (err (object-documentation car)) (define (ff) "doc ff" 1) (err (object-documentation ff)) (err (object-documentation 3))
(use-modules (ice-9 streams)) (define s (make-stream (lambda (n) (if (> n 5) #f (cons n (+ n 1)))) 1)) (err (stream->list s)) (err (stream-fold + 0 s)) (err (stream->list (stream-map + s s))) (err (stream->vector (vector->stream #(1 2)))) (err (stream-car s)) (err (stream-null? s)) (err (stream->list (make-stream (lambda (x) '()) 1)))
