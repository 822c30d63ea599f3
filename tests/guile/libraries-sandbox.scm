;; Evaluation that sees only what it is given, within limits.
(use-modules (ice-9 sandbox))

(define-syntax-rule (try expression)
  (begin
    (write (catch #t
             (lambda () expression)
             (lambda (key . arguments) (cons key arguments))))
    (newline)))

(define (loop) (loop))
(define (sleep-on) (usleep 10000) (sleep-on))
(define (cons-on) (let on ((last #t)) (and last (on (cons #t #t)))))
(define (recur) (1+ (recur)))

;; A limit of time ends loops, sleeping and what calls back.
(try (call-with-time-limit 0 loop (lambda () 'limit)))
(try (call-with-time-limit 0.01 loop (lambda () 'limit)))
(try (call-with-time-limit 0.01 sleep-on (lambda () 'limit)))
(try (call-with-time-limit 0.01 (lambda () (sort '(2 1) (lambda (a b) (loop)))) (lambda () 'limit)))
(try (call-with-time-limit 60 (lambda () 'value) (lambda () 'limit)))
(try (call-with-values
         (lambda () (call-with-time-limit 60 (lambda () (values 1 2)) (lambda () 'limit)))
       list))

;; No handler within it is asked.
(try (call-with-time-limit
      0.01 (lambda () (catch #t loop (lambda _ 'caught))) (lambda () 'limit)))
(try (call-with-time-limit
      0.01
      (lambda () (with-exception-handler (lambda (e) 'caught) loop #:unwind? #t))
      (lambda () 'limit)))
(try (call-with-time-limit
      0.01
      (lambda () (let again () (false-if-exception (error "x")) (again)))
      (lambda () 'limit)))

;; Leaving thunks run, and fluids hold again what they held.
(define fluid (make-fluid 'outside))
(try (call-with-time-limit
      0.01
      (lambda () (with-fluids ((fluid 'inside)) (loop)))
      (lambda () (fluid-ref fluid))))
(try (call-with-time-limit
      2                                 ; A busy machine takes its time to get in.
      (lambda () (dynamic-wind (lambda () (display "in ")) loop (lambda () (display "out "))))
      (lambda () 'limit)))

;; What ends otherwise ends so.
(try (call-with-time-limit 60 (lambda () (throw 'mine 1 2)) (lambda () 'limit)))
(try (call-with-time-limit 60 (lambda () (car (list))) (lambda () (quote limit))))
(try (call/cc (lambda (k) (call-with-time-limit 60 (lambda () (k 'escaped)) (lambda () 'limit)))))

;; One limit within another.
(try (call-with-time-limit
      60
      (lambda () (call-with-time-limit 0.01 loop (lambda () 'inner)))
      (lambda () 'outer)))
(try (call-with-time-limit 60 (lambda () (call-with-time-limit 0.01 loop (lambda () 'inner)) 'on)
                           (lambda () 'outer)))

;; Allocation, of what stays and of what does not.
(try (call-with-allocation-limit 0 cons-on (lambda () 'limit)))
(try (call-with-allocation-limit #e1e6 cons-on (lambda () 'limit)))
(try (call-with-allocation-limit #e1e6 recur (lambda () 'limit)))
(try (call-with-allocation-limit
      #e1e6
      (lambda () (let on ((all '())) (on (catch #t (lambda () (cons 1 all)) (lambda _ '())))))
      (lambda () 'limit)))
(try (call-with-allocation-limit #e1e8 (lambda () (length (iota 100))) (lambda () 'limit)))

;; Both.
(try (call-with-time-and-allocation-limits 0.01 #e1e9 loop))
(try (call-with-time-and-allocation-limits 60 #e1e6 cons-on))
(try (call-with-time-and-allocation-limits 60 #e1e9 (lambda () 'value)))

;; What a sandbox sees.  Limits that a slow machine does not meet.
(define* (evaluate expression #:key (bindings all-pure-bindings))
  (eval-in-sandbox expression #:time-limit 60 #:allocation-limit #e1e9 #:bindings bindings))
(for-each
 (lambda (expression)
   (write expression)
   (display " => ")
   (try (evaluate expression)))
 '(42 'foo (cons 1 2) (define x 1) (begin (define x 1) (1+ x))
   (map (lambda (x) (* x x)) '(1 2 3)) (let loop ((n 3)) (if (zero? n) n (loop (1- n))))
   (let-syntax ((twice (syntax-rules () ((_ x) (+ x x))))) (twice 3))
   (let-syntax ((escape (lambda (x) (datum->syntax x '(open-file "x" "r"))))) (escape))
   (catch 'mine (lambda () (throw 'mine 1)) list) (error "foo" 1) (string-append "a" "b")
   (u8vector-ref (u8vector 1 2) 1) (force (delay 3))
   @@ @ foo set! open-file eval current-module use-modules define-module import include load
   call-with-current-continuation call/cc dynamic-wind display read current-output-port
   call-with-output-file vector-set! set-car! exit primitive-exit system getenv
   call-with-new-thread make-module resolve-module module-ref the-environment))

(for-each
 (lambda (expression)
   (write expression)
   (display " => ")
   (try (evaluate expression #:bindings all-pure-and-impure-bindings)))
 '((let ((v (vector 1 2))) (vector-set! v 0 3) v) (let ((p (list 1))) (set-car! p 2) p)
   (let ((t (make-hash-table))) (hash-set! t 1 2) (hash-ref t 1)) set! open-file))
(try (eq? vector-set! (evaluate 'vector-set! #:bindings all-pure-and-impure-bindings)))

;; Bindings of one's own.
(try (evaluate '(one '(1 2)) #:bindings `(((srfi srfi-1) (first . one)) ,@core-bindings)))
(try (evaluate '(first '(1 2)) #:bindings `(((srfi srfi-1) (first . one)) ,@core-bindings)))
(try (evaluate ''x #:bindings '()))
(try (make-sandbox-module '(((no such module) name))))

;; A module is used up, unless one says otherwise.
(define module (make-sandbox-module all-pure-bindings))
(define* (in expression #:key (sever? #f))
  (eval-in-sandbox expression #:time-limit 60 #:allocation-limit #e1e9
                   #:module module #:sever-module? sever?))
(try (begin (in '(define x 1)) (in 'x)))
(try (in '(set! x 2)))
(try (in 'x #:sever? #t))
(try (in 'x #:sever? #t))

;; The limits that count when none are given.
(define (key-of expression)
  (catch 'limit-exceeded
    (lambda () (eval-in-sandbox expression))
    (lambda (key . rest) key)))
(try (key-of '(let loop () (loop))))
(try (key-of '(let loop ((all '())) (loop (cons 1 all)))))
