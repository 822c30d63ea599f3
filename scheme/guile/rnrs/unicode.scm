;;; R6RS Unicode.

(define-module (rnrs unicode)
  #:version (6)
  #:re-export (char-alphabetic? char-ci<=? char-ci<? char-ci=? char-ci>=?
               char-ci>? char-downcase char-general-category char-lower-case?
               char-numeric? char-titlecase char-upcase char-upper-case?
               char-whitespace? string-ci<=? string-ci<? string-ci=?
               string-ci>=? string-ci>? string-downcase string-normalize-nfc
               string-normalize-nfd string-normalize-nfkc
               string-normalize-nfkd string-titlecase string-upcase)
  #:export (char-foldcase char-title-case? string-foldcase))

(define (char-foldcase char)
  "Return CHAR without distinction of case."
  (if (memv char '(#\x130 #\x131))
      char
      (char-downcase (char-upcase char))))

(define (char-title-case? char)
  "Return whether CHAR is a title-case character."
  (eq? (char-general-category char) 'Lt))

(define (string-foldcase string)
  "Return STRING without distinction of case."
  (string-downcase (string-upcase string)))
