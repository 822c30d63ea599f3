;;; Command lines in the style of GNU: short options in clumps, long options,
;;; operands in between.

(define-module (ice-9 getopt-long)
  #:use-module (srfi srfi-9)
  #:export (getopt-long option-ref))

(define-record-type <specification>
  (make-specification name char value required? predicate)
  specification?
  (name      specification-name)         ;string
  (char      specification-char)         ;character or #f
  (value     specification-value)        ;#f, #t or `optional'
  (required? specification-required?)    ;boolean
  (predicate specification-predicate))   ;string -> boolean, or #f

(define (parse-specification description)
  ;; DESCRIPTION is (NAME (PROPERTY VALUE) ...).
  (let loop ((properties (cdr description))
             (char #f) (value #f) (required? #f) (predicate #f))
    (if (null? properties)
        (make-specification (symbol->string (car description))
                            char value required? predicate)
        (let ((what (car (car properties)))
              (datum (cadr (car properties)))
              (rest (cdr properties)))
          (case what
            ((single-char)
             (unless (char? datum)
               (scm-error 'misc-error #f
                        "`single-char' value must be a char!" '() #f))
             (loop rest datum value required? predicate))
            ((value) (loop rest char datum required? predicate))
            ((required?) (loop rest char value datum predicate))
            ((predicate) (loop rest char value required? datum))
            (else
             (scm-error 'misc-error #f
                        "invalid getopt-long option property: ~S"
                        (list what) #f)))))))

(define (find matches? items)
  (cond ((null? items) #f)
        ((matches? (car items)) (car items))
        (else (find matches? (cdr items)))))

(define (letter? char)
  (or (char<=? #\a char #\z) (char<=? #\A char #\Z)))

(define (short-clump? word)
  (and (> (string-length word) 1)
       (char=? (string-ref word 0) #\-)
       (letter? (string-ref word 1))))

(define (long-option? word)
  (and (> (string-length word) 2)
       (string-prefix? "--" word)
       (not (char=? (string-ref word 2) #\=))))

(define (looks-like-option? word)
  (or (short-clump? word) (long-option? word) (string=? word "--")))

;; "-abc/x" is "-a" "-b" "-c" "/x".
(define (split-clump word rest)
  (let ((end (or (string-index word (lambda (char) (not (letter? char))) 1)
                 (string-length word))))
    (let loop ((index (- end 1))
               (words (if (= end (string-length word))
                          rest
                          (cons (substring word end) rest))))
      (if (= index 0)
          words
          (loop (- index 1)
                (cons (string #\- (string-ref word index)) words))))))

(define* (getopt-long program-arguments grammar #:key stop-at-first-non-option)
  "Return PROGRAM-ARGUMENTS, a list of strings that starts with the program's
name, as an association list of option names and values (#t when there is no
argument), the last option first; the pair at its head has () for its name and
the operands for its value.  GRAMMAR is a list of (NAME PROPERTY ...), where a
PROPERTY is (single-char CHAR), (value #t), (value #f), (value optional),
(required? BOOLEAN) or (predicate PROCEDURE).

Say on the error port what is wrong with the arguments and exit with status 1
when they do not fit the grammar."
  (define specifications (map parse-specification grammar))

  (define (give-up message name)
    (let ((port (current-error-port)))
      (display (car program-arguments) port)
      (display ": " port)
      (display message port)
      (display name port)
      (newline port)
      (exit 1)))

  (define (check specification value)
    (let ((predicate (specification-predicate specification)))
      (when (and predicate (string? value) (not (predicate value)))
        (give-up "option predicate failed: --"
                 (specification-name specification)))))

  (define (finish found operands)
    (for-each
     (lambda (specification)
       (let ((name (string->symbol (specification-name specification))))
         (when (and (specification-required? specification)
                    (not (assq name found)))
           (give-up "option must be specified: --"
                    (specification-name specification)))))
     specifications)
    (cons (cons '() (reverse operands)) found))

  (define (add specification value found)
    (check specification value)
    (acons (string->symbol (specification-name specification)) value found))

  ;; The option SPECIFICATION, whose argument may be the first of WORDS.
  (define (option specification words found operands)
    (let ((value (specification-value specification)))
      (cond
       ((not value)
        (parse words (add specification #t found) operands))
       ((and (pair? words) (not (looks-like-option? (car words))))
        (parse (cdr words) (add specification (car words) found) operands))
       ((eq? value 'optional)
        (parse words (add specification #t found) operands))
       (else
        (give-up "option must be specified with argument: --"
                 (specification-name specification))))))

  (define (parse words found operands)
    (if (null? words)
        (finish found operands)
        (let ((word (car words))
              (rest (cdr words)))
          (cond
           ((string=? word "--")
            (finish found (append (reverse rest) operands)))
           ((short-clump? word)
            (if (= (string-length word) 2)
                (let* ((char (string-ref word 1))
                       (specification
                        (find (lambda (specification)
                                (eqv? char (specification-char specification)))
                              specifications)))
                  (if specification
                      (option specification rest found operands)
                      (give-up "no such option: -" char)))
                (parse (split-clump word rest) found operands)))
           ((long-option? word)
            (let* ((equals (string-index word #\=))
                   (name (substring word 2 (or equals (string-length word))))
                   (specification
                    (find (lambda (specification)
                            (string=? name (specification-name specification)))
                          specifications)))
              (cond
               ((not specification)
                (give-up "no such option: --" name))
               ((not equals)
                (option specification rest found operands))
               ((specification-value specification)
                (parse rest
                       (add specification (substring word (+ equals 1)) found)
                       operands))
               (else
                (give-up "option does not support argument: --" name)))))
           (stop-at-first-non-option
            (finish found (append (reverse words) operands)))
           (else
            (parse rest found (cons word operands)))))))

  (parse (cdr program-arguments) '() '()))

(define (option-ref options key default)
  "Return the value of the option KEY, a symbol, in OPTIONS, which `getopt-long'
returned, or DEFAULT.  The key () stands for the operands."
  (let ((pair (assq key options)))
    (if pair (cdr pair) default)))
