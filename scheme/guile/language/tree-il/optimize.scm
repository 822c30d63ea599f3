;;; What Guile's compiler does to the tree of a program, of which nothing can be
;;; chosen here; see (system base optimize).

(define-module (language tree-il optimize)
  #:export (tree-il-optimizations optimize make-lowerer))

(define (tree-il-optimizations)
  "Return '(): there are no passes to choose from."
  '())

(define (optimize expression environment options)
  "Return EXPRESSION as it is."
  expression)

(define (make-lowerer level options)
  "Return a procedure of an expression and an environment that returns the expression."
  (lambda (expression environment) expression))
