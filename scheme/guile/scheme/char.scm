;;; R7RS characters.

(define-module (scheme char)
  #:use-module ((rnrs unicode) #:select (char-foldcase))
  #:re-export (char-alphabetic? char-ci<=? char-ci<? char-ci=? char-ci>=?
               char-ci>? char-downcase char-foldcase char-lower-case?
               char-numeric? char-upcase char-upper-case? char-whitespace?
               string-ci<=? string-ci<? string-ci=? string-ci>=? string-ci>?)
  #:replace (string-downcase string-upcase)
  #:export (digit-value string-foldcase))

(define (string-upcase string)
  "Return STRING in upper case; one letter may become several."
  (%string-upcase-whole string))

(define (string-downcase string)
  "Return STRING in lower case; one letter may become several."
  (%string-downcase-whole string))

(define (string-foldcase string)
  "Return STRING without distinction of case; one letter may become several."
  (%string-foldcase-whole string))

(define (digit-value char)
  "Return the value of CHAR as a decimal digit, or #f."
  (and (char-numeric? char)
       (eq? (char-general-category char) 'Nd)
       ;; The ten digits of a script follow one another from a code whose
       ;; predecessor is no digit.
       (let loop ((value 0) (code (char->integer char)))
         (if (or (= value 9)
                 (not (eq? 'Nd (char-general-category
                                (integer->char (- code 1))))))
             value
             (loop (+ value 1) (- code 1))))))
