;;; A prompt on the current ports, for programs that open one themselves.

(define-module (system repl repl)
  #:use-module (system base language)
  #:use-module (system repl common)
  #:use-module (system repl command)
  #:use-module (system repl error-handling)
  #:export (start-repl run-repl))

(define* (start-repl #:optional (language (current-language)) #:key debug)
  "Open a prompt for LANGUAGE on the current ports, until their end or `(quit)'."
  (run-repl (make-repl language debug)))

(define (skip-blanks)
  (let ((next (peek-char)))
    (when (and (char? next) (char-whitespace? next))
      (read-char)
      (skip-blanks))))

(define (run-repl repl)
  "Read, evaluate and print for REPL until the end of the current input port."
  (let loop ()
    (display (repl-prompt repl))
    (force-output)
    (skip-blanks)
    (cond
     ((eof-object? (peek-char))
      (newline))
     ((char=? (peek-char) #\,)
      (read-char)
      (call-with-error-handling (lambda () (meta-command repl)) #:on-error 'report)
      (loop))
     (else
      (when (catch 'quit
              (lambda ()
                (call-with-error-handling
                 (lambda ()
                   (call-with-values
                       (lambda () (repl-eval repl (repl-parse repl (repl-read repl))))
                     (lambda values
                       (for-each (lambda (value) (repl-print repl value)) values))))
                 #:on-error 'report)
                #t)
              (lambda _ #f))
        (loop))))))
