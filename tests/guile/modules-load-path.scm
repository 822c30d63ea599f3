;; What primitive-load-path does where there is no such file.
(define-syntax try
  (syntax-rules ()
    ((_ e ...)
     (begin
       (write (catch #t (lambda () e ...) (lambda (key . rest) (list key (car rest) (cadr rest) (caddr rest)))))
       (newline)))))
(try (primitive-load-path "nosuch" #f))
(try (primitive-load-path "nosuch" (lambda () 'thunk)))
(try (primitive-load-path "nosuch" #t))
(try (primitive-load-path "nosuch"))
(try (primitive-load-path "nosuch" 5))
(try (primitive-load-path "/nosuch.scm" #f))
(try (load-from-path "nosuch"))
