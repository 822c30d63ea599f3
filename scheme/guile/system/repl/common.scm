;;; Prompts that programs open themselves: their state, and what they do with a text.

(define-module (system repl common)
  #:use-module (srfi srfi-9)
  #:use-module (system base language)
  #:export (<repl> make-repl repl-language repl-options repl-tm-stats repl-gc-stats
            repl-debug repl-welcome repl-prompt repl-read repl-compile repl-expand
            repl-optimize repl-optimize-cps repl-parse repl-prepare-eval-thunk repl-eval
            repl-print repl-option-ref repl-option-set! repl-default-option-set!
            repl-default-prompt-set! puts ->string user-error
            *version* *copying* *warranty*))

(define *version* (string-append "Scheme, as of GNU Guile " (version)))
(define *copying* "The license is the one that this program comes with.")
(define *warranty* "There is no warranty, to the extent permitted by law.")

(define-record-type <repl>
  (%make-repl language options tm-stats gc-stats debug)
  repl?
  (language repl-language)
  (options repl-options)          ;alist of lists (VALUE)
  (tm-stats repl-tm-stats)
  (gc-stats repl-gc-stats)
  (debug repl-debug))

;; Option -> list of its value, which is changed in place.
(define defaults
  (list (list 'prompt #f)
        (list 'print #f)
        (list 'value-history #t)
        (list 'on-error 'debug)
        (list 'interp #f)
        (list 'trace #f)
        (list 'compile-options '())
        (list 'optimization-level 2)
        (list 'warning-level 1)))

(define* (make-repl language #:optional debug)
  "Return the state of a prompt for LANGUAGE, with the default options."
  (%make-repl (lookup-language language) (map list-copy defaults) (times) (gc-stats)
              debug))

(define (entry options key)
  (or (assq key options)
      (error "unknown repl option" key)))

(define (repl-option-ref repl key)
  "Return option KEY of REPL."
  (cadr (entry (repl-options repl) key)))

(define (repl-option-set! repl key value)
  "Let option KEY of REPL be VALUE."
  (set-car! (cdr (entry (repl-options repl) key)) value))

(define (repl-default-option-set! key value)
  "Let option KEY of prompts to come be VALUE."
  (set-car! (cdr (entry defaults key)) value))

(define (repl-default-prompt-set! prompt)
  "Let PROMPT, a string or a procedure of the state, be the prompt of those to come."
  (repl-default-option-set! 'prompt prompt))

(define (repl-welcome repl)
  "Tell what this is."
  (display *version*)
  (newline)
  (newline))

(define (repl-prompt repl)
  "Return the text that REPL asks with."
  (let ((prompt (repl-option-ref repl 'prompt)))
    (cond ((string? prompt) prompt)
          ((thunk? prompt) (prompt))
          (prompt (prompt repl))
          (else
           (format #f "~A@~A> " (language-name (repl-language repl))
                   (module-name (current-module)))))))

(define (repl-read repl)
  "Return the next expression for REPL from the current input port."
  ((language-reader (repl-language repl)) (current-input-port) (current-module)))

(define (repl-parse repl form)
  "Return FORM as the parser of REPL's language takes it."
  (let ((parser (language-parser (repl-language repl))))
    (if parser (parser form) form)))

(define (repl-expand repl form)
  "Throw 'misc-error: no macro is expanded but where a form is evaluated."
  (error "macros are expanded where a form is evaluated; `,expand' at the prompt shows it"
         form))

(define (repl-optimize repl form)
  "Return FORM: what is compiled is not shown."
  form)

(define (repl-optimize-cps repl form)
  "Return FORM: what is compiled is not shown."
  form)

(define (repl-compile repl form)
  "Return FORM: compiling is evaluating here."
  form)

(define (repl-prepare-eval-thunk repl form)
  "Return a procedure that evaluates FORM."
  (let ((evaluate (or (language-evaluator (repl-language repl)) eval)))
    (lambda () (evaluate form (current-module)))))

(define (repl-eval repl form)
  "Return what FORM evaluates to."
  ((repl-prepare-eval-thunk repl form)))

(define (repl-print repl value)
  "Print VALUE as REPL does, unless it is unspecified."
  (unless (unspecified? value)
    (let ((print (repl-option-ref repl 'print)))
      (if print
          (print repl value)
          ((language-printer (repl-language repl)) value (current-output-port))))
    (newline)))

(define (puts text)
  "Print TEXT and a line's end."
  (display text)
  (newline))

(define (->string object)
  "Return OBJECT as `display' prints it."
  (object->string object display))

(define (user-error message . arguments)
  "Throw 'user-error with MESSAGE, whose escapes ARGUMENTS fill."
  (throw 'user-error #f message arguments #f))
