;;; What hangs on symbols and objects, and objects that nobody refers to.

(define %symbol-values (make-weak-key-hash-table))
(define %symbol-properties (make-weak-key-hash-table))

(define (symbol-fref symbol)
  "Return the value in SYMBOL's function slot."
  (hashq-ref %symbol-values symbol #f))

(define (symbol-fset! symbol value)
  "Put VALUE into SYMBOL's function slot."
  (hashq-set! %symbol-values symbol value)
  value)

(define (symbol-pref symbol)
  "Return the value in SYMBOL's property slot."
  (hashq-ref %symbol-properties symbol '()))

(define (symbol-pset! symbol value)
  "Put VALUE into SYMBOL's property slot."
  (hashq-set! %symbol-properties symbol value)
  value)

(define (symbol . characters)
  "Return the symbol whose name is CHARACTERS."
  (string->symbol (apply string characters)))

(define (nil? object)
  "Return whether OBJECT is false or the empty list, as Lisp has it."
  (or (null? object) (not object)))

(define (string-bytes-per-char string)
  "Return how many bytes Guile would take for a character of STRING: 1 or 4."
  (if (string-any (lambda (character) (> (char->integer character) 255)) string)
      4
      1))

(define (%text-dump name text)
  (let ((wide? (eqv? (string-bytes-per-char text) 4)))
    (list (cons name text)
          (cons 'start 0)
          (cons 'length (string-length text))
          (cons 'shared #f)
          (cons 'read-only (%read-only-string? text))
          (cons 'stringbuf-chars text)
          (cons 'stringbuf-length (string-length text))
          (cons 'stringbuf-shared #f)
          (cons 'stringbuf-wide wide?))))

(define (%string-dump string)
  "Return an association list of what is known of how STRING is kept."
  (%text-dump 'string string))

(define (%symbol-dump symbol)
  "Return an association list of what is known of how SYMBOL is kept."
  (let ((dump (%text-dump 'symbol (symbol->string symbol))))
    (cons* (cons 'symbol symbol)
           (cons 'hash (hashq symbol 1073741789))
           (cons 'interned (symbol-interned? symbol))
           (cdr dump))))

(define (%char-set-dump set)
  "Print the characters of SET."
  (write (char-set->list set))
  (newline))

;;; Guardians.

(define (make-guardian)
  "Return a guardian: called with an object it keeps it, called with none it
returns one of those that nobody else refers to any more, or #f."
  (let ((kept '()))
    (define (guardian . objects)
      (if (null? objects)
          (let loop ((rest kept) (before '()))
            (cond ((null? rest) #f)
                  ((%only-here? (car rest) 1)
                   (set! kept (append (reverse before) (cdr rest)))
                   (car rest))
                  (else (loop (cdr rest) (cons (car rest) before)))))
          (set! kept (append kept (list (car objects))))))
    guardian))

(define (peek . objects)
  "Write OBJECTS to the current output port and return the last one."
  (newline)
  (display ";;; ")
  (write objects)
  (newline)
  (if (pair? objects) (last objects) #f))

(define (pk . objects)
  "Write OBJECTS to the current output port and return the last one."
  (apply peek objects))

(define (self-evaluating? object)
  "Return whether OBJECT, as an expression, stands for itself."
  (not (or (symbol? object) (pair? object) (null? object))))
