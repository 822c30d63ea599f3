;;; Parsers from grammars: LALR(1), and those that follow every way of a grammar
;;; that has several.
;;;
;;; Source: Guile's manual, "LALR(1) Parsing", and what its module does; the tables
;;; are worked out in (system base lalr tables).

(define-module (system base lalr)
  #:use-module (ice-9 pretty-print)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:use-module (system base lalr tables)
  #:export (lalr-parser print-states
            make-lexical-token lexical-token?
            lexical-token-category lexical-token-source lexical-token-value
            make-source-location source-location?
            source-location-input source-location-line source-location-column
            source-location-offset source-location-length
            source-location->source-properties
            lr-driver glr-driver))

(define-record-type lexical-token
  (make-lexical-token category source value)
  lexical-token?
  (category lexical-token-category)
  (source lexical-token-source)
  (value lexical-token-value))

(define-record-type source-location
  (make-source-location input line column offset length)
  source-location?
  (input source-location-input)
  (line source-location-line)
  (column source-location-column)
  (offset source-location-offset)
  (length source-location-length))

(define (source-location->source-properties location)
  "Return LOCATION as an association list, as `source-properties' gives it."
  `((filename . ,(source-location-input location))
    (line . ,(source-location-line location))
    (column . ,(source-location-column location))))

;;; The grammar as it is written.

(eval-when (expand load eval)

  (define *options*
    `((out-table: . ,(lambda (values) (and (= (length values) 1) (string? (car values)))))
      (output: . ,(lambda (values)
                    (and (= (length values) 2) (symbol? (car values)) (string? (cadr values)))))
      (expect: . ,(lambda (values)
                    (and (= (length values) 1) (integer? (car values)) (>= (car values) 0))))
      (driver: . ,(lambda (values) (and (= (length values) 1) (memq (car values) '(lr glr)))))))

  (define (split-arguments arguments)
    "The options, the terminals and the rules of ARGUMENTS, a list of syntax."
    (let loop ((rest arguments) (options '()))
      (when (null? rest)
        (error "Malformed lalr-parser form" '()))
      (let ((datum (syntax->datum (car rest))))
        (if (and (pair? datum) (assq (car datum) *options*))
            (let ((values (cdr datum)))
              (unless (and (list? values) ((assq-ref *options* (car datum)) values))
                (error "Invalid option:" datum))
              (loop (cdr rest) (cons datum options)))
            (values options datum (cdr rest))))))

  (define (read-terminals datum)
    "The names of the terminals that DATUM lists, and an association of each."
    (define (check name names)
      (cond ((not (symbol? name)) (error "invalid terminal: " name))
            ((memq name names) (error "duplicate definition of terminal: " name))))
    (unless (list? datum)
      (error "Invalid token list: " datum))
    (let loop ((rest datum) (names '()) (associations '()) (level 0))
      (cond
       ((null? rest)
        (values (cons* '*eoi* 'error (reverse names))
                (cons* '(none . 0) '(none . 0) (reverse associations))))
       ((symbol? (car rest))
        (check (car rest) names)
        (loop (cdr rest) (cons (car rest) names) (cons '(none . 0) associations) level))
       ((and (pair? (car rest)) (list? (car rest)) (pair? (cdar rest))
             (assq (caar rest) '((left: . left) (right: . right) (nonassoc: . nonassoc))))
        => (lambda (kind)
             (let ((level (+ level 1)))
               (let each ((group (cdar rest)) (names names) (associations associations))
                 (if (null? group)
                     (loop (cdr rest) names associations level)
                     (begin
                       (check (car group) names)
                       (each (cdr group)
                             (cons (car group) names)
                             (cons (cons (cdr kind) level) associations))))))))
       (else (error "invalid operator precedence specification: " (car rest))))))

  (define (read-nonterminals definitions terminals)
    "The names of what DEFINITIONS, a list of lists of syntax, define."
    (fold-right
     (lambda (definition names)
       (let ((name (and (pair? definition) (syntax->datum (car definition)))))
         (cond ((not name)
                (error "Nonterminal definition must be a non-empty list" '()))
               ((not (symbol? name)) (error "Invalid nonterminal:" name))
               ((or (memq name names) (memq name terminals))
                (error "Nonterminal previously defined:" name)))
         (cons name names)))
     '()
     definitions))

  (define (check-error-symbol right terminals)
    (let ((rest (memq 'error right)))
      (when (and rest
                 (or (null? (cdr rest))
                     (not (memq (cadr rest) terminals))
                     (not (null? (cddr rest)))))
        (error "Invalid 'error' production. A single terminal symbol must follow the 'error' token.:"
               right))))

  (define (read-right-side datum terminals nonterminals)
    "The names of a rule's right side, and the terminal whose precedence it is given."
    (let loop ((rest datum) (names '()))
      (cond
       ((null? rest) (values (reverse names) #f))
       ((or (memq (car rest) terminals) (memq (car rest) nonterminals))
        (loop (cdr rest) (cons (car rest) names)))
       ((and (pair? (car rest)) (eq? (caar rest) 'prec:))
        (cond ((not (and (pair? (cdar rest)) (null? (cddar rest))
                         (memq (cadar rest) terminals)))
               (error "Invalid prec: directive: " (car rest)))
              ((pair? (cdr rest))
               (error "prec: directive should be at end of rule: " datum)))
        (values (reverse names) (cadar rest)))
       (else (error "Invalid terminal or nonterminal: " (car rest))))))

  (define (read-rules definition terminals nonterminals number)
    "The rules of DEFINITION, a list of syntax, each (RULE . ACTION), where ACTION is
syntax or the default, a datum."
    (define name (syntax->datum (car definition)))
    (define (default-action count index)
      `(vector ',(string->symbol (format #f "~a-~a" name index))
               ,@(map (lambda (index) (string->symbol (format #f "$~a" index)))
                      (iota count 1))))
    (when (null? (cdr definition))
      (error "At least one production needed for nonterminal:" name))
    (let loop ((rest (cdr definition)) (index 1) (rules '()))
      (if (null? rest)
          (reverse rules)
          (let*-values (((right precedence)
                         (read-right-side (syntax->datum (car rest)) terminals nonterminals))
                        ((said?) (and (pair? (cdr rest)) (pair? (cddr rest))
                                      (eq? ': (syntax->datum (cadr rest))))))
            (check-error-symbol right terminals)
            (loop (if said? (cdddr rest) (cdr rest))
                  (+ index 1)
                  (cons (cons (make-rule (number name)
                                         (map number right)
                                         (and precedence
                                              (list-index (lambda (terminal)
                                                            (eq? terminal precedence))
                                                          terminals)))
                              (if said? (caddr rest) (default-action (length right) index)))
                        rules))))))

  (define (reduction keyword rule action)
    "The syntax of what reduces by RULE: its left side, how many values it takes, and
the procedure that has the one that it gives.  In ACTION `$1' is the first value, `@1'
where it stands, and `yypushback' the procedure that lets the last token be read again."
    (define (word format-string number)
      (datum->syntax keyword (string->symbol (format #f format-string number))))
    (let* ((count (length (rule-right rule)))
           (numbers (iota count 1))
           (entries (map (lambda (number) (word "entry-~a" number)) numbers)))
      (with-syntax ((left (rule-left rule))
                    (count count)
                    (pushback (datum->syntax keyword 'yypushback))
                    ((entry ...) (generate-temporaries entries))
                    ((value ...) (map (lambda (number) (word "$~a" number)) numbers))
                    ((place ...) (map (lambda (number) (word "@~a" number)) numbers))
                    (action action))
        #'(vector left count
                  (lambda (pushback entry ...)
                    (let ((value (entry-value entry)) ...
                          (place (entry-place entry)) ...)
                      action))))))

  (define (write-file name thunk)
    (with-output-to-file name thunk))

  (define (parser-syntax keyword options terminals definitions)
    (define-values (terminal-names associations) (read-terminals terminals))
    (define nonterminal-names
      (cons '*start* (read-nonterminals definitions terminal-names)))
    (define names (list->vector (append nonterminal-names terminal-names)))
    (define (number name)
      (list-index (lambda (other) (eq? name other)) (vector->list names)))
    (define every-way? (equal? (assq-ref options 'driver:) '(glr)))
    (when (null? (cdr nonterminal-names))
      (error "Grammar definition must have a non-empty list of productions" '()))
    (let* ((rules (append-map (lambda (definition)
                                (read-rules definition terminal-names nonterminal-names number))
                              definitions))
           (start (make-rule 0 (list 1 (number '*eoi*)) #f))
           (grammar (make-grammar (length nonterminal-names) names
                                  (list->vector associations)
                                  (cons start (map car rules))))
           (conflicts '()))
      (let-values (((actions gotos)
                    (parser-tables grammar every-way?
                                   (lambda (text) (set! conflicts (cons text conflicts))))))
        (when (> (length conflicts) (car (or (assq-ref options 'expect:) '(0))))
          (for-each (lambda (text) (display text) (newline)) conflicts))
        (let ((table (assq-ref options 'out-table:)))
          (when table
            (write-file (car table) (lambda () (write-states names actions gotos)))))
        (with-syntax ((driver (if every-way? #'glr-driver #'lr-driver))
                      (actions (datum->syntax keyword actions))
                      (gotos (datum->syntax keyword gotos))
                      ((reduction ...)
                       (map (lambda (rule)
                              (reduction keyword (car rule)
                                         (if (pair? (cdr rule))
                                             (datum->syntax keyword (cdr rule))
                                             (cdr rule))))
                            rules)))
          (let ((code #'(driver 'actions 'gotos (vector reduction ...)))
                (output (assq-ref options 'output:)))
            (when output
              (write-file (cadr output)
                          (lambda ()
                            (pretty-print `(define ,(car output) ,(syntax->datum code))))))
            code)))))

  (define (write-states names actions gotos)
    "Write what is done in each state, for people."
    (display "State table\n-----------\n")
    (do ((state 0 (+ state 1)))
        ((= state (vector-length actions)))
      (format #t "\nstate ~a\n\n" state)
      (for-each
       (lambda (entry)
         (for-each
          (lambda (action)
            (format #t "   ~a : ~a\n" (if (eq? (car entry) '*default*) "default action" (car entry))
                    (cond ((eq? action '*error*) "Error")
                          ((eq? action 'accept) "Accept input")
                          ((negative? action) (format #f "reduce using rule ~a" (- action)))
                          (else (format #f "shift and goto state ~a" action)))))
          (cdr entry)))
       (vector-ref actions state))
      (for-each (lambda (goto)
                  (format #t "   ~a : goto state ~a\n" (vector-ref names (car goto)) (cdr goto)))
                (vector-ref gotos state)))))

(define-syntax lalr-parser
  (lambda (form)
    "Expand to a procedure of two arguments that parses as a grammar says:
`(lalr-parser OPTION … (TERMINAL …) (NONTERMINAL (SYMBOL …) : ACTION …) …)'.
The first returns the next token, a symbol or what `make-lexical-token' makes, and
`*eoi*' at the end; the second is called with a message and, where there is one, the
token that is wrong."
    (syntax-case form ()
      ((keyword argument ...)
       (let-values (((options terminals definitions) (split-arguments #'(argument ...))))
         (parser-syntax #'keyword options terminals
                        (map (lambda (definition)
                               (syntax-case definition ()
                                 ((part ...) #'(part ...))
                                 (_ '())))
                             definitions)))))))

;;; Running one.

(define (token-category token)
  (if (lexical-token? token) (lexical-token-category token) token))

(define (entry-value entry)
  (if (lexical-token? entry) (lexical-token-value entry) entry))

(define (entry-place entry)
  (if (lexical-token? entry) (lexical-token-source entry) entry))

;; What a number below zero stands for; the grammar's first rule is never reduced by.
(define (reduction-of reductions number)
  (vector-ref reductions (- (- number) 2)))

;; A stack is a list: the state on top, the entry that led to it, the state below, …
(define stack-state car)
(define (push state entry stack) (cons* state entry stack))

(define (reduce reduction gotos pushback stack)
  "Return STACK after REDUCTION."
  (let loop ((count (vector-ref reduction 1)) (stack stack) (entries '()))
    (if (zero? count)
        (let* ((value (apply (vector-ref reduction 2) pushback entries))
               (goto (assv-ref (vector-ref gotos (stack-state stack)) (vector-ref reduction 0))))
          (push goto (note-place value entries) stack))
        (loop (- count 1) (cddr stack) (cons (cadr stack) entries)))))

(define (note-place value entries)
  "VALUE, of which it is noted that it stands where the first of ENTRIES does."
  (when (and (pair? entries)
             (lexical-token? (car entries))
             (supports-source-properties? value)
             (not (source-property value 'loc)))
    (set-source-property! value 'loc (lexical-token-source (car entries))))
  value)

(define (result stack)
  "What the whole was reduced to: the entry at the bottom of STACK."
  (let loop ((stack stack))
    (if (null? (cdddr stack))
        (cadr stack)
        (loop (cddr stack)))))

(define (lr-driver actions gotos reductions)
  "Return the parser that does what ACTIONS, GOTOS and REDUCTIONS say, which
`lalr-parser' makes."
  (lambda (lexer trouble)
    (define last-token #f)
    (define again? #f)
    (define (next-token)
      (unless again? (set! last-token (lexer)))
      (set! again? #f)
      last-token)
    (define (pushback) (set! again? #t))
    (define (entries stack) (vector-ref actions (stack-state stack)))
    (define (act number stack)
      (reduce (reduction-of reductions number) gotos pushback stack))

    ;; Leave states until one knows what to do with an error, and tokens until one
    ;; comes that may follow it.
    (define (recover stack token)
      (let ((entry (and (pair? stack) (assq 'error (entries stack)))))
        (cond
         ((null? stack) #f)
         ((not entry) (recover (if (null? (cdr stack)) '() (cddr stack)) token))
         (else
          (let* ((stack (push (cadr entry) #f stack))
                 (expected (cdr (entries stack))))
            (let skip ((token token))
              (let ((category (token-category token)))
                (cond ((eq? category '*eoi*) #f)
                      ((assq category expected)
                       => (lambda (entry) (push (cadr entry) #f stack)))
                      (else (skip (next-token)))))))))))

    (let loop ((stack '(0)) (token #f))
      (let* ((possible (entries stack))
             (usual (cadar possible)))
        (if (not token)
            ;; Where only one thing can be done, no token is asked for.
            (if (and (null? (cdr possible)) (number? usual) (negative? usual))
                (loop (act usual stack) #f)
                (loop stack (next-token)))
            (let* ((category (token-category token))
                   (entry (assoc category possible))
                   (action (if entry (cadr entry) usual)))
              (cond
               ((not (symbol? category))
                (trouble "Syntax error: invalid token: " token)
                #f)
               ((eq? action 'accept) (result stack))
               ((and (eq? action '*error*) (eq? category '*eoi*))
                (trouble "Syntax error: unexpected end of input")
                #f)
               ((eq? action '*error*)
                (trouble "Syntax error: unexpected token : " token)
                (let ((stack (recover stack token)))
                  (if stack
                      (loop stack #f)
                      (loop '(0) '*eoi*))))
               ((negative? action) (loop (act action stack) token))
               (else
                (loop (push action token stack)
                      (and (eq? category '*eoi*) token))))))))))

(define (glr-driver actions gotos reductions)
  "Return the parser that follows every way that ACTIONS, GOTOS and REDUCTIONS leave
open, and returns a list of the results."
  (define (actions-of stack category)
    (let ((possible (vector-ref actions (stack-state stack))))
      (cdr (or (assoc category possible) (car possible)))))
  (define (act number stack)
    (reduce (reduction-of reductions number) gotos #f stack))
  (lambda (lexer trouble)
    (let next ((stacks '((0))) (results '()))
      (if (null? stacks)
          results
          (let* ((token (lexer))
                 (category (token-category token)))
            ;; Of each stack all that can be done before the next token.
            (let loop ((stacks stacks) (waiting '()) (shifted '()) (results results))
              (cond
               ((pair? waiting)
                (let ((stack (car waiting)))
                  (let each ((possible (actions-of stack category))
                             (waiting (cdr waiting))
                             (shifted shifted)
                             (results results))
                    (cond
                     ((null? possible) (loop stacks waiting shifted results))
                     ((eq? (car possible) '*error*)
                      (each (cdr possible) waiting shifted results))
                     ((eq? (car possible) 'accept)
                      (each (cdr possible) waiting shifted (cons (result stack) results)))
                     ((negative? (car possible))
                      (each (cdr possible)
                            (append waiting (list (act (car possible) stack)))
                            shifted
                            results))
                     (else
                      (each (cdr possible)
                            waiting
                            (cons (push (car possible) token stack) shifted)
                            results))))))
               ((pair? stacks) (loop (cdr stacks) (list (car stacks)) shifted results))
               (else (next (reverse shifted) results)))))))))
