;;; Parsing expression grammars.
;;;
;;; A parser is a procedure of a string, its length and a position: it returns #f,
;;; or the list of the position after what it matched and what came of that: a
;;; string, a list, the name of a nonterminal, or () for nothing.
;;;
;;; Source: GNU Guile reference manual, "PEG Parsing"; trees read off Guile 3.0.8.

(define-module (ice-9 peg)
  #:use-module (srfi srfi-9)
  #:export (define-peg-pattern define-peg-string-patterns compile-peg-pattern
            match-pattern search-for-pattern
            peg:start peg:end peg:string peg:tree peg:substring peg-record?
            context-flatten keyword-flatten))

;;; Matches

(define-record-type prec
  (make-prec start end string tree)
  peg-record?
  (start  prec-start)
  (end    prec-end)
  (string prec-string)
  (tree   prec-tree))

(define (peg:start match) "Return where MATCH begins." (and match (prec-start match)))
(define (peg:end match) "Return where MATCH ends." (and match (prec-end match)))
(define (peg:string match) "Return what was searched." (and match (prec-string match)))
(define (peg:tree match) "Return what MATCH consists of." (and match (prec-tree match)))

(define (peg:substring match)
  "Return the text of MATCH."
  (and match
       (substring (prec-string match) (prec-start match) (prec-end match))))

