;;; What Guile's compiler does to a program in continuation-passing style, a form
;;; that programs do not take here; see (system base optimize).

(define-module (language cps optimize)
  #:export (cps-optimizations optimize-first-order-cps optimize-higher-order-cps
            make-cps-lowerer))

(define (cps-optimizations)
  "Return '(): there are no passes to choose from."
  '())

(define (optimize-first-order-cps program options)
  "Return PROGRAM as it is."
  program)

(define (optimize-higher-order-cps program options)
  "Return PROGRAM as it is."
  program)

(define (make-cps-lowerer level options)
  "Return a procedure of a program and an environment that returns the program."
  (lambda (program environment) program))
