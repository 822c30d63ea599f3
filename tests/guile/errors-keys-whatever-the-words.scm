;; The key of an error is decided by where it is raised, not by words in the data.
(define-syntax-rule (key-of form)
  (begin (write (catch #t (lambda () form) (lambda (key . rest) key))) (newline)))
(define words
  '("Interrupted by user" "stack overflow" "stack overflowed!" "division by zero" "arity mismatch" "Arity mismatch" "index out of bounds"
    "vector-ref: index out of bounds" "out-of-memory" "memory" "Wrong type" "expected a list" "Application not a procedure" "not found"
    "FreeIdentifier" "raised object 1" "unbound variable" "Unbound variable: x" "#<unbound x>" "TypeMismatch" "Generic" "Io" "Error: Generic: Interrupted by user"
    "Thread: 1 - Interrupted by user" "function expected 1 arguments, found 2"))
(for-each
 (lambda (word)
   (define symbol (string->symbol word))
   (for-each
    (lambda (datum)
      (write (map (lambda (thunk) (catch #t thunk (lambda (key . rest) key)))
                  (list (lambda () (datum)) (lambda () (datum 1 2)) (lambda () (+ 1 datum)) (lambda () (- datum 1)) (lambda () (< 1 datum))
                        (lambda () (car datum)) (lambda () (cdr datum)) (lambda () (vector-ref (vector 1 2) datum)) (lambda () (apply datum '(1)))
                        (lambda () (vector-ref datum 0)) (lambda () (error datum)) (lambda () (throw 'mine datum)) (lambda () (hash-ref datum 1))))))
    (list word symbol (list word) (vector symbol)))
   (newline))
 words)
(key-of ((lambda (x) x)))
(key-of ((lambda (x) x) 1 2))
(key-of ((lambda* (x #:key y) x) 1 #:z 2))
(key-of (car))
(key-of (undefined-variable))
(key-of (let loop ((n 0)) (+ 1 (vector-ref (vector) n))))
(key-of (string-ref "abc" 3))
(key-of (list-ref '(1) 1))
(key-of (exact->inexact 'x))
(key-of (/ 1 0))
(key-of (modulo 1 0))
(key-of (integer->char -1))
