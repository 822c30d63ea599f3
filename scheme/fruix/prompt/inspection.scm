;;; What parts a value has, for `,inspect'.

(define-module (fruix prompt inspection)
  #:use-module ((guile internal) #:select (%procedure-formals %procedure-source-place))
  #:use-module (ice-9 match)
  #:use-module (ice-9 pretty-print)
  #:use-module (srfi srfi-1)
  #:export (print-inspected
            part-of-inspected
            inspected-pretty-print
            inspected-write
            inspected-display))

;; How many parts are shown; all of them can be looked into.
(define %enough 40)

(define (kind-of value)
  "Return what VALUE is, in a word or two."
  (cond ((null? value) "the empty list")
        ((list? value) (format #f "a list of ~a" (length value)))
        ((pair? value) "a pair")
        ((vector? value) (format #f "a vector of ~a" (vector-length value)))
        ((hash-table? value) "a hash table")
        ((string? value) (format #f "a string of ~a characters" (string-length value)))
        ((symbol? value) "a symbol")
        ((keyword? value) "a keyword")
        ((number? value) "a number")
        ((boolean? value) "a boolean")
        ((char? value) "a character")
        ((procedure? value) "a procedure")
        ((record? value)
         (format #f "a record of type ~a" (record-type-name (record-type-descriptor value))))
        (else "a value")))

(define (parts-of value)
  "Return the parts of VALUE, an association list from what each is to the part."
  (cond ((and (pair? value) (list? value))
         (map cons (iota (length value)) value))
        ((pair? value) `((car . ,(car value)) (cdr . ,(cdr value))))
        ((vector? value) (map cons (iota (vector-length value)) (vector->list value)))
        ((hash-table? value) (hash-map->list cons value))
        ((procedure? value)
         `((name . ,(procedure-name value))
           (formals . ,(or (%procedure-formals value) '?))
           (place . ,(%procedure-source-place value))))
        ((record? value)
         (let ((type (record-type-descriptor value)))
           (map (lambda (field)
                  (cons field ((record-accessor type field) value)))
                (record-type-fields type))))
        (else '())))

(define (shortened text width)
  (if (<= (string-length text) width)
      text
      (string-append (string-take text (max 0 (- width 1))) "…")))

(define (print-inspected value width)
  "Print what VALUE is and its numbered parts, in lines of at most WIDTH characters."
  (display (shortened (object->string value) width))
  (newline)
  (display (kind-of value))
  (newline)
  (let* ((parts (parts-of value))
         (shown (if (> (length parts) %enough) (take parts %enough) parts)))
    (for-each (match-lambda*
                ((number (label . part))
                 (let ((head (string-append (string-pad (number->string number) 4) "  "
                                            (if (eqv? label number)
                                                ""
                                                (string-append (object->string label) ": ")))))
                   (display (shortened (string-append head (object->string part)) width))
                   (newline))))
              (iota (length shown))
              shown)
    (when (> (length parts) %enough)
      (display (format #f "      … and ~a more" (- (length parts) %enough)))
      (newline))))

(define (part-of-inspected value number)
  "Return part NUMBER, from 0, of VALUE in a list; the empty list when there is none."
  (let ((parts (parts-of value)))
    (if (and (>= number 0) (< number (length parts)))
        (list (cdr (list-ref parts number)))
        '())))

(define (inspected-pretty-print value)
  "Print VALUE over as many lines as it wants."
  (display (string-trim-right
            (call-with-output-string (lambda (port) (pretty-print value port)))
            #\newline)))

(define (inspected-write value)
  "Print VALUE as `write' does."
  (write value))

(define (inspected-display value)
  "Print VALUE as `display' does."
  (display value))
