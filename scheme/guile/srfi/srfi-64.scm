;;; SRFI 64: test suites.

(define-module (srfi srfi-64)
  #:export (test-assert test-eqv test-eq test-equal test-approximate test-error
            test-group test-group-with-cleanup test-with-runner)
  #:re-export ((%test-begin . test-begin) (%test-end . test-end)
               (%test-skip . test-skip) (%test-expect-fail . test-expect-fail)
               (%test-log-to-file . test-log-to-file)
               test-apply test-match-name test-match-nth test-match-any test-match-all
               test-read-eval-string
               test-runner? test-runner-current test-runner-get test-runner-create
               test-runner-factory test-runner-simple test-runner-null test-runner-reset
               test-runner-pass-count test-runner-fail-count test-runner-xpass-count
               test-runner-pass-count! test-runner-fail-count! test-runner-xpass-count!
               test-runner-xfail-count! test-runner-skip-count! test-runner-group-stack!
               test-runner-xfail-count test-runner-skip-count test-runner-test-name
               test-runner-group-path test-runner-group-stack test-runner-aux-value
               test-runner-aux-value!
               test-runner-on-test-begin test-runner-on-test-begin!
               test-runner-on-test-end test-runner-on-test-end!
               test-runner-on-group-begin test-runner-on-group-begin!
               test-runner-on-group-end test-runner-on-group-end!
               test-runner-on-final test-runner-on-final!
               test-runner-on-bad-count test-runner-on-bad-count!
               test-runner-on-bad-end-name test-runner-on-bad-end-name!
               test-on-group-begin-simple test-on-group-end-simple test-on-final-simple
               test-on-test-end-simple
               test-on-bad-count-simple test-on-bad-end-name-simple
               test-result-ref test-result-set! test-result-remove test-result-clear
               test-result-alist test-result-alist! test-result-kind test-passed?))

;; Where the form SYNTAX is, which a test tells of, and the form itself.
(eval-when (expand load eval)
  (define (place-and-form syntax)
    (list (datum->syntax syntax (list 'quote (syntax-source syntax)))
          #`(quote #,syntax))))

(define-syntax test-assert
  (lambda (form)
    (syntax-case form ()
      ((_ name expression)
       #`(%test-assert #,@(place-and-form form) name (lambda () expression)))
      ((_ expression)
       #`(%test-assert #,@(place-and-form form) #f (lambda () expression))))))

(define-syntax-rule (define-comparison name same?)
  (define-syntax name
    (lambda (form)
      (syntax-case form ()
        ((_ label expected expression)
         #`(%test-compare #,@(place-and-form form) label
                          same? expected (lambda () expression)))
        ((_ expected expression)
         #`(%test-compare #,@(place-and-form form) #f
                          same? expected (lambda () expression)))))))

(define-comparison test-equal equal?)
(define-comparison test-eqv eqv?)
(define-comparison test-eq eq?)

(define-syntax test-approximate
  (lambda (form)
    (syntax-case form ()
      ((_ label expected expression tolerance)
       #`(%test-approximate #,@(place-and-form form) label
                            expected (lambda () expression) tolerance))
      ((_ expected expression tolerance)
       #`(%test-approximate #,@(place-and-form form) #f
                            expected (lambda () expression) tolerance)))))

(define-syntax test-error
  (lambda (form)
    (syntax-case form ()
      ((_ label type expression)
       #`(%test-error #,@(place-and-form form) label type (lambda () expression)))
      ((_ type expression)
       #`(%test-error #,@(place-and-form form) #f type (lambda () expression)))
      ((_ expression)
       #`(%test-error #,@(place-and-form form) #f #t (lambda () expression))))))

(define-syntax-rule (test-group name body ...)
  (%test-group name (lambda () body ...)))

(define-syntax test-group-with-cleanup
  (syntax-rules ()
    ((_ name body ... cleanup)
     (test-group name
       (dynamic-wind
         (lambda () #f)
         (lambda () body ...)
         (lambda () cleanup))))))

(define-syntax-rule (test-with-runner runner body ...)
  (%test-with-runner runner (lambda () body ...)))
