;; What Unicode says of characters, where its versions agree.
(use-modules (srfi srfi-14))
(define (show x) (write x) (newline))
(define blocks
  '((0 #x190) (#x1c0 #x220) (#x2b0 #x52f) (#x10a0 #x10ff) (#x1d00 #x1dbf) (#x1f00 #x2080)
    (#x2150 #x2180) (#x2190 #x23ff) (#x2460 #x24ff) (#x3000 #x3100) (#xff00 #xffe0)
    (#x1d400 #x1d454)))
(define (runs value block)
  "Return where VALUE of the characters of BLOCK changes, and to what."
  (let loop ((code (car block)) (before (list)) (found '()))
    (if (= code (cadr block))
        (reverse found)
        (let ((now (value (integer->char code))))
          (loop (+ code 1) now
                (if (equal? now before) found (cons (list code now) found)))))))
(define (over-blocks value)
  (for-each (lambda (block) (show (runs value block))) blocks))
(over-blocks char-general-category)
(for-each
 (lambda (predicate) (show (map (lambda (block) (map car (runs predicate block))) blocks)))
 (list char-alphabetic? char-numeric? char-whitespace? char-upper-case? char-lower-case? char-is-both?))
(for-each
 (lambda (set) (show (map (lambda (block) (map car (runs (lambda (c) (char-set-contains? set c)) block))) blocks)))
 (list char-set:lower-case char-set:upper-case char-set:title-case char-set:letter char-set:digit
       char-set:letter+digit char-set:graphic char-set:printing char-set:whitespace
       char-set:iso-control char-set:punctuation char-set:symbol char-set:hex-digit
       char-set:blank char-set:ascii char-set:designated))
(define (distance change) (lambda (c) (- (char->integer (change c)) (char->integer c))))
(over-blocks (distance char-upcase))
(over-blocks (distance char-downcase))
(over-blocks (distance char-titlecase))
(show (map char-numeric? (string->list "½²٣Ⅷ①")))
(show (list (string-titlecase "ǆungla ßtraße") (string-upcase "ßǆᾳ") (string-downcase "İÀ")))
(show (map (lambda (set) (char-set-size set))
           (list char-set:title-case char-set:whitespace char-set:iso-control char-set:hex-digit
                 char-set:blank char-set:ascii char-set:empty char-set:full)))
(show (map string (string->list "a\u0301\u0378\u00ad\u200b\u2028\ue000")))
