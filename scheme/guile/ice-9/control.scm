;;; (ice-9 control): prompts with less ceremony.

(define-module (ice-9 control)
  #:re-export (call-with-prompt abort-to-prompt default-prompt-tag make-prompt-tag
               call-with-escape-continuation call/ec suspendable-continuation?)
  #:export (% let/ec let-escape-continuation abort shift reset shift* reset*))

(define (default-prompt-handler continuation procedure)
  "Call PROCEDURE with CONTINUATION, as abort asks."
  (% (procedure continuation)))

(define (abort . arguments)
  "Abort to the default prompt with ARGUMENTS."
  (apply abort-to-prompt (default-prompt-tag) arguments))

(define-syntax %
  (syntax-rules ()
    ((_ expression)
     (call-with-prompt (default-prompt-tag)
       (lambda () expression)
       default-prompt-handler))
    ((_ expression handler)
     (call-with-prompt (default-prompt-tag)
       (lambda () expression)
       handler))
    ((_ tag expression handler)
     (call-with-prompt tag
       (lambda () expression)
       handler))))

(define-syntax-rule (let/ec k body ...)
  (call-with-escape-continuation (lambda (k) body ...)))

(define-syntax-rule (let-escape-continuation k body ...)
  (call-with-escape-continuation (lambda (k) body ...)))

(define (reset* thunk)
  "Call THUNK inside the prompt that shift* captures up to."
  (call-with-prompt (default-prompt-tag)
    thunk
    (lambda (continuation procedure)
      (procedure continuation))))

(define (shift* procedure)
  "Call PROCEDURE, outside of the innermost reset*, with the continuation up to it."
  (abort-to-prompt (default-prompt-tag)
                   (lambda (continuation)
                     (reset*
                      (lambda ()
                        (procedure
                         (lambda arguments
                           (reset*
                            (lambda ()
                              (apply continuation arguments))))))))))

(define-syntax-rule (reset body ...)
  (reset* (lambda () body ...)))

(define-syntax-rule (shift k body ...)
  (shift* (lambda (k) body ...)))
