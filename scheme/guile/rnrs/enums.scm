;;; R6RS enumerations: sets of symbols taken from a universe.

(define-module (rnrs enums)
  #:version (6)
  #:use-module (srfi srfi-9)
  #:export (make-enumeration enum-set-universe enum-set-indexer
            enum-set-constructor enum-set->list enum-set-member?
            enum-set-subset? enum-set=? enum-set-union enum-set-intersection
            enum-set-difference enum-set-complement enum-set-projection
            define-enumeration))

(define-record-type <enum-set>
  (make-enum-set universe members)
  enum-set?
  (universe universe-set)      ;the set of all, or a list of symbols in that itself
  (members  members-of))       ;list of symbols, in the order of the universe

;; The symbols that SET is taken from, a list.
(define (universe-of set)
  (let ((universe (universe-set set)))
    (if (enum-set? universe) (universe-set universe) universe)))

(define (keep satisfies? symbols)
  (let loop ((symbols symbols) (result '()))
    (cond ((null? symbols) (reverse! result))
          ((satisfies? (car symbols))
           (loop (cdr symbols) (cons (car symbols) result)))
          (else (loop (cdr symbols) result)))))

(define (make-enumeration symbols)
  "Return the set of all SYMBOLS, a list, which is its own universe."
  (let ((universe
         (let loop ((symbols symbols) (result '()))
           (cond ((null? symbols) (reverse! result))
                 ((memq (car symbols) result) (loop (cdr symbols) result))
                 (else (loop (cdr symbols) (cons (car symbols) result)))))))
    (make-enum-set universe universe)))

(define (enum-set-universe set)
  "Return the universe of SET as a set."
  (let ((universe (universe-set set)))
    (if (enum-set? universe) universe set)))

(define (enum-set-indexer set)
  "Return a procedure that returns the place of a symbol in the universe of SET,
or #f."
  (let ((universe (universe-of set)))
    (lambda (symbol)
      (let loop ((rest universe) (index 0))
        (cond ((null? rest) #f)
              ((eq? (car rest) symbol) index)
              (else (loop (cdr rest) (+ index 1))))))))

(define (enum-set-constructor set)
  "Return a procedure that returns the set of the symbols in its argument, a list,
all from the universe of SET."
  (let ((universe (universe-of set)))
    (lambda (symbols)
      (for-each (lambda (symbol)
                  (unless (memq symbol universe)
                    (scm-error 'wrong-type-arg "enum-set-constructor"
                               "Wrong type argument: ~S"
                               (list symbol) (list symbol))))
                symbols)
      (make-enum-set (enum-set-universe set)
                     (keep (lambda (symbol) (memq symbol symbols)) universe)))))

(define (enum-set->list set)
  "Return the symbols in SET, in the order of its universe."
  (members-of set))

(define (enum-set-member? symbol set)
  "Return whether SYMBOL is in SET."
  (and (memq symbol (members-of set)) #t))

(define (subset? symbols others)
  (and-map (lambda (symbol) (memq symbol others)) symbols))

(define (enum-set-subset? set other)
  "Return whether all of SET is in OTHER, and all of its universe in that of
OTHER."
  (and (subset? (universe-of set) (universe-of other))
       (subset? (members-of set) (members-of other))
       #t))

(define (enum-set=? set other)
  "Return whether SET and OTHER have the same symbols and universes."
  (and (enum-set-subset? set other) (enum-set-subset? other set)))

(define (assert-same-universe set other procedure)
  (unless (eq? (universe-of set) (universe-of other))
    (raise-exception
     (make-exception (make-assertion-failure)
                     (make-exception-with-origin procedure)
                     (make-exception-with-message "enumerations have different universes")
                     (make-exception-with-irritants (list set other))))))

(define (enum-set-union set other)
  "Return the set of the symbols in SET or OTHER."
  (assert-same-universe set other "enum-set-union")
  (make-enum-set (enum-set-universe set)
                 (keep (lambda (symbol)
                         (or (memq symbol (members-of set))
                             (memq symbol (members-of other))))
                       (universe-of set))))

(define (enum-set-intersection set other)
  "Return the set of the symbols in SET and OTHER."
  (assert-same-universe set other "enum-set-intersection")
  (make-enum-set (enum-set-universe set)
                 (keep (lambda (symbol) (memq symbol (members-of other)))
                       (members-of set))))

(define (enum-set-difference set other)
  "Return the set of the symbols in SET and not in OTHER."
  (assert-same-universe set other "enum-set-difference")
  (make-enum-set (enum-set-universe set)
                 (keep (lambda (symbol) (not (memq symbol (members-of other))))
                       (members-of set))))

(define (enum-set-complement set)
  "Return the set of the symbols in the universe of SET and not in SET."
  (enum-set-difference (enum-set-universe set) set))

(define (enum-set-projection set other)
  "Return the set of the symbols in SET that are in the universe of OTHER, which is
its universe."
  (make-enum-set (enum-set-universe other)
                 (keep (lambda (symbol) (memq symbol (members-of set)))
                       (universe-of other))))

(define-syntax-rule (define-enumeration type (symbol ...) constructor)
  ;; Define the macros (TYPE NAME), which is the symbol NAME if it is among the
  ;; SYMBOLs, and (CONSTRUCTOR NAME ...), which is a set of such symbols.
  (begin
    (define make-set (enum-set-constructor (make-enumeration '(symbol ...))))
    (define-syntax type
      (lambda (form)
        (syntax-case form ()
          ((_ name)
           (if (memq (syntax->datum #'name) '(symbol ...))
               #''name
               (syntax-violation 'type "not a symbol of the enumeration"
                                 form #'name))))))
    (define-syntax constructor
      (lambda (form)
        (syntax-case form ()
          ((_ name (... ...))
           (begin
             (for-each
              (lambda (name)
                (unless (memq (syntax->datum name) '(symbol ...))
                  (syntax-violation 'constructor
                                    "not a symbol of the enumeration"
                                    form name)))
              #'(name (... ...)))
             #'(make-set '(name (... ...))))))))))
