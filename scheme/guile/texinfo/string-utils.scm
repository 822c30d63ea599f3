;;; Strings for texts: filled, justified, escaped.
;;;
;;; Source: GNU Guile reference manual, "(texinfo string-utils)".

(define-module (texinfo string-utils)
  #:use-module (srfi srfi-13)
  #:use-module (srfi srfi-14)
  #:export (escape-special-chars transform-string expand-tabs center-string
            left-justify-string right-justify-string collapse-repeated-chars
            make-text-wrapper fill-string string->wrapped-lines))

(define* (transform-string string match? replace #:optional start end)
  "Return STRING with each character between START and END that MATCH? finds replaced:
MATCH? is a character, a character set, a predicate or #t; REPLACE a string, a character
or a procedure of a character that returns one of these."
  (let ((matches? (cond ((char? match?) (lambda (char) (char=? char match?)))
                        ((char-set? match?) (lambda (char) (char-set-contains? match? char)))
                        ((boolean? match?) (lambda (char) match?))
                        ((procedure? match?) match?)
                        (else (throw 'bad-type "expected #t, char, char-set or procedure"))))
        (start (or start 0))
        (end (or end (string-length string))))
    (define (replacement char)
      (let ((replace (if (procedure? replace) (replace char) replace)))
        (cond ((char? replace) (list->string (list replace)))
              ((string? replace) replace)
              (else (throw 'bad-type "expected string, char or procedure")))))
    (string-append
     (substring string 0 start)
     (string-concatenate
      (map (lambda (char)
             (if (matches? char)
                 (replacement char)
                 (list->string (list char))))
           (string->list string start end)))
     (substring string end))))

(define* (expand-tabs string #:optional (tab-size 8))
  "Return STRING with each tab replaced by TAB-SIZE spaces."
  (transform-string string #\tab (make-string tab-size #\space)))

(define (escape-special-chars string special-chars escape-char)
  "Return STRING with ESCAPE-CHAR in front of each of SPECIAL-CHARS, a string or
character set."
  (let ((special (if (string? special-chars)
                     (string->char-set special-chars)
                     special-chars)))
    (transform-string string special
                      (lambda (char) (list->string (list escape-char char))))))

(define* (center-string string #:optional (width 80) (pad #\space) (right-pad pad))
  "Return STRING in the middle of WIDTH characters."
  (justified string width
             (lambda (room)
               (let ((left (quotient room 2)))
                 (values left (- room left))))
             pad right-pad))

(define (justified string width divide left right)
  (let ((room (- width (string-length string))))
    (if (<= room 0)
        string
        (call-with-values (lambda () (divide room))
          (lambda (before after)
            (string-append (make-string before left) string
                           (make-string after right)))))))

(define* (left-justify-string string #:optional (width 80) (pad #\space))
  "Return STRING at the left of WIDTH characters."
  (justified string width (lambda (room) (values 0 room)) pad pad))

(define* (right-justify-string string #:optional (width 80) (pad #\space))
  "Return STRING at the right of WIDTH characters."
  (justified string width (lambda (room) (values room 0)) pad pad))

(define* (collapse-repeated-chars string #:optional (char #\space) (most 1))
  "Return STRING with runs of CHAR cut to MOST."
  (let loop ((chars (string->list string)) (run 0) (kept '()))
    (cond ((null? chars) (reverse-list->string kept))
          ((not (char=? char (car chars)))
           (loop (cdr chars) 0 (cons (car chars) kept)))
          ((< run most)
           (loop (cdr chars) (+ run 1) (cons (car chars) kept)))
          (else (loop (cdr chars) run kept)))))

(define* (make-text-wrapper #:key (line-width 80) (expand-tabs? #t) (tab-width 8)
                            (collapse-whitespace? #t) (subsequent-indent "")
                            (initial-indent "") (break-long-words? #t))
  "Return a procedure that returns the lines of a string: each of LINE-WIDTH at most,
after INITIAL-INDENT and SUBSEQUENT-INDENT.  Words that are longer are cut with
BREAK-LONG-WORDS?."
  (lambda (string)
    (let* ((string (if expand-tabs? (expand-tabs string tab-width) string))
           (string (if collapse-whitespace?
                       (string-trim-both (collapse-blanks (plain-blanks string)))
                       (plain-blanks string))))
      (define (room lines)
        (- line-width
           (string-length (if (null? lines) initial-indent subsequent-indent))))
      (define (finish line lines)
        (cons (string-append (if (null? lines) initial-indent subsequent-indent)
                             (string-trim-right line))
              lines))
      ;; Words keep the blanks in front of them, which count where they stand in a line.
      (let loop ((words (words-of string)) (line "") (lines '()))
        (if (null? words)
            (reverse (if (string-null? line) lines (finish line lines)))
            (let* ((word (if (string-null? line) (string-trim (car words)) (car words)))
                   (long? (> (string-length word) (room lines))))
              (cond
               ((string-null? word) (loop (cdr words) line lines))
               ((<= (+ (string-length line) (string-length word)) (room lines))
                (loop (cdr words) (string-append line word) lines))
               ((not (string-null? line))
                (loop (cons (string-trim (car words)) (cdr words))
                      "" (finish line lines)))
               ((and long? break-long-words?)
                (loop (cons (substring word (room lines)) (cdr words))
                      "" (finish (substring word 0 (room lines)) lines)))
               (else (loop (cdr words) "" (finish word lines))))))))))

(define (plain-blanks string)
  (transform-string string char-set:whitespace #\space))

;; What follows a full stop is a new sentence, and keeps two blanks in front.
(define (collapse-blanks string)
  (let loop ((chars (string->list string)) (kept '()))
    (cond ((null? chars) (reverse-list->string kept))
          ((not (char=? (car chars) #\space))
           (loop (cdr chars) (cons (car chars) kept)))
          ((and (pair? kept) (char=? (car kept) #\space))
           (loop (cdr chars) kept))
          ((and (pair? kept) (char=? (car kept) #\.)
                (not (and (pair? (cdr kept)) (char=? (cadr kept) #\.))))
           (loop (cdr chars) (cons* #\space #\space kept)))
          (else (loop (cdr chars) (cons #\space kept))))))

(define (words-of string)
  (let loop ((start 0) (words '()))
    (if (= start (string-length string))
        (reverse words)
        (let* ((word (or (string-skip string #\space start) (string-length string)))
               (end (or (string-index string #\space word) (string-length string))))
          (loop end (cons (substring string start end) words))))))

(define (string->wrapped-lines string . options)
  "Return the lines of STRING, as `make-text-wrapper' with OPTIONS makes them."
  ((apply make-text-wrapper options) string))

(define (fill-string string . options)
  "Return STRING with its lines as `make-text-wrapper' with OPTIONS makes them."
  (string-join (apply string->wrapped-lines string options) "\n" 'infix))
