;;; Strings and characters: what calls procedures.

(define (string-for-each procedure string . more)
  "Call PROCEDURE with each character of STRING."
  (if (and (pair? more) (string? (car more)))
      (apply %srfi-1-for-each procedure (string->list string) (map string->list more))
      (for-each procedure (apply string->list string more))))

(define* (string-for-each-index procedure string #:optional (start 0) (end (string-length string)))
  "Call PROCEDURE with each index into STRING."
  (let loop ((index start))
    (if (< index end)
        (begin
          (procedure index)
          (loop (+ index 1))))))

(define (string-map procedure string . more)
  "Return the string of what PROCEDURE gives for the characters of STRING."
  (if (and (pair? more) (string? (car more)))
      (list->string (apply %srfi-1-map procedure (string->list string) (map string->list more)))
      (list->string (map procedure (apply string->list string more)))))

(define (string-map! procedure string . range)
  "Replace the characters of STRING by what PROCEDURE gives for them."
  (string-copy! string
                (if (pair? range) (car range) 0)
                (apply string-map procedure string range)))

(define (string-fold procedure initial string . range)
  "Fold PROCEDURE over the characters of STRING."
  (fold procedure initial (apply string->list string range)))

(define (string-fold-right procedure initial string . range)
  "Fold PROCEDURE over the characters of STRING, from the last one."
  (fold-right procedure initial (apply string->list string range)))

(define* (string-unfold stop? mapper successor seed
                        #:optional (base "") (make-final (lambda (seed) "")))
  "Return the string of the characters that MAPPER gives for SEED and its successors."
  (let loop ((seed seed) (characters '()))
    (if (stop? seed)
        (string-append base (reverse-list->string characters) (make-final seed))
        (loop (successor seed) (cons (mapper seed) characters)))))

(define* (string-unfold-right stop? mapper successor seed
                              #:optional (base "") (make-final (lambda (seed) "")))
  "Return the string of the characters that MAPPER gives for SEED and its successors, last first."
  (let loop ((seed seed) (characters '()))
    (if (stop? seed)
        (string-append (make-final seed) (list->string characters) base)
        (loop (successor seed) (cons (mapper seed) characters)))))

(define (string-tabulate procedure count)
  "Return the string of what PROCEDURE gives for 0 to COUNT - 1."
  (list->string (list-tabulate count procedure)))

(define* (string-compare a b less equal greater
                         #:optional (start-a 0) (end-a (string-length a))
                         (start-b 0) (end-b (string-length b)))
  "Call LESS, EQUAL or GREATER, as A stands to B, with the index where they differ."
  (let ((a* (substring a start-a end-a))
        (b* (substring b start-b end-b)))
    (let ((index (+ start-a (string-prefix-length a* b*))))
      (cond ((string=? a* b*) (equal index))
            ((string<? a* b*) (less index))
            (else (greater index))))))

(define* (string-compare-ci a b less equal greater
                            #:optional (start-a 0) (end-a (string-length a))
                            (start-b 0) (end-b (string-length b)))
  "Call LESS, EQUAL or GREATER, as A stands to B without regard to case."
  (string-compare (string-downcase (substring a start-a end-a))
                  (string-downcase (substring b start-b end-b))
                  less equal greater))

(define (char-set-fold procedure initial set)
  "Fold PROCEDURE over the characters of SET."
  (fold procedure initial (char-set->list set)))

(define (char-set-for-each procedure set)
  "Call PROCEDURE with each character of SET."
  (for-each procedure (char-set->list set)))

(define (char-set-map procedure set)
  "Return the set of what PROCEDURE gives for the characters of SET."
  (list->char-set (map procedure (char-set->list set))))

(define* (char-set-filter predicate set #:optional (base (char-set)))
  "Return the set of BASE and the characters of SET for which PREDICATE holds."
  (list->char-set (filter predicate (char-set->list set)) base))

(define* (char-set-filter! predicate set base)
  "Put the characters of SET for which PREDICATE holds into BASE, and return it."
  (list->char-set! (filter predicate (char-set->list set)) base))

(define* (char-set-unfold stop? mapper successor seed #:optional (base (char-set)))
  "Return the set of BASE and what MAPPER gives for SEED and its successors."
  (list->char-set (unfold stop? mapper successor seed) base))

(define (char-set-unfold! stop? mapper successor seed base)
  "Put what MAPPER gives for SEED and its successors into BASE, and return it."
  (list->char-set! (unfold stop? mapper successor seed) base))

(define (char-set-count predicate set)
  "Return for how many characters of SET PREDICATE holds."
  (count predicate (char-set->list set)))

(define (char-set-every predicate set)
  "Return whether PREDICATE holds for every character of SET."
  (every predicate (char-set->list set)))

(define (char-set-any predicate set)
  "Return whether PREDICATE holds for a character of SET."
  (any predicate (char-set->list set)))

(define (char-set-cursor set)
  "Return a cursor at the first character of SET."
  (char-set->list set))

(define (char-set-ref set cursor)
  "Return the character at CURSOR."
  (car cursor))

(define (char-set-cursor-next set cursor)
  "Return the cursor after CURSOR."
  (cdr cursor))

(define (end-of-char-set? cursor)
  "Return whether CURSOR is at the end."
  (null? cursor))

(define char-set:lower-case (%char-set 'lower-case))
(define char-set:upper-case (%char-set 'upper-case))
(define char-set:title-case (%char-set 'title-case))
(define char-set:letter (%char-set 'letter))
(define char-set:digit (%char-set 'digit))
(define char-set:letter+digit (%char-set 'letter+digit))
(define char-set:graphic (%char-set 'graphic))
(define char-set:printing (%char-set 'printing))
(define char-set:whitespace (%char-set 'whitespace))
(define char-set:iso-control (%char-set 'iso-control))
(define char-set:punctuation (%char-set 'punctuation))
(define char-set:symbol (%char-set 'symbol))
(define char-set:hex-digit (%char-set 'hex-digit))
(define char-set:blank (%char-set 'blank))
(define char-set:ascii (%char-set 'ascii))
(define char-set:empty (%char-set 'empty))
(define char-set:full (%char-set 'full))
(define char-set:designated (%char-set 'designated))

(define (string-concatenate-reverse/shared . arguments)
  "The same as string-concatenate-reverse."
  (apply string-concatenate-reverse arguments))

(define (char-set-diff+intersection first . others)
  "Return what of FIRST is in none of OTHERS, and what is in one of them."
  (let ((union (apply char-set-union others)))
    (values (char-set-difference first union)
            (char-set-intersection first union))))

(define (char-set-diff+intersection! first . others)
  "The same as char-set-diff+intersection."
  (apply char-set-diff+intersection first others))
