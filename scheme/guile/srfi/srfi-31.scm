;;; SRFI 31: `rec', for recursive evaluation.

(define-module (srfi srfi-31)
  #:export (rec))

(define-syntax rec
  ;; (rec NAME EXPRESSION) or (rec (NAME . FORMALS) BODY ...): the value, in
  ;; which NAME means the value itself.
  (syntax-rules ()
    ((_ (name . formals) body ...)
     (letrec ((name (lambda formals body ...))) name))
    ((_ name expression)
     (letrec ((name expression)) name))))
