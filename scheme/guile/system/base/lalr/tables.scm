;;; The tables of an LALR(1) parser, worked out from a grammar.
;;;
;;; Symbols are numbers: nonterminals from 0, of which 0 derives what the grammar's
;;; first derives and then the end of the input, and terminals behind them.  A set
;;; of terminals is an integer, a bit for each.  An item is a rule and how much of
;;; its right side has been seen.
;;;
;;; Source: F. DeRemer and T. Pennello, "Efficient Computation of LALR(1) Look-Ahead
;;; Sets", 1982, for what a reduction may be followed by; Guile's manual, "LALR(1)
;;; Parsing", and its module for how precedence decides.

(define-module (system base lalr tables)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (make-rule rule-left rule-right
            make-grammar parser-tables))

(define-record-type <rule>
  (make-rule left right precedence)
  rule?
  (left rule-left)              ;a nonterminal
  (right rule-right)            ;list of symbols
  (precedence rule-precedence)) ;a terminal whose precedence it has, or #f

(define-record-type <grammar>
  (%make-grammar nonterminals terminals names associations rules nullable)
  grammar?
  (nonterminals grammar-nonterminals)   ;how many
  (terminals grammar-terminals)         ;how many
  (names grammar-names)                 ;vector: symbol -> its name
  (associations grammar-associations)   ;vector: terminal -> (left|right|nonassoc|none . level)
  (rules grammar-rules)                 ;vector of rules; the first derives everything
  (nullable grammar-nullable))          ;vector: nonterminal -> whether it derives nothing

(define (make-grammar nonterminals names associations rules)
  "Return the grammar of RULES, a list whose first derives everything.  The symbols
below NONTERMINALS are nonterminals; NAMES is a vector of all symbols' names, and
ASSOCIATIONS one of the terminals' (ASSOCIATION . LEVEL)."
  (%make-grammar nonterminals (- (vector-length names) nonterminals) names associations
                 (list->vector rules) (nullable-nonterminals nonterminals rules)))

(define (terminal? grammar symbol)
  (>= symbol (grammar-nonterminals grammar)))

(define (terminal-number grammar symbol)
  (- symbol (grammar-nonterminals grammar)))

