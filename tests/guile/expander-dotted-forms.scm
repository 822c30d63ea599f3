;; Keywords of forms that end in a dot are errors of syntax, and nothing worse.
(define words
  '(begin if and or when unless cond case let let* letrec letrec* define set! quote lambda
    cond-expand include include-from-path case-lambda lambda* define* define-values receive
    let-values let*-values do delay parameterize fluid-let guard match assert
    define-syntax let-syntax letrec-syntax syntax-rules syntax-case with-syntax syntax
    quasiquote quasisyntax define-record-type use-modules define-module export
    while named-lambda and-let* case-lambda* define-macro eval-when
    the-environment @ @@ include-ci define-public %))
(use-modules (ice-9 match) (ice-9 receive) (srfi srfi-2) (srfi srfi-9) (srfi srfi-11))
(for-each
 (lambda (word)
   (for-each
    (lambda (form)
      (catch #t
        (lambda () (eval form (current-module)))
        (lambda (key . _)
          (if (not (memq key '(syntax-error unbound-variable wrong-type-arg misc-error
                               system-error wrong-number-of-args match-error)))
              (begin (write (list word key)) (newline))))))
    (list (cons word 'x) (cons word 1) (cons* word 'x 'y) (cons* word '() 'y)
          (cons* word '(x) 'y) (cons* word '((x . y)) '(z . w)) (list word)
          (cons* word '(x . y) 'z) (list word '(x . y)) (list word '((x . y))))))
 words)
(display "end\n")
