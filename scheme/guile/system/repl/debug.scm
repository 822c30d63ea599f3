;;; What a prompt knows of an error, for programs that open prompts themselves.

(define-module (system repl debug)
  #:export (terminal-width))

(define columns 72)

(define* (terminal-width #:optional (width #f))
  "Return how many columns backtraces may take; with WIDTH, let it be that many."
  (when width
    (set! columns width))
  columns)
