;;; R7RS base library.

(define-module (scheme base)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-11)
  #:use-module ((ice-9 exceptions) #:prefix x:)
  #:use-module ((ice-9 binary-ports) #:prefix b:)
  #:use-module ((rnrs bytevectors) #:prefix bv:)
  #:re-export (* + - ... / < <= = => > >= _ abs and append apply assq assv
               begin boolean? caar cadr call-with-current-continuation
               call-with-port call-with-values call/cc car case cdar cddr cdr
               ceiling char->integer char-ready? char<=? char<? char=? char>=?
               char>? char? close-input-port close-output-port close-port
               complex? cond cond-expand cons current-error-port
               current-input-port current-output-port define
               define-record-type define-syntax define-values denominator do
               dynamic-wind else eof-object? eq? equal? eqv? even?
               exact-integer-sqrt exact-integer? exact? floor floor-quotient
               floor-remainder floor/ gcd get-output-string if include
               include-ci inexact? input-port? integer->char integer? lambda
               lcm length let let* let*-values let-syntax let-values letrec
               letrec* letrec-syntax list list->string list->vector list-ref
               list-set! list-tail list? make-list make-parameter make-string
               make-vector max memq memv min modulo negative? newline not
               null? number->string number? numerator odd? open-input-string
               open-output-string or output-port? pair? parameterize peek-char
               port? positive? procedure? quasiquote quote quotient rational?
               rationalize read-char real? remainder reverse round set!
               set-car! set-cdr! string string->list string->number
               string->symbol string-append string-copy string-copy!
               string-fill! string-length string-ref string-set! string<=?
               string<? string=? string>=? string>? string? substring
               symbol->string symbol? syntax-error syntax-rules truncate
               truncate-quotient truncate-remainder truncate/ unless unquote
               unquote-splicing values vector vector-copy vector-copy!
               vector-fill! vector-length vector-ref vector-set! vector? when
               with-exception-handler write-char zero?)
  #:export (binary-port? boolean=? bytevector bytevector-append
            bytevector-copy bytevector-copy! error-object-irritants
            error-object-message error-object? file-error? flush-output-port
            get-output-bytevector input-port-open? open-input-bytevector
            open-output-bytevector output-port-open? peek-u8 read-bytevector
            read-bytevector! read-error? read-line read-string read-u8 square
            string->vector string-map symbol=? textual-port? u8-ready?
            utf8->string string->utf8 vector->string vector-append
            vector-for-each vector-map write-bytevector write-string write-u8
            guard raise-continuable bytevector-length bytevector-u8-ref
            bytevector-u8-set! bytevector? make-bytevector eof-object)
  #:replace (assoc member map for-each exact inexact expt list-copy features
             string-for-each vector->list error raise))

(define-syntax guard
  ;; As in SRFI 34.
  (syntax-rules ()
    ((_ . rest) (x:guard . rest))))

(define raise-continuable x:raise-continuable)

(define (raise object)
  "Raise OBJECT; no handler may return."
  (raise-exception object))

(define (error message . irritants)
  "Raise an error object with MESSAGE and IRRITANTS."
  (raise-exception
   (x:make-exception (x:make-exception-with-message message)
                     (x:make-exception-with-irritants irritants))))

(define (error-object? object)
  "Return whether OBJECT is what `error' raises, or the like."
  (and (x:exception? object)
       (or (x:exception-with-message? object)
           (x:exception-with-irritants? object))))

(define (error-object-message object)
  "Return the message of the error object OBJECT, or \"\"."
  (if (x:exception-with-message? object) (x:exception-message object) ""))

