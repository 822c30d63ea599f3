;;; Data as JSON text, for programs that read what a verb prints.
;;;
;;; Reading JSON is not done here: Fruix's own data are Scheme.

(define-module (fruix json)
  #:use-module (ice-9 match)
  #:export (json-key
            scm->json))

(define (json-key symbol)
  "Return SYMBOL as the key of an object, a string with underscores, as the
key=value lines of Fruix's command line spell it."
  (string-map (lambda (char) (if (char=? char #\-) #\_ char))
              (symbol->string symbol)))

(define (scm->json datum)
  "Return DATUM as JSON text: an association list whose keys are symbols is an
object, any other list or a vector an array, a symbol a string, but `null' is
null."
  (match datum
    (#t "true")
    (#f "false")
    ('null "null")
    ((? string? text) (json-string text))
    ((? symbol? name) (json-string (symbol->string name)))
    ((? number? number)
     (if (exact? number)
         (if (integer? number)
             (number->string number)
             (number->string (exact->inexact number)))
         (number->string number)))
    ((? vector? items) (json-array (vector->list items)))
    ((((? symbol? keys) . values) ..1)
     (string-append
      "{"
      (string-join (map (lambda (key value)
                          (string-append (json-string (json-key key)) ":"
                                         (scm->json value)))
                        keys values)
                   ",")
      "}"))
    ((? list? items) (json-array items))
    (other (json-string (call-with-output-string
                          (lambda (port) (write other port)))))))

(define (json-array items)
  (string-append "[" (string-join (map scm->json items) ",") "]"))

(define (json-string text)
  (define (escape char)
    (cond ((char=? char #\") "\\\"")
          ((char=? char #\\) "\\\\")
          ((char<? char #\space)
           (string-append "\\u"
                          (string-pad (number->string (char->integer char) 16)
                                      4 #\0)))
          (else (string char))))
  (string-append "\""
                 (string-concatenate (map escape (string->list text)))
                 "\""))
