;;; The parts of syntax objects.

(define-module (system syntax internal)
  #:export (make-syntax syntax-expression syntax-wrap syntax-sourcev
            syntax-local-binding syntax-session-id)
  #:re-export (syntax? syntax-module (syntax-module . %syntax-module)
               syntax-locally-bound-identifiers))

(define* (make-syntax expression wrap module #:optional source)
  "Return EXPRESSION as syntax."
  (datum->syntax #f expression))

(define (syntax-expression syntax)
  "Return what SYNTAX is about: a datum, or a pair of further syntax."
  (%syntax-expression syntax))

(define (syntax-wrap syntax)
  "Return the empty wrap: what SYNTAX remembers of its history is not a list here."
  '((top)))

(define* (syntax-local-binding identifier #:key (resolve-syntax-parameters? #t))
  "Return two values for what IDENTIFIER means where the transformer that runs
is used: the kind of binding, a symbol, and something that goes with it."
  (let ((found (%syntax-local-binding identifier resolve-syntax-parameters?)))
    (values (car found) (cdr found))))

(define session-id
  (string-append (number->string (getpid) 36) "-" (number->string (current-time) 36)))

(define (syntax-session-id)
  "Return a string that no other run of the program gives."
  session-id)

(define (syntax-sourcev syntax)
  "Return the place of SYNTAX as a vector of file, line and column, or #f."
  (let ((source (syntax-source syntax)))
    (and source
         (vector (assq-ref source 'filename)
                 (assq-ref source 'line)
                 (assq-ref source 'column)))))
