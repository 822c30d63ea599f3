;;; The parts of syntax objects.

(define-module (system syntax internal)
  #:export (make-syntax syntax-expression syntax-wrap %syntax-sourcev)
  #:re-export (syntax? syntax-module
               (%syntax-sourcev . syntax-sourcev)))

(define* (make-syntax expression wrap module #:optional source)
  "Return EXPRESSION as syntax."
  (datum->syntax #f expression))

(define (syntax-expression syntax)
  "Return what SYNTAX is about: a datum, or a pair of further syntax."
  (%syntax-expression syntax))

(define (syntax-wrap syntax)
  "Return the empty wrap: what SYNTAX remembers of its history is not a list here."
  '((top)))

(define (%syntax-sourcev syntax)
  "Return the place of SYNTAX as a vector of file, line and column, or #f."
  (let ((source (syntax-source syntax)))
    (and source
         (vector (assq-ref source 'filename)
                 (assq-ref source 'line)
                 (assq-ref source 'column)))))
