;; not yet: Guile prints #f, we print fail
;; A small suite with its counts.
(use-modules (srfi srfi-64))
(define (show x) (write x) (newline))
(define r (test-runner-null)) (test-runner-current r)
(test-begin "suite") (test-assert "yes" #t) (test-equal "eq" '(1) (list 1)) (test-eqv 1 2) (test-eq "sym" 'a 'a) (test-error "err" #t (error "x")) (test-approximate "near" 1.0 1.01 0.1) (test-expect-fail 1) (test-assert "fails" #f) (test-skip "skipped") (test-assert "skipped" #t) (test-group "inner" (test-assert #t)) (test-end "suite")
(show (list (test-runner-pass-count r) (test-runner-fail-count r) (test-runner-xfail-count r) (test-runner-xpass-count r) (test-runner-skip-count r)))
(define s (test-runner-null)) (define names '()) (test-runner-on-test-end! s (lambda (r) (set! names (cons (list (test-runner-test-name r) (test-result-kind r)) names))))
(test-with-runner s (test-begin "b") (test-assert "one" 1) (test-equal "two" 1 2) (test-end "b")) (show (reverse names)) (show (test-result-ref s 'result-kind))
