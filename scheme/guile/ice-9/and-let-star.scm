;;; `and-let*': a chain of bindings and tests that stops at the first #f.

(define-module (ice-9 and-let-star)
  #:export (and-let*))

(define-syntax and-let*
  ;; (and-let* (CLAUSE ...) BODY ...), where a CLAUSE is (VARIABLE EXPRESSION),
  ;; (EXPRESSION), or VARIABLE.  The value is that of BODY, of the last clause
  ;; when there is no body, or #f from the first clause that is false.
  (lambda (form)
    (syntax-case form ()
      ((_ ()) #'#t)
      ((_ () body ...) #'(let () body ...))
      ((_ ((variable expression))) #'(let ((variable expression)) variable))
      ((_ ((expression))) #'expression)
      ((_ (variable)) (identifier? #'variable) #'variable)
      ((_ ((variable expression) . clauses) . body)
       #'(let ((variable expression))
           (if variable (and-let* clauses . body) #f)))
      ((_ ((expression) . clauses) . body)
       #'(if expression (and-let* clauses . body) #f))
      ((_ (variable . clauses) . body)
       (identifier? #'variable)
       #'(if variable (and-let* clauses . body) #f))
      ((_ (clause . clauses) . body)
       (syntax-violation 'and-let* "Bad clause" form #'clause)))))

(cond-expand-provide (current-module) '(srfi-2))