(define (nullable-nonterminals count rules)
  (define nullable (make-vector count #f))
  (define (nothing? symbol)
    (and (< symbol count) (vector-ref nullable symbol)))
  (until-nothing-changes
   (lambda (changed!)
     (for-each (lambda (rule)
                 (when (and (not (vector-ref nullable (rule-left rule)))
                            (every nothing? (rule-right rule)))
                   (vector-set! nullable (rule-left rule) #t)
                   (changed!)))
               rules)))
  nullable)

(define (derives-nothing? grammar symbols)
  (every (lambda (symbol)
           (and (not (terminal? grammar symbol))
                (vector-ref (grammar-nullable grammar) symbol)))
         symbols))

(define (until-nothing-changes pass)
  "Call PASS with a procedure that says that something has changed, until it is not
called."
  (let ((changed #f))
    (pass (lambda () (set! changed #t)))
    (when changed (until-nothing-changes pass))))

;;; The automaton.

(define-record-type <state>
  (make-state number kernel shifts reductions)
  state?
  (number state-number)
  (kernel state-kernel)                      ;sorted list of items
  (shifts state-shifts set-state-shifts!)    ;alist: symbol -> state
  (reductions state-reductions set-state-reductions!)) ;list of numbers of rules

;; An item is the number of its rule and of the symbols seen; so they sort.
(define (make-item rule seen) (cons rule seen))
(define item-rule car)
(define item-seen cdr)
(define (item<? one other)
  (or (< (item-rule one) (item-rule other))
      (and (= (item-rule one) (item-rule other))
           (< (item-seen one) (item-seen other)))))

(define (item-rest grammar item)
  (list-tail (rule-right (vector-ref (grammar-rules grammar) (item-rule item)))
             (item-seen item)))

(define (rules-by-left grammar)
  "A vector: nonterminal -> the numbers of its rules."
  (let ((table (make-vector (grammar-nonterminals grammar) '()))
        (rules (grammar-rules grammar)))
    (do ((number (- (vector-length rules) 1) (- number 1)))
        ((< number 0) table)
      (let ((left (rule-left (vector-ref rules number))))
        (vector-set! table left (cons number (vector-ref table left)))))))

(define (closure grammar rules-of kernel)
  "The items of KERNEL and those with which what comes next in one may begin."
  (define seen (make-vector (grammar-nonterminals grammar) #f))
  (let loop ((waiting kernel) (done '()))
    (if (null? waiting)
        (reverse done)
        (let* ((item (car waiting))
               (rest (item-rest grammar item))
               (next (and (pair? rest) (car rest))))
          (if (and next (not (terminal? grammar next)) (not (vector-ref seen next)))
              (begin
                (vector-set! seen next #t)
                (loop (append (cdr waiting)
                              (map (lambda (rule) (make-item rule 0)) (vector-ref rules-of next)))
                      (cons item done)))
              (loop (cdr waiting) (cons item done)))))))

(define (automaton grammar)
  "Return the states of GRAMMAR as a list, in the order in which they are reached."
  (define rules-of (rules-by-left grammar))
  (define known (make-hash-table))
  (define waiting '())
  (define states '())
  (define (state-of kernel)
    (or (hash-ref known kernel)
        (let ((state (make-state (length states) kernel '() '())))
          (hash-set! known kernel state)
          (set! states (cons state states))
          (set! waiting (append waiting (list state)))
          state)))
  (define (advance items)
    (sort (map (lambda (item) (make-item (item-rule item) (+ 1 (item-seen item)))) items)
          item<?))
  (define (explore! state)
    (let* ((items (closure grammar rules-of (state-kernel state)))
           (ended? (lambda (item) (null? (item-rest grammar item))))
           (by-symbol (make-hash-table)))
      (set-state-reductions! state (map item-rule (filter ended? items)))
      (for-each (lambda (item)
                  (let ((symbol (car (item-rest grammar item))))
                    (hashv-set! by-symbol symbol
                                (cons item (hashv-ref by-symbol symbol '())))))
                (remove ended? items))
      (set-state-shifts!
       state
       (map (lambda (symbol) (cons symbol (state-of (advance (hashv-ref by-symbol symbol)))))
            (sort (hash-map->list (lambda (symbol items) symbol) by-symbol) >)))))
  (state-of (list (make-item 0 0)))
  (let loop ()
    (unless (null? waiting)
      (let ((state (car waiting)))
        (set! waiting (cdr waiting))
        (explore! state)
        (loop))))
  (reverse states))

(define (state-behind state symbols)
  (fold (lambda (symbol state) (assv-ref (state-shifts state) symbol)) state symbols))

;;; What may follow.

(define-record-type <transition>
  (make-transition state nonterminal follow needs)
  transition?
  (state transition-state)
  (nonterminal transition-nonterminal)
  (follow transition-follow set-transition-follow!) ;a set of terminals
  (needs transition-needs set-transition-needs!))   ;transitions whose sets it holds, too

(define (transition-target transition)
  (assv-ref (state-shifts (transition-state transition))
            (transition-nonterminal transition)))

(define (spread! transitions)
  "Put into each set of TRANSITIONS those that it needs."
  (until-nothing-changes
   (lambda (changed!)
     (for-each
      (lambda (transition)
        (let ((whole (fold (lambda (other set) (logior set (transition-follow other)))
                           (transition-follow transition)
                           (transition-needs transition))))
          (unless (= whole (transition-follow transition))
            (set-transition-follow! transition whole)
            (changed!))))
      transitions))))

(define (lookaheads grammar states)
  "Return a procedure of a state and the number of a rule that is reduced in it: the
set of terminals that may follow."
  (define table (make-hash-table))      ;(state . nonterminal) -> transition
  (define transitions
    (append-map
     (lambda (state)
       (filter-map
        (lambda (shift)
          (and (not (terminal? grammar (car shift)))
               (let ((transition (make-transition state (car shift) 0 '())))
                 (hash-set! table (cons (state-number state) (car shift)) transition)
                 transition)))
        (state-shifts state)))
     states))
  (define (transition-of state nonterminal)
    (hash-ref table (cons (state-number state) nonterminal)))
  (define back (make-hash-table))       ;(state . rule) -> transitions that it ends
  (define rules-of (rules-by-left grammar))
  (define (need! transition other)
    (set-transition-needs! transition (cons other (transition-needs transition))))

  ;; The terminals that can be read behind each, through what derives nothing.
  (for-each
   (lambda (transition)
     (let ((target (transition-target transition)))
       (for-each
        (lambda (shift)
          (let ((symbol (car shift)))
            (cond
             ((terminal? grammar symbol)
              (set-transition-follow!
               transition
               (logior (transition-follow transition)
                       (ash 1 (terminal-number grammar symbol)))))
             ((derives-nothing? grammar (list symbol))
              (need! transition (transition-of target symbol))))))
        (state-shifts target))))
   transitions)
  (spread! transitions)

  ;; What follows a rule's left side follows its end, too.
  (for-each (lambda (transition) (set-transition-needs! transition '())) transitions)
  (for-each
   (lambda (transition)
     (for-each
      (lambda (number)
        (let loop ((state (transition-state transition))
                   (rest (rule-right (vector-ref (grammar-rules grammar) number))))
          (if (null? rest)
              (let ((key (cons (state-number state) number)))
                (hash-set! back key (cons transition (hash-ref back key '()))))
              (begin
                (when (and (not (terminal? grammar (car rest)))
                           (derives-nothing? grammar (cdr rest)))
                  (need! (transition-of state (car rest)) transition))
                (loop (state-behind state (list (car rest))) (cdr rest))))))
      (vector-ref rules-of (transition-nonterminal transition))))
   transitions)
  (spread! transitions)
  (lambda (state number)
    (fold (lambda (transition set) (logior set (transition-follow transition)))
          0
          (hash-ref back (cons (state-number state) number) '()))))

;;; What is done.

(define (level-of-rule grammar rule)
  (define (level terminal)
    (cdr (vector-ref (grammar-associations grammar) terminal)))
  (if (rule-precedence rule)
      (level (rule-precedence rule))
      (fold (lambda (symbol last)
              (if (terminal? grammar symbol)
                  (level (terminal-number grammar symbol))
                  last))
            0
            (rule-right rule))))

(define (decide grammar terminal rule)
  "Whether, before TERMINAL, to `shift' or to `reduce' by RULE; or `none' where the
grammar does not say."
  (let* ((association (vector-ref (grammar-associations grammar) terminal))
         (level (cdr association))
         (other (level-of-rule grammar rule)))
    (cond ((> level other) 'shift)
          ((< level other) 'reduce)
          (else (case (car association)
                  ((left) 'reduce)
                  ((right) 'shift)
                  (else 'none))))))

(define (most-frequent actions)
  "The reduction that stands in ACTIONS, (TERMINAL ACTION …) each, most often, or #f."
  (define counts
    (fold (lambda (entry counts)
            (let ((action (cadr entry)))
              (if (and (number? action) (negative? action))
                  (assv-set! counts action (+ 1 (or (assv-ref counts action) 0)))
                  counts)))
          '()
          actions))
  (let loop ((counts counts) (most 0) (found #f))
    (cond ((null? counts) found)
          ((> (cdar counts) most) (loop (cdr counts) (cdar counts) (caar counts)))
          (else (loop (cdr counts) most found)))))

(define (parser-tables grammar every-way? report)
  "Return two vectors with an entry for each state of GRAMMAR's parser: alists from
the name of a terminal, or `*default*', to the actions; and from nonterminals to the
next state.  An action is the state to shift to, less than zero for the reduction by
the rule of that number, counted from 1, `accept' or `*error*'.  Where EVERY-WAY?,
all actions of a conflict are kept.  REPORT is called with the text of each conflict."
  (define states (automaton grammar))
  (define follow (lookaheads grammar states))
  (define rules (grammar-rules grammar))
  (define (name terminal)
    (vector-ref (grammar-names grammar) (+ terminal (grammar-nonterminals grammar))))
  (define (conflict kind one other terminal state)
    (report (format #f "%% ~a/Reduce conflict (~a ~a, reduce ~a) on '~a' in state ~a"
                    (if (eq? kind 'shift) "Shift" "Reduce") kind (abs one) (- other)
                    (name terminal) (state-number state))))
  (define (add state entries terminal action)
    (let ((entry (assv terminal entries)))
      (define (with actions)
        (map (lambda (other) (if (eq? other entry) (cons terminal actions) other)) entries))
      (cond
       ((not entry) (cons (list terminal action) entries))
       ((memv action (cdr entry)) entries)
       ((negative? action)
        (conflict 'reduce action (cadr entry) terminal state)
        (with (if every-way?
                  (cons* (cadr entry) action (cddr entry))
                  (list (max action (cadr entry))))))
       (else
        (let ((choice (decide grammar terminal
                              (vector-ref rules (- (- (cadr entry)) 1)))))
          (when (eq? choice 'none)
            (conflict 'shift action (cadr entry) terminal state))
          (cond ((eq? choice 'reduce) entries)
                (every-way? (with (cons* (cadr entry) action (cddr entry))))
                (else (with (list action)))))))))
  (define (terminals-in set)
    (filter (lambda (terminal) (logbit? terminal set))
            (iota (grammar-terminals grammar))))
  (define (actions-of state)
    (let* ((reductions (map (lambda (rule) (- (+ rule 1))) (state-reductions state)))
           (shifts (filter (lambda (shift) (terminal? grammar (car shift)))
                           (state-shifts state)))
           ;; Where nothing else can be done, nothing need be looked at.
           (only (and (null? (state-shifts state))
                      (pair? reductions)
                      (null? (cdr reductions))
                      (car reductions)))
           (entries
            (fold (lambda (action entries)
                    (fold (lambda (terminal entries) (add state entries terminal action))
                          entries
                          (if only
                              (if every-way? (iota (grammar-terminals grammar)) '())
                              (terminals-in (follow state (- (- action) 1))))))
                  '()
                  reductions))
           (entries
            (fold (lambda (shift entries)
                    (add state entries (terminal-number grammar (car shift))
                         (state-number (cdr shift))))
                  entries
                  shifts))
           (usual (and (pair? reductions) (not every-way?)
                       (or only (most-frequent entries)))))
      (cons (list '*default* (or usual '*error*))
            (filter-map (lambda (entry)
                          (and (not (equal? (cdr entry) (list usual)))
                               (cons (name (car entry)) (cdr entry))))
                        entries))))
  (define (actions state)
    ;; All has been read when the end has been shifted.
    (if (equal? (state-kernel state) (list (make-item 0 2)))
        `((*default* *error*) (,(name 0) accept))
        (actions-of state)))
  (define (gotos state)
    (filter-map (lambda (shift)
                  (and (not (terminal? grammar (car shift)))
                       (cons (car shift) (state-number (cdr shift)))))
                (state-shifts state)))
  (values (list->vector (map actions states))
          (list->vector (map gotos states))))
