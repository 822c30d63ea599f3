;;; R6RS base library.

(define-module (rnrs base)
  #:version (6)
  #:use-module (srfi srfi-11)
  #:use-module ((rnrs exceptions) #:select ((raise . raise-exception-object)))
  #:use-module ((ice-9 exceptions) #:select (make-exception make-external-error make-assertion-failure
                 make-exception-with-origin make-exception-with-message
                 make-exception-with-irritants))
  #:re-export (* + - ... / < <= = => > >= _ abs acos and angle append apply
               asin atan begin boolean? caaaar caaadr caaar caadar caaddr
               caadr caar cadaar cadadr cadar caddar cadddr caddr cadr
               call-with-current-continuation call-with-values call/cc car
               case cdaaar cdaadr cdaar cdadar cdaddr cdadr cdar cddaar cddadr
               cddar cdddar cddddr cdddr cddr cdr ceiling char->integer
               char<=? char<? char=? char>=? char>? char? complex? cond cons
               cos define define-syntax denominator dynamic-wind else eq?
               equal? eqv? even? exact-integer-sqrt exact? exp expt finite?
               floor for-each gcd identifier-syntax if imag-part inexact?
               integer->char integer? lambda lcm length let let* let-syntax
               letrec letrec* letrec-syntax list list->string list->vector
               list-ref list-tail list? magnitude make-polar make-rectangular
               make-string make-vector max min nan? negative? not null?
               number->string number? numerator odd? or pair? positive?
               procedure? quasiquote quote rational? rationalize real-part
               real? reverse round set! sin sqrt string string->list
               string->number string->symbol string-append string-copy
               string-length string-ref string<=? string<? string=? string>=?
               string>? string? substring symbol->string symbol? syntax-rules
               tan truncate unquote unquote-splicing values vector
               vector->list vector-fill! vector-length vector-ref vector-set!
               vector? zero? let-values let*-values map)
  #:export (assert assertion-violation boolean=? div div-and-mod div0
            div0-and-mod0 integer-valued? mod mod0 rational-valued?
            real-valued? symbol=? vector-for-each vector-map)
  #:replace (error exact inexact infinite? log string-for-each))

(define exact inexact->exact)

(define inexact exact->inexact)

(define (infinite? number)
  "Return whether NUMBER is an infinity."
  (inf? number))

(define log
  (case-lambda
    ((number)
     "Return the natural logarithm of NUMBER, or its logarithm to BASE."
     ((@ (guile) log) number))
    ((number base)
     (/ ((@ (guile) log) number) ((@ (guile) log) base)))))

(define (real-valued? object)
  "Return whether OBJECT is a number equal to a real one."
  (and (number? object) (zero? (imag-part object))))

(define (rational-valued? object)
  "Return whether OBJECT is a number equal to a rational one."
  (and (real-valued? object) (rational? (real-part object))))

(define (integer-valued? object)
  "Return whether OBJECT is a number equal to an integer."
  (and (rational-valued? object) (integer? (real-part object))))

;;; x = n * d + m, with 0 <= m < |d| (div, mod) or -|d|/2 <= m < |d|/2.

(define (div n d)
  "Return the integer quotient of N and D that leaves no negative rest."
  (if (negative? d)
      (- (floor-division n (- d)))
      (floor-division n d)))

(define (floor-division n d)
  (if (and (exact-integer? n) (exact-integer? d))
      (floor-quotient n d)
      (floor (/ n d))))

(define (mod n d)
  "Return the rest that `div' leaves."
  (- n (* d (div n d))))

(define (div-and-mod n d)
  "Return what `div' and `mod' return, as two values."
  (let ((quotient (div n d)))
    (values quotient (- n (* d quotient)))))

(define (div0 n d)
  "Return the integer quotient of N and D whose rest is nearest to 0."
  (call-with-values (lambda () (div0-and-mod0 n d))
    (lambda (quotient rest) quotient)))

(define (mod0 n d)
  "Return the rest that `div0' leaves."
  (call-with-values (lambda () (div0-and-mod0 n d))
    (lambda (quotient rest) rest)))

(define (div0-and-mod0 n d)
  "Return what `div0' and `mod0' return, as two values."
  (let* ((quotient (div n d))
         (rest (- n (* d quotient))))
    (if (< (* 2 rest) (abs d))
        (values quotient rest)
        (if (negative? d)
            (values (- quotient 1) (+ rest d))
            (values (+ quotient 1) (- rest d))))))

(define (all-same? kind? objects)
  (or (null? objects)
      (and (kind? (car objects))
           (and-map (lambda (other) (eq? (car objects) other)) (cdr objects)))))

(define (boolean=? . objects)
  "Return whether all OBJECTS are the same boolean."
  (all-same? boolean? objects))

(define (symbol=? . objects)
  "Return whether all OBJECTS are the same symbol."
  (all-same? symbol? objects))

(define (vector-map f vector . vectors)
  "Return a vector of the values of F for the elements of the vectors."
  (list->vector (apply map f (vector->list vector) (map vector->list vectors))))

(define (vector-for-each f vector . vectors)
  "Call F with the elements of the vectors, in order."
  (if (null? vectors)
      (let ((length (vector-length vector)))
        (let loop ((index 0))
          (when (< index length)
            (f (vector-ref vector index))
            (loop (+ index 1)))))
      (apply for-each f (vector->list vector) (map vector->list vectors))))

(define (string-for-each f string . strings)
  "Call F with the characters of the strings, which are equally long, in order."
  (unless (and-map (lambda (other) (= (string-length other) (string-length string)))
                   strings)
    (assertion-violation 'string-for-each "string arguments must all have the same length"
                         (cons string strings)))
  (apply for-each f (string->list string) (map string->list strings)))

(define (complain kind who message irritants)
  (raise-exception-object
   (apply make-exception
          (append (list kind)
                  (if who (list (make-exception-with-origin who)) '())
                  (list (make-exception-with-message message)
                        (make-exception-with-irritants irritants))))))

(define (error who message . irritants)
  "Raise a condition of type &error with WHO, unless #f, MESSAGE and IRRITANTS."
  (complain (make-external-error) who message irritants))

(define (assertion-violation who message . irritants)
  "Raise a condition of type &assertion with WHO, unless #f, MESSAGE and
IRRITANTS."
  (complain (make-assertion-failure) who message irritants))

(define (assertion-failed expression)
  (raise-exception-object
   (make-exception
    (make-assertion-failure)
    (make-exception-with-message
     (string-append "assertion failed: "
                    (call-with-output-string
                      (lambda (port) (write expression port))))))))

(define-syntax-rule (assert expression)
  ;; The value of EXPRESSION; raises a condition of type &assertion when it is #f.
  (or expression (assertion-failed 'expression)))
