;;; What is known of procedures.

(define-module (system vm program)
  #:export (program? program-sources program-arguments-alist
            program-lambda-list program-arities))

(define (program? object)
  "Return whether OBJECT is a procedure."
  (procedure? object))

(define (program-sources procedure)
  "Return the empty list: where the parts of PROCEDURE come from is not kept."
  '())

(define (program-arities procedure)
  "Return #f: arities are not kept in this form."
  #f)

(define* (program-arguments-alist procedure #:optional ip)
  "Return what PROCEDURE takes, as an association list."
  (let ((arity (procedure-minimum-arity procedure)))
    `((required . ,(map (lambda (index) '_) (iota (car arity))))
      (optional . ,(map (lambda (index) '_) (iota (cadr arity))))
      (keyword)
      (allow-other-keys? . #f)
      (rest . ,(and (caddr arity) 'rest)))))

(define (program-lambda-list procedure)
  "Return the parameters of PROCEDURE as they would be written, with no names."
  (let ((arity (procedure-minimum-arity procedure)))
    (append (map (lambda (index) '_) (iota (car arity)))
            (if (zero? (cadr arity))
                '()
                (cons #:optional (map (lambda (index) '_) (iota (cadr arity)))))
            (if (caddr arity) 'rest '()))))
