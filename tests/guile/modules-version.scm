;; Modules with versions.
(define-module (test versioned) #:version (1 2 3) #:export (f))
(define (f) 'versioned)
(define-module (guile-user))
(define (show x) (write x) (newline))
(show (module-version (resolve-module '(test versioned))))
(use-modules ((test versioned) #:version (1)))
(show (f))
(use-modules ((test versioned) #:version (1 2)))
(show (f))
(show (catch #t
  (lambda () (resolve-interface '(test versioned) #:version '(2)) 'found)
  (lambda (key . args) key)))