(define (error-object-irritants object)
  "Return the irritants of the error object OBJECT, a list."
  (if (x:exception-with-irritants? object) (x:exception-irritants object) '()))

(define (thrown-with? object keys)
  (and (x:exception? object)
       (memq (exception-kind object) keys)
       #t))

(define (read-error? object)
  "Return whether OBJECT was raised by reading what is not a datum."
  (or (x:lexical-error? object) (thrown-with? object '(read-error))))

(define (file-error? object)
  "Return whether OBJECT was raised by opening a file in vain."
  (thrown-with? object '(system-error)))

;;; Numbers and symbols

(define exact inexact->exact)
(define inexact exact->inexact)
(define expt (@ (guile) expt))

(define (square number)
  "Return NUMBER times NUMBER."
  (* number number))

(define (all-same? kind? procedure first others)
  (unless (and-map kind? (cons first others))
    (scm-error 'wrong-type-arg procedure "Wrong type argument: ~S"
               (list (cons first others)) (list (cons first others))))
  (and-map (lambda (other) (eq? other first)) others))

(define (boolean=? first . others)
  "Return whether all arguments, booleans, are the same."
  (all-same? boolean? "boolean=?" first others))

(define (symbol=? first . others)
  "Return whether all arguments, symbols, are the same."
  (all-same? symbol? "symbol=?" first others))

(define (features)
  "Return the names that `cond-expand' knows, a list of symbols."
  '(r7rs exact-closed exact-complex ieee-float full-unicode ratios
    guile guile-2 guile-2.2 guile-3 guile-3.0 r5rs r6rs
    srfi-0 srfi-4 srfi-6 srfi-13 srfi-14 srfi-16 srfi-23 srfi-30 srfi-39
    srfi-46 srfi-55 srfi-61 srfi-62 srfi-87 srfi-105))

;;; Lists

(define assoc
  (case-lambda
    ((key alist)
     "Return the first pair of ALIST whose car is KEY, compared with `equal?' or
SAME?, or #f."
     ((@ (guile) assoc) key alist))
    ((key alist same?)
     (let loop ((rest alist))
       (cond ((null? rest) #f)
             ((same? key (car (car rest))) (car rest))
             (else (loop (cdr rest))))))))

(define member
  (case-lambda
    ((object list)
     "Return the rest of LIST that starts with OBJECT, compared with `equal?' or
SAME?, or #f."
     ((@ (guile) member) object list))
    ((object list same?)
     (let loop ((rest list))
       (cond ((null? rest) #f)
             ((same? object (car rest)) rest)
             (else (loop (cdr rest))))))))

(define map
  (case-lambda
    ((f list)
     "Return the list of the values of F for the elements of the lists, up to the
end of the shortest."
     ((@ (guile) map) f list))
    ((f . lists)
     (let loop ((lists lists) (result '()))
       (if (and-map pair? lists)
           (loop ((@ (guile) map) cdr lists)
                 (cons (apply f ((@ (guile) map) car lists)) result))
           (reverse! result))))))

(define for-each
  (case-lambda
    ((f list)
     "Call F with the elements of the lists, in order, up to the end of the
shortest."
     ((@ (guile) for-each) f list))
    ((f . lists)
     (let loop ((lists lists))
       (when (and-map pair? lists)
         (apply f (map car lists))
         (loop (map cdr lists)))))))

(define (list-copy object)
  "Return a copy of OBJECT, a list that need not be proper."
  (let loop ((rest object) (result '()))
    (if (pair? rest)
        (loop (cdr rest) (cons (car rest) result))
        (append (reverse! result) rest))))

;;; Strings and vectors

(define (string-map f string . strings)
  "Return the string of the characters that F returns for those of the strings."
  (list->string
   (apply map f (string->list string) (map string->list strings))))

(define (string-for-each f string . strings)
  "Call F with the characters of the strings, in order."
  (if (null? strings)
      ((@ (guile) string-for-each) f string)
      (apply for-each f (string->list string) (map string->list strings))))

(define* (string->vector string #:optional (start 0) (end (string-length string)))
  "Return the characters of STRING from START to END as a vector."
  (list->vector (string->list string start end)))

(define* (vector->string vector #:optional (start 0) (end (vector-length vector)))
  "Return the characters in VECTOR from START to END as a string."
  (list->string (vector->list vector start end)))

(define* (vector->list vector #:optional (start 0) (end (vector-length vector)))
  "Return the elements of VECTOR from START to END as a list."
  (let loop ((index (- end 1)) (result '()))
    (if (< index start)
        result
        (loop (- index 1) (cons (vector-ref vector index) result)))))

(define (vector-append . vectors)
  "Return a vector of the elements of all VECTORS, in order."
  (let ((result (make-vector (apply + (map vector-length vectors)))))
    (let loop ((at 0) (vectors vectors))
      (unless (null? vectors)
        (vector-copy! result at (car vectors))
        (loop (+ at (vector-length (car vectors))) (cdr vectors))))
    result))

(define (vector-map f vector . vectors)
  "Return the vector of the values of F for the elements of the vectors, up to the
end of the shortest."
  (list->vector (apply map f (vector->list vector) (map vector->list vectors))))

(define (vector-for-each f vector . vectors)
  "Call F with the elements of the vectors, in order, up to the end of the
shortest."
  (apply for-each f (vector->list vector) (map vector->list vectors)))

;;; Bytevectors

(define bytevector? bv:bytevector?)
(define make-bytevector bv:make-bytevector)
(define bytevector-length bv:bytevector-length)
(define bytevector-u8-ref bv:bytevector-u8-ref)
(define bytevector-u8-set! bv:bytevector-u8-set!)

(define (bytevector . bytes)
  "Return a bytevector of BYTES."
  (bv:u8-list->bytevector bytes))

(define (assert-range procedure start end length)
  (unless (<= 0 start end length)
    (let ((wrong (if (<= 0 start length) end start)))
      (scm-error 'out-of-range procedure "Value out of range: ~S"
                 (list wrong) (list wrong)))))

(define* (bytevector-copy bytes #:optional
                          (start 0) (end (bytevector-length bytes)))
  "Return a new bytevector of BYTES from START to END."
  (assert-range "bytevector-copy" start end (bytevector-length bytes))
  (let ((result (make-bytevector (- end start))))
    (bv:bytevector-copy! bytes start result 0 (- end start))
    result))

(define* (bytevector-copy! target at source #:optional
                           (start 0) (end (bytevector-length source)))
  "Copy SOURCE from START to END into TARGET, from AT on."
  (bv:bytevector-copy! source start target at (- end start)))

(define (bytevector-append . parts)
  "Return a bytevector of the bytes of all PARTS, in order."
  (let ((result (make-bytevector (apply + (map bytevector-length parts)))))
    (let loop ((at 0) (parts parts))
      (unless (null? parts)
        (bytevector-copy! result at (car parts))
        (loop (+ at (bytevector-length (car parts))) (cdr parts))))
    result))

(define* (utf8->string bytes #:optional (start 0) (end (bytevector-length bytes)))
  "Return the string that BYTES from START to END encode in UTF-8."
  (bv:utf8->string (bytevector-copy bytes start end)))

(define* (string->utf8 string #:optional (start 0) (end (string-length string)))
  "Return the bytes that encode STRING from START to END in UTF-8."
  (bv:string->utf8 (substring string start end)))

;;; Ports

(define eof-object b:eof-object)

(define (textual-port? object)
  "Return whether OBJECT is a port for characters, which every port is."
  (port? object))

(define (binary-port? object)
  "Return whether OBJECT is a port for bytes, which every port is."
  (port? object))

(define (input-port-open? port)
  "Return whether PORT can still be read."
  (unless (input-port? port)
    (scm-error 'wrong-type-arg "input-port-open?" "Wrong type argument: ~S"
               (list port) (list port)))
  (not (port-closed? port)))

(define (output-port-open? port)
  "Return whether PORT can still be written."
  (unless (output-port? port)
    (scm-error 'wrong-type-arg "output-port-open?" "Wrong type argument: ~S"
               (list port) (list port)))
  (not (port-closed? port)))

(define* (flush-output-port #:optional (port (current-output-port)))
  "Write out what PORT has kept back."
  (force-output port))

(define* (read-line #:optional (port (current-input-port)))
  "Return the next line of PORT without its end, or an end-of-file object."
  (let loop ((chars '()))
    (let ((char (read-char port)))
      (cond
       ((eof-object? char)
        (if (null? chars) char (reverse-list->string chars)))
       ((char=? char #\newline) (reverse-list->string chars))
       (else (loop (cons char chars)))))))

(define* (read-string count #:optional (port (current-input-port)))
  "Return the next COUNT characters of PORT, or as many as there are, or an
end-of-file object."
  (let loop ((left count) (chars '()))
    (if (zero? left)
        (reverse-list->string chars)
        (let ((char (read-char port)))
          (cond
           ((not (eof-object? char)) (loop (- left 1) (cons char chars)))
           ((null? chars) char)
           (else (reverse-list->string chars)))))))

(define* (write-string string #:optional (port (current-output-port))
                       (start 0) (end (string-length string)))
  "Write STRING from START to END to PORT."
  (display (if (and (eqv? start 0) (= end (string-length string)))
               string
               (substring string start end))
           port))

(define* (read-u8 #:optional (port (current-input-port)))
  "Return the next byte of PORT, or an end-of-file object."
  (b:get-u8 port))

(define* (peek-u8 #:optional (port (current-input-port)))
  "Return the next byte of PORT and leave it there, or an end-of-file object."
  (b:lookahead-u8 port))

(define* (u8-ready? #:optional (port (current-input-port)))
  "Return whether reading a byte from PORT would not wait."
  (char-ready? port))

(define* (write-u8 byte #:optional (port (current-output-port)))
  "Write BYTE to PORT."
  (b:put-u8 port byte))

(define* (read-bytevector count #:optional (port (current-input-port)))
  "Return the next COUNT bytes of PORT, or as many as there are, or an end-of-file
object."
  (b:get-bytevector-n port count))

(define* (read-bytevector! bytes #:optional (port (current-input-port))
                           (start 0) (end (bytevector-length bytes)))
  "Read bytes from PORT into BYTES from START to END; return how many, or an
end-of-file object."
  (b:get-bytevector-n! port bytes start (- end start)))

(define* (write-bytevector bytes #:optional (port (current-output-port))
                           (start 0) (end (bytevector-length bytes)))
  "Write BYTES from START to END to PORT."
  (b:put-bytevector port bytes start (- end start)))

(define (open-input-bytevector bytes)
  "Return a port that reads BYTES."
  (b:open-bytevector-input-port bytes))

;; What a bytevector output port has been given, by port: a pair of the thunk
;; that returns what came since it was last called and what came before.
(define written (make-weak-key-hash-table))

(define (open-output-bytevector)
  "Return a port that collects bytes for `get-output-bytevector'."
  (call-with-values b:open-bytevector-output-port
    (lambda (port more)
      (hashq-set! written port (cons more (make-bytevector 0)))
      port)))

(define (get-output-bytevector port)
  "Return the bytes that have been written to PORT."
  (let ((state (hashq-ref written port)))
    (unless state
      (scm-error 'wrong-type-arg "get-output-bytevector"
                 "Wrong type argument: ~S" (list port) (list port)))
    (set-cdr! state (bytevector-append (cdr state) ((car state))))
    (cdr state)))
