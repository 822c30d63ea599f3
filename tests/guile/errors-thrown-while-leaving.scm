;;; Exceptions, leaving thunks and partial continuations across each other.
(use-modules (ice-9 exceptions) (ice-9 control) (srfi srfi-34))
;; after thunks throwing, nested, and partial continuations with catch and winds inside
(define (show . l) (for-each display l) (newline))
(show (catch 'x (lambda () (dynamic-wind (lambda () #f) (lambda () (throw 'x 1)) (lambda () (throw 'x 2)))) (lambda (k . a) (list k a))))
(show (catch 'y (lambda () (catch 'x (lambda () (catch 'y (lambda () (dynamic-wind (lambda () #f) (lambda () (throw 'x 1)) (lambda () (throw 'y 'in)))) (lambda (k . a) (list 'inner k a)))) (lambda (k . a) (list 'x k a)))) (lambda (k . a) (list 'outer k a))))
;; order
(catch 'x (lambda () (dynamic-wind (lambda () (show "in1")) (lambda () (dynamic-wind (lambda () (show "in2")) (lambda () (throw 'x 1)) (lambda () (show "out2")))) (lambda () (show "out1")))) (lambda (k . a) (show "handler")))
;; escapes from after thunk
(show (call/cc (lambda (k) (catch 'x (lambda () (dynamic-wind (lambda () #f) (lambda () (throw 'x 1)) (lambda () (k 'escaped)))) (lambda (kk . a) 'no)))))
;; handler in with-exception-handler sees winds
(show (with-exception-handler (lambda (e) (show "h " e) 10) (lambda () (dynamic-wind (lambda () (show "i")) (lambda () (+ 1 (raise-continuable 'c))) (lambda () (show "o"))))))
;; throw in handler goes outward
(show (catch #t (lambda () (with-exception-handler (lambda (e) (throw 'second e)) (lambda () (dynamic-wind (lambda () (show "i")) (lambda () (throw 'first 1)) (lambda () (show "o")))))) (lambda (k . a) (list k (length a)))))
;; generator with catch inside, resumed in other extents
(define (make-gen proc)
  (define return #f)
  (define tag (make-prompt-tag))
  (define k (lambda () (proc (lambda (v) (abort-to-prompt tag v)))))
  (lambda () (call-with-prompt tag k (lambda (kk v) (set! k (lambda () (kk #f))) v))))
(define g (make-gen (lambda (yield)
  (dynamic-wind (lambda () (show "enter")) (lambda ()
  (catch 'x (lambda () (yield 1) (yield 2) (throw 'x 3)) (lambda (k v) (yield (list 'caught v))))
  (yield 4)) (lambda () (show "leave"))) 'done)))
(show (g))
(show (dynamic-wind (lambda () (show "a")) g (lambda () (show "b"))))
(show (catch 'x g (lambda (k v) (list 'wrong v))))
(show (dynamic-wind (lambda () (show "c")) (lambda () (catch #t g (lambda x 'bad))) (lambda () (show "d"))))
(show (g))
;; handler aborting inside handler resumed later
(define tag (make-prompt-tag))
(define saved #f)
(show (call-with-prompt tag (lambda () (with-exception-handler (lambda (e) (abort-to-prompt tag e)) (lambda () (+ 1 (raise-continuable 5))))) (lambda (k v) (set! saved k) (list 'aborted v))))
(show (saved 41))
(show (catch 'oops (lambda () (call-with-prompt tag (lambda () (with-exception-handler (lambda (e) (abort-to-prompt tag e) (throw 'oops 1)) (lambda () (+ 1 (raise-continuable 5))))) (lambda (k v) (k 1)))) list))
;; with-throw-handler
(show (catch 'a (lambda () (with-throw-handler #t (lambda () (dynamic-wind (lambda () #f) (lambda () (throw 'a 1 2)) (lambda () (show "out")))) (lambda (k . a) (show "throw handler " k a)))) (lambda (k . a) (list 'caught k a))))
(show (catch 'a (lambda () (throw 'a 1)) (lambda (k . a) (list 'caught a)) (lambda (k . a) (show "pre " k a))))
;; rethrow in catch handler
(show (catch 'a (lambda () (catch 'a (lambda () (throw 'a 1)) (lambda (k . a) (apply throw k 'again a)))) (lambda (k . a) (list 'outer k a))))
;; machine errors
(show (catch 'wrong-type-arg (lambda () (dynamic-wind (lambda () #f) (lambda () (car 5)) (lambda () (show "out")))) (lambda (k . a) k)))
(show (catch 'b (lambda () (catch 'wrong-type-arg (lambda () (dynamic-wind (lambda () #f) (lambda () (car 5)) (lambda () (throw 'b 1)))) (lambda (k . a) k))) (lambda (k . a) (list 'b a))))
(show (catch #t (lambda () (with-exception-handler (lambda (e) (show "saw") 'ignored) (lambda () (car 5)))) (lambda (k . a) k)))
;; guard reraise through winds
(show (guard (e ((symbol? e) (list 'sym e))) (guard (e2 ((string? e2) 'str)) (dynamic-wind (lambda () (show "in")) (lambda () (raise 'boom)) (lambda () (show "out"))))))
(show (guard (e (#t (list 'got e))) (dynamic-wind (lambda () #f) (lambda () (raise 1)) (lambda () (raise 2)))))
(show (false-if-exception (car 1)))
(show (call-with-values (lambda () (catch #t (lambda () (values 1 2)) list)) list))
(define p (make-parameter 1))
(show (catch 'x (lambda () (parameterize ((p 2)) (throw 'x (p)))) (lambda (k v) (list v (p)))))
(show (catch 'x (lambda () (parameterize ((p 2)) (catch 'y (lambda () (parameterize ((p 3)) (throw 'x (p)))) list))) (lambda (k v) (list v (p)))))
(show (with-exception-handler (lambda (e) (list 'unwound e)) (lambda () (raise 'u)) #:unwind? #t))
(show (with-exception-handler (lambda (e) 'never) (lambda () (catch 'q (lambda () (raise 'u)) list)) #:unwind? #t))