(define (string-collapse tree)
  "Return TREE with neighbouring strings made one."
  (if (not (pair? tree))
      tree
      (let loop ((items (map string-collapse tree)) (strings '()) (result '()))
        (define (flushed)
          (if (null? strings)
              result
              (cons (apply string-append (reverse strings)) result)))
        (cond
         ((null? items)
          (let ((result (reverse! (flushed))))
            (if (and (null? (cdr result)) (or (string? (car result)) (symbol? (car result))))
                (car result)
                result)))
         ((string? (car items))
          (loop (cdr items) (cons (car items) strings) result))
         (else
          (loop (cdr items) '() (cons (car items) (flushed))))))))

(define (context-flatten satisfied? tree)
  "Return the list of the parts of TREE for which SATISFIED? holds, or that are no
lists."
  (if (or (not (list? tree)) (null? tree))
      tree
      (if (satisfied? tree)
          (list tree)
          (apply append
                 (map (lambda (part)
                        (let ((parts (context-flatten satisfied? part)))
                          (if (list? parts) parts (list parts))))
                      tree)))))

(define (keyword-flatten keywords tree)
  "Return the list of the parts of TREE that begin with one of KEYWORDS."
  (context-flatten (lambda (part) (or (not (list? part)) (null? part)
                                      (memq (car part) keywords)))
                   tree))

;;; Parsers.  KEEP? tells whether what they match is of interest.

(define (text-parser text keep?)
  (let ((size (string-length text)))
    (lambda (string length at)
      (let ((end (+ at size)))
        (and (<= end length)
             (string= text string 0 size at end)
             (list end (if keep? text '())))))))

(define (any-parser keep?)
  (lambda (string length at)
    (and (< at length)
         (list (+ at 1)
               (if keep? (substring string at (+ at 1)) '())))))

(define (range-parser from to keep)
  (lambda (string length at)
    (and (< at length)
         (char<=? from (string-ref string at) to)
         (list (+ at 1)
               (case keep
                 ((none) '())
                 ((all) (list 'cg-range (substring string at (+ at 1))))
                 (else (substring string at (+ at 1))))))))

(define (body-of reversed)
  (if (and (pair? reversed) (null? (cdr reversed)))
      (car reversed)
      (reverse reversed)))

(define (sequence-parser keep? . parsers)
  (lambda (string length at)
    (let loop ((parsers parsers) (at at) (bodies '()))
      (if (null? parsers)
          (list at (if keep? (body-of bodies) '()))
          (let ((result ((car parsers) string length at)))
            (and result
                 (loop (cdr parsers) (car result)
                       (if (null? (cadr result)) bodies (cons (cadr result) bodies)))))))))

(define (choice-parser keep? . parsers)
  (lambda (string length at)
    (let loop ((parsers parsers))
      (and (pair? parsers)
           (let ((result ((car parsers) string length at)))
             (cond ((not result) (loop (cdr parsers)))
                   (keep? result)
                   (else (list (car result) '()))))))))

(define (repetition-parser keep? least most parser)
  (lambda (string length at)
    (let loop ((at at) (count 0) (bodies '()))
      (let ((result (and (not (eqv? count most)) (parser string length at))))
        (cond
         ((and result (> (car result) at))
          (loop (car result) (+ count 1)
                (if (null? (cadr result)) bodies (cons (cadr result) bodies))))
         ((< count least) #f)
         (else (list at (if keep? (body-of bodies) '()))))))))

(define (ahead-parser wanted? parser)
  (lambda (string length at)
    (and (eq? wanted? (and (parser string length at) #t))
         (list at '()))))

;; The parser of the nonterminal NAME: PARSER, whose results are remembered for
;; the string it was last asked about.
(define (nonterminal-parser name accum parser)
  (define (result-of result)
    (let ((end (car result)) (body (cadr result)))
      (list end
            (case accum
              ((name) name)
              ((none) '())
              ((all)
               (cond ((null? body) name)
                     ((or (not (list? body)) (symbol? (car body))) (list name body))
                     (else (cons name body))))
              (else body)))))
  (let ((known-string #f)
        (known #f))
    (lambda (string length at)
      (unless (eq? string known-string)
        (set! known-string string)
        (set! known (make-hash-table)))
      (let ((handle (hashv-get-handle known at)))
        (if handle
            (cdr handle)
            (let* ((table known)
                   (result (parser string length at))
                   (result (and result (result-of result))))
              (hashv-set! table at result)
              result))))))

;;; From patterns to parsers, when macros are expanded

(define (compile-peg-pattern pattern accum)
  "Return the expression, as syntax, of a parser for PATTERN, which is syntax; ACCUM
says what is to come of a match: `all', `body', `name' or `none'."
  (define keep? (not (eq? accum 'none)))
  (define inner (if (eq? accum 'all) 'body accum))
  (define (compile-all patterns)
    (map (lambda (pattern) (compile-peg-pattern pattern inner)) patterns))
  (define (repetition least most pattern)
    #`(repetition-parser #,keep? #,least #,most #,(compile-peg-pattern pattern inner)))
  (define (bad)
    (syntax-violation 'peg "not a pattern" pattern))
  (syntax-case pattern ()
    (text (string? (syntax->datum #'text))
     #`(text-parser text #,keep?))
    (name (identifier? #'name)
     (if (eq? (syntax->datum #'name) 'peg-any)
         #`(any-parser #,keep?)
         #'(lambda (string length at) (name string length at))))
    ((operator part ...)
     (let ((parts #'(part ...)))
       (case (syntax->datum #'operator)
         ((and) #`(sequence-parser #,keep? #,@(compile-all parts)))
         ((or) #`(choice-parser #,keep? #,@(compile-all parts)))
         ((range)
          (syntax-case parts ()
            ((from to) #`(range-parser from to '#,accum))))
         ((*) (repetition 0 #f (car parts)))
         ((+) (repetition 1 #f (car parts)))
         ((?) (repetition 0 1 (car parts)))
         ((followed-by)
          #`(ahead-parser #t #,(compile-peg-pattern (car parts) 'none)))
         ((not-followed-by)
          #`(ahead-parser #f #,(compile-peg-pattern (car parts) 'none)))
         ((ignore) (compile-peg-pattern (car parts) 'none))
         ((capture) (compile-peg-pattern (car parts) 'body))
         ((peg) (compile-peg-pattern (string->pattern (car parts)) accum))
         (else (bad)))))
    (_ (bad))))

(define-syntax define-peg-pattern
  ;; Define NAME as the parser of the nonterminal with PATTERN.
  (lambda (form)
    (syntax-case form ()
      ((_ name accum pattern)
       (let ((parser (compile-peg-pattern #'pattern (syntax->datum #'accum))))
         #`(define name (nonterminal-parser 'name 'accum #,parser)))))))

(define (match-pattern nonterminal string)
  "Return the match of NONTERMINAL with the beginning of STRING, or #f."
  (let* ((string (string-copy string))
         (result (nonterminal string (string-length string) 0)))
    (and result
         (make-prec 0 (car result) string (string-collapse (cadr result))))))

(define (search parser string)
  (let* ((string (string-copy string))
         (length (string-length string)))
    (let loop ((at 0))
      (and (< at length)
           (let ((result (parser string length at)))
             (if result
                 (make-prec at (car result) string (string-collapse (cadr result)))
                 (loop (+ at 1))))))))

(define-syntax search-for-pattern
  ;; The first match of PATTERN in STRING, or #f.
  (lambda (form)
    (syntax-case form ()
      ((_ pattern string)
       (let ((pattern (if (string? (syntax->datum #'pattern))
                          (string->pattern #'pattern)
                          #'pattern)))
         #`(search #,(compile-peg-pattern pattern 'body) string))))))

;;; Grammars as text

(define peg-as-peg
  "grammar <-- (nonterminal ('<--' / '<-' / '<') sp pattern)+
pattern <-- alternative (SLASH sp alternative)*
alternative <-- ([!&]? sp suffix)+
suffix <-- primary ([*+?] sp)*
primary <-- '(' sp pattern ')' sp / '.' sp / literal / charclass / nonterminal !'<'
literal <-- ['] (!['] .)* ['] sp
charclass <-- LB (!']' (CCrange / CCsingle))* RB sp
CCrange <-- . '-' .
CCsingle <-- .
nonterminal <-- [a-zA-Z0-9-]+ sp
sp < [ \t\n]*
SLASH < '/'
LB < '['
RB < ']'
")

(define-peg-pattern peg-grammar all
  (+ (and peg-nonterminal (or "<--" "<-" "<") peg-sp peg-pattern)))
(define-peg-pattern peg-pattern all
  (and peg-alternative (* (and (ignore "/") peg-sp peg-alternative))))
(define-peg-pattern peg-alternative all
  (+ (and (? (or "!" "&")) peg-sp peg-suffix)))
(define-peg-pattern peg-suffix all
  (and peg-primary (* (and (or "*" "+" "?") peg-sp))))
(define-peg-pattern peg-primary all
  (or (and "(" peg-sp peg-pattern ")" peg-sp)
      (and "." peg-sp)
      peg-literal
      peg-charclass
      (and peg-nonterminal (not-followed-by "<"))))
(define-peg-pattern peg-literal all
  (and "'" (* (and (not-followed-by "'") peg-any)) "'" peg-sp))
(define-peg-pattern peg-charclass all
  (and (ignore "[")
       (* (and (not-followed-by "]") (or charclass-range charclass-single)))
       (ignore "]") peg-sp))
(define-peg-pattern charclass-range all (and peg-any "-" peg-any))
(define-peg-pattern charclass-single all peg-any)
(define-peg-pattern peg-nonterminal all
  (and (+ (or (range #\a #\z) (range #\A #\Z) (range #\0 #\9) "-")) peg-sp))
(define-peg-pattern peg-sp none (* (or " " "\t" "\n")))

;; What TREE, the match of a nonterminal, consists of: strings and matches of
;; nonterminals.
(define (parts-of tree)
  (context-flatten (lambda (part) (symbol? (car part))) (cdr tree)))

(define (joined operator parts)
  (if (and (pair? parts) (null? (cdr parts)))
      (car parts)
      (cons operator parts)))

(define (tree->pattern tree)
  (case (car tree)
    ((peg-pattern) (joined 'or (map tree->pattern (parts-of tree))))
    ((peg-alternative)
     (joined 'and
             (let loop ((parts (parts-of tree)))
               (cond
                ((null? parts) '())
                ((string? (car parts))
                 (cons (list (if (string=? (car parts) "!") 'not-followed-by 'followed-by)
                             (tree->pattern (cadr parts)))
                       (loop (cddr parts))))
                (else
                 (cons (tree->pattern (car parts)) (loop (cdr parts))))))))
    ((peg-suffix)
     (let ((parts (parts-of tree)))
       (let loop ((pattern (tree->pattern (car parts)))
                  (suffixes (string->list (apply string-append (cdr parts)))))
         (if (null? suffixes)
             pattern
             (loop (list (string->symbol (string (car suffixes))) pattern)
                   (cdr suffixes))))))
    ((peg-primary)
     (let ((first (car (parts-of tree))))
       (cond ((equal? first ".") 'peg-any)
             ((equal? first "(") (tree->pattern (cadr (parts-of tree))))
             (else (tree->pattern first)))))
    ((peg-literal)
     (let ((text (cadr tree)))
       (substring text 1 (- (string-length text) 1))))
    ((peg-charclass) (cons 'or (map tree->pattern (parts-of tree))))
    ((charclass-range)
     (let ((text (cadr tree)))
       (list 'range (string-ref text 0) (string-ref text 2))))
    ((charclass-single) (cadr tree))
    ((peg-nonterminal) (string->symbol (cadr tree)))))

(define (tree-of nonterminal text)
  (let* ((string (syntax->datum text))
         (match (match-pattern nonterminal string)))
    (unless (and match (= (peg:end match) (string-length string)))
      (syntax-violation 'peg "not a grammar" text))
    (peg:tree match)))

;; The pattern, as syntax, that TEXT, a string that is syntax, says.
(define (string->pattern text)
  (datum->syntax text (tree->pattern (tree-of peg-pattern text))))

(define-syntax define-peg-string-patterns
  ;; Define the nonterminals of the grammar TEXT.
  (lambda (form)
    (syntax-case form ()
      ((define-patterns text)
       (let loop ((parts (parts-of (tree-of peg-grammar #'text)))
                  (definitions '()))
         (if (null? parts)
             #`(begin #,@(reverse definitions))
             (let ((name (tree->pattern (car parts)))
                   (accum (cdr (assoc (cadr parts)
                                      '(("<--" . all) ("<-" . body) ("<" . none)))))
                   (pattern (tree->pattern (caddr parts))))
               (loop (cdddr parts)
                     (cons #`(define-peg-pattern
                               #,@(datum->syntax #'define-patterns
                                                 (list name accum pattern)))
                           definitions)))))))))
