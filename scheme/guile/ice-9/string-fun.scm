;;; Taking strings apart.  The last argument of most procedures here is called
;;; with the parts.

(define-module (ice-9 string-fun)
  #:export (split-after-char split-before-char split-discarding-char
            split-after-char-last split-before-char-last
            split-discarding-char-last
            split-before-predicate split-after-predicate
            split-discarding-predicate
            separate-fields-discarding-char separate-fields-after-char
            separate-fields-before-char
            string-prefix-predicate string-prefix=?
            sans-surrounding-whitespace sans-trailing-whitespace
            sans-leading-whitespace sans-final-newline has-trailing-newline?
            string-replace-substring))

;; Call RETURN with STRING up to INDEX + BEFORE and from INDEX + AFTER on, or
;; with STRING and "" when INDEX is #f.
(define (split string index before after return)
  (if index
      (return (substring string 0 (+ index before))
              (substring string (+ index after)))
      (return string "")))

(define (split-after-char char string return)
  "Call RETURN with STRING up to and with the first CHAR, and the rest."
  (split string (string-index string char) 1 1 return))

(define (split-before-char char string return)
  "Call RETURN with STRING before the first CHAR, and the rest with it."
  (split string (string-index string char) 0 0 return))

(define (split-discarding-char char string return)
  "Call RETURN with STRING before the first CHAR, and after it."
  (split string (string-index string char) 0 1 return))

;; As `split', but a string that has no such character is the second part.
(define (split-last string index before after return)
  (if index
      (split string index before after return)
      (return "" string)))

(define (split-after-char-last char string return)
  "Call RETURN with STRING up to and with the last CHAR, and the rest."
  (split-last string (string-rindex string char) 1 1 return))

(define (split-before-char-last char string return)
  "Call RETURN with STRING before the last CHAR, and the rest with it."
  (split-last string (string-rindex string char) 0 0 return))

(define (split-discarding-char-last char string return)
  "Call RETURN with STRING before the last CHAR, and after it."
  (split string (string-rindex string char) 0 1 return))

(define (split-before-predicate satisfies? string return)
  "Call RETURN with STRING before the first character that satisfies SATISFIES?,
and the rest with it."
  (split string (string-index string satisfies?) 0 0 return))

(define (split-after-predicate satisfies? string return)
  "Call RETURN with STRING up to and with the first character that satisfies
SATISFIES?, and the rest."
  (split string (string-index string satisfies?) 1 1 return))

(define (split-discarding-predicate satisfies? string return)
  "Call RETURN with STRING before the first character that satisfies SATISFIES?,
and after it."
  (split string (string-index string satisfies?) 0 1 return))

;; START is where the last field starts; an occurrence of CHAR ends the field
;; before it BEFORE characters on, and starts the field after it AFTER on.
(define (separate char string before after return)
  (let loop ((start 0) (search 0) (fields '()))
    (let ((index (string-index string char search)))
      (if index
          (loop (+ index after) (+ index 1)
                (cons (substring string start (+ index before)) fields))
          (apply return (reverse! (cons (substring string start) fields)))))))

(define (separate-fields-discarding-char char string return)
  "Call RETURN with the parts of STRING between occurrences of CHAR."
  (separate char string 0 1 return))

(define (separate-fields-after-char char string return)
  "Call RETURN with the parts of STRING, each up to and with a CHAR."
  (separate char string 1 1 return))

(define (separate-fields-before-char char string return)
  "Call RETURN with the parts of STRING, each but the first from a CHAR on."
  (separate char string 0 0 return))

(define (string-prefix-predicate same?)
  "Return a procedure that tells whether its first argument is the beginning of
its second, compared with SAME?."
  (lambda (prefix string)
    (and (<= (string-length prefix) (string-length string))
         (same? prefix (substring string 0 (string-length prefix))))))

(define string-prefix=? (string-prefix-predicate string=?))
(set-procedure-property! string-prefix=? 'documentation
                         "Return whether the second string begins with the first.")

(define (sans-surrounding-whitespace string)
  "Return STRING without whitespace at either end."
  (string-trim-both string char-whitespace?))

(define (sans-trailing-whitespace string)
  "Return STRING without whitespace at its end."
  (string-trim-right string char-whitespace?))

(define (sans-leading-whitespace string)
  "Return STRING without whitespace at its beginning."
  (string-trim string char-whitespace?))

(define (has-trailing-newline? string)
  "Return whether STRING ends with a newline."
  (string-suffix? "\n" string))

(define (sans-final-newline string)
  "Return STRING without a newline at its end."
  (if (has-trailing-newline? string)
      (substring string 0 (- (string-length string) 1))
      string))

(define (string-replace-substring string substring replacement)
  "Return STRING with every occurrence of SUBSTRING replaced by REPLACEMENT."
  (let ((width (string-length substring)))
    (if (zero? width)
        string
        (let loop ((start 0) (parts '()))
          (let ((found (string-contains string substring start)))
            (if found
                (loop (+ found width)
                      (cons* replacement
                             ((@ (guile) substring) string start found)
                             parts))
                (string-concatenate-reverse
                 (cons ((@ (guile) substring) string start) parts))))))))
