;;; SRFI 13: string library, which module (guile) has.

(define-module (srfi srfi-13)
  #:re-export (string? string-null? string-any string-every make-string string
               string-tabulate string->list list->string reverse-list->string string-join
               string-length string-ref string-copy substring/shared string-copy!
               string-take string-drop string-take-right string-drop-right
               string-pad string-pad-right string-trim string-trim-right string-trim-both
               string-set! string-fill! string-compare string-compare-ci
               string= string<> string< string> string<= string>=
               string-ci= string-ci<> string-ci< string-ci> string-ci<= string-ci>=
               string-hash string-hash-ci
               string-prefix-length string-suffix-length
               string-prefix-length-ci string-suffix-length-ci
               string-prefix? string-suffix? string-prefix-ci? string-suffix-ci?
               string-index string-index-right string-skip string-skip-right
               string-count string-contains string-contains-ci
               string-titlecase string-titlecase! string-upcase string-upcase!
               string-downcase string-downcase!
               string-reverse string-reverse! string-append string-append/shared
               string-concatenate string-concatenate/shared string-concatenate-reverse
               string-map string-map! string-fold string-fold-right
               string-unfold string-unfold-right string-for-each string-for-each-index
               xsubstring string-replace string-tokenize string-filter string-delete)
  #:export (string-concatenate-reverse/shared string-xcopy!))

(define* (string-concatenate-reverse/shared strings #:optional (last "")
                                            (end (string-length last)))
  "Return STRINGS from the last to the first, and LAST up to END, as one string."
  (string-concatenate-reverse strings last end))

(define* (string-xcopy! target at string from
                        #:optional to (start 0) (end (string-length string)))
  "Put into TARGET, from AT on, the characters FROM to TO of STRING from START to
END repeated without end in both directions."
  (string-copy! target at
                (xsubstring string from (or to (+ from (- end start))) start end)))
