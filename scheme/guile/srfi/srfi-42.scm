;;; SRFI 42: eager comprehensions.
;;;
;;; A generator is a macro that is given, before its own parts, what to do with
;;; the loop it stands for: `(:list (WHAT …) x l)' becomes, in one or more steps,
;;; `(WHAT … (:do (let OUTER …) LOOP TEST (let INNER …) TEST-AFTER STEPS))'.
;;; Qualifiers such as :while take the loop of another generator that way, change
;;; it and hand it on.

(define-module (srfi srfi-42)
  #:use-module (ice-9 control)
  #:use-module (srfi srfi-1)
  #:export (do-ec
            : :list :string :vector :integers :range :real-range :char-range :port
            :dispatched :do :let :parallel :while :until
            :-dispatch-ref :-dispatch-set! make-initial-:-dispatch dispatch-union
            :generator-proc
            fold-ec fold3-ec list-ec append-ec string-ec string-append-ec
            vector-ec vector-of-length-ec sum-ec product-ec min-ec max-ec
            any?-ec every?-ec first-ec last-ec))

;;; Qualifiers

(define-syntax do-ec
  ;; Do the last part for everything that the QUALIFIERs before it make.
  (syntax-rules (nested if not and or begin)
    ((_ command) command)
    ((_ (nested qualifier ...) rest ...) (do-ec qualifier ... rest ...))
    ((_ (if test) rest ...) (if test (do-ec rest ...)))
    ((_ (not test) rest ...) (if (not test) (do-ec rest ...)))
    ((_ (and test ...) rest ...) (if (and test ...) (do-ec rest ...)))
    ((_ (or test ...) rest ...) (if (or test ...) (do-ec rest ...)))
    ((_ (begin command ...) rest ...) (begin command ... (do-ec rest ...)))
    ((_ (generator part ...) rest ...)
     (generator (run-loop (do-ec rest ...)) part ...))))

(define-syntax run-loop
  (syntax-rules (:do let)
    ((_ command (:do (let outer before ...) loop-bindings test
                     (let inner each ...) test-after (step ...)))
     (let outer
       before ...
       (let loop loop-bindings
         (if test
             (let inner
               each ...
               command
               (if test-after (loop step ...)))))))))

(define-syntax :do
  (syntax-rules (let)
    ((_ (what ...) (let outer before ...) loop test (let inner each ...) after steps)
     (what ... (:do (let outer before ...) loop test (let inner each ...) after steps)))
    ((_ what loop test steps)
     (:do what (let ()) loop test (let ()) #t steps))))

(define-syntax :let
  (syntax-rules (index)
    ((_ what var (index i) expression)
     (:do what (let ((var expression) (i 0))) () #t (let ()) #f ()))
    ((_ what var expression)
     (:do what (let ((var expression))) () #t (let ()) #f ()))))

(define-syntax :parallel
  ;; Several generators in step, until the first of them ends.
  (syntax-rules ()
    ((_ what generator ...)
     (in-parallel what (generator ...) (:do (let ()) () #t (let ()) #t ())))))

(define-syntax in-parallel
  (syntax-rules ()
    ((_ (what ...) () loop) (what ... loop))
    ((_ what ((generator part ...) rest ...) loop)
     (generator (merge-loops what (rest ...) loop) part ...))))

(define-syntax merge-loops
  (syntax-rules (:do let)
    ((_ what rest
        (:do (let (outer ...) before ...) (loop ...) test
             (let (inner ...) each ...) after (step ...))
        (:do (let (outer* ...) before* ...) (loop* ...) test*
             (let (inner* ...) each* ...) after* (step* ...)))
     (in-parallel what rest
                  (:do (let (outer ... outer* ...) before ... before* ...)
                       (loop ... loop* ...)
                       (and test test*)
                       (let (inner ... inner* ...) each ... each* ...)
                       (and after after*)
                       (step ... step* ...))))))

(define-syntax :while
  ;; GENERATOR as long as TEST holds for what it makes.
  (syntax-rules ()
    ((_ what (generator part ...) test)
     (generator (stop-before what test) part ...))))

;; The test comes before the loop's inner variables are bound, so they are also
;; bound outside, and set.
(define-syntax stop-before
  (syntax-rules (:do let)
    ((_ (what ...) condition
        (:do (let (outer ...) before ...) loop test
             (let ((inner value) ...) each ...) after steps))
     (what ... (:do (let (outer ... (inner #f) ...) before ...) loop
                    (and test
                         (begin (set! inner value) ... each ... condition))
                    (let ((inner inner) ...)) after steps)))))

(define-syntax :until
  ;; GENERATOR up to and with the first that TEST holds for.
  (syntax-rules ()
    ((_ what (generator part ...) test)
     (generator (stop-after what test) part ...))))

(define-syntax stop-after
  (syntax-rules (:do let)
    ((_ (what ...) condition (:do outer loop test inner after steps))
     (what ... (:do outer loop test inner (and after (not condition)) steps)))))

;;; Generators

(define-syntax :integers
  (syntax-rules (index)
    ((_ what var (index i)) (:do what ((var 0) (i 0)) #t ((+ var 1) (+ i 1))))
    ((_ what var) (:do what ((var 0)) #t ((+ var 1))))))

(define-syntax :list
  (syntax-rules (index)
    ((_ what var (index i) list ...)
     (:parallel what (:list var list ...) (:integers i)))
    ((_ what var list)
     (:do what (let ()) ((rest list)) (pair? rest)
          (let ((var (car rest)))) #t ((cdr rest))))
    ((_ what var list ...)
     (:list what var (append list ...)))))

(define-syntax :string
  (syntax-rules (index)
    ((_ what var (index i) string)
     (:do what (let ((text string) (end 0)) (set! end (string-length text)))
          ((i 0)) (< i end)
          (let ((var (string-ref text i)))) #t ((+ i 1))))
    ((_ what var (index i) string ...)
     (:string what var (index i) (string-append string ...)))
    ((_ what var string ...)
     (:string what var (index i) string ...))))

(define-syntax :vector
  (syntax-rules (index)
    ((_ what var (index i) vector)
     (:do what (let ((elements vector) (end 0)) (set! end (vector-length elements)))
          ((i 0)) (< i end)
          (let ((var (vector-ref elements i)))) #t ((+ i 1))))
    ((_ what var (index i) vector ...)
     (:parallel what (:vector var vector ...) (:integers i)))
    ((_ what var vector)
     (:vector what var (index i) vector))
    ((_ what var vector ...)
     (:list what var (append (vector->list vector) ...)))))

(define (check-range . numbers)
  (for-each (lambda (number)
              (unless (real? number) (error "arguments are not real numbers:" numbers)))
            numbers)
  (when (zero? (last numbers)) (error "step size must not be zero in :range")))

(define-syntax :range
  ;; From FROM (default 0) up to but without TO, by STEP (default 1).
  (syntax-rules (index)
    ((_ what var (index i) part ...)
     (:parallel what (:range var part ...) (:integers i)))
    ((_ what var to) (:range what var 0 to 1))
    ((_ what var from to) (:range what var from to 1))
    ((_ what var from to step)
     (:do what
          (let ((first from) (end to) (by step)) (check-range first end by))
          ((var first))
          (if (< by 0) (> var end) (< var end))
          (let ()) #t ((+ var by))))))

(define-syntax :real-range
  (syntax-rules (index)
    ((_ what var (index i) to) (:real-range what var (index i) 0 to 1))
    ((_ what var (index i) from to) (:real-range what var (index i) from to 1))
    ((_ what var (index i) from to step)
     (:do what
          (let ((first from) (end to) (by step) (count 0))
            (check-range first end by)
            (set! count (/ (- end first) by))
            (when (or (inexact? end) (inexact? by)) (set! first (exact->inexact first))))
          ((i 0)) (< i count)
          (let ((var (+ first (* by i))))) #t ((+ i 1))))
    ((_ what var part ...)
     (:real-range what var (index i) part ...))))

(define-syntax :char-range
  (syntax-rules (index)
    ((_ what var (index i) from to)
     (:parallel what (:char-range var from to) (:integers i)))
    ((_ what var from to)
     (:do what
          (let ((end (char->integer to))) )
          ((code (char->integer from))) (<= code end)
          (let ((var (integer->char code)))) #t ((+ code 1))))))

(define-syntax :port
  (syntax-rules (index)
    ((_ what var (index i) part ...)
     (:parallel what (:port var part ...) (:integers i)))
    ((_ what var port) (:port what var port read))
    ((_ what var port read-one)
     (:do what (let ((source port) (next read-one)))
          ((var (next source))) (not (eof-object? var))
          (let ()) #t ((next source))))))

;;; Generators chosen at run time

(define-syntax :generator-proc
  ;; A procedure that returns, one by one, what GENERATOR makes, and after that
  ;; its argument.
  (syntax-rules ()
    ((_ (generator part ...))
     (generator (loop->procedure var) var part ...))))

(define-syntax loop->procedure
  (syntax-rules (:do let)
    ((_ var (:do (let outer before ...) ((loop first) ...) test
                 (let ((inner value) ...) each ...) after (step ...)))
     (let outer
       before ...
       (let ((loop first) ... (inner #f) ... (going? #t) (started? #f))
         (lambda (empty)
           (when (and going? started?)
             (if after
                 (step-all (step ...) () (loop ...))
                 (set! going? #f)))
           (set! started? #t)
           (if (and going? test)
               (begin
                 (set! inner value) ...
                 each ...
                 var)
               (begin
                 (set! going? #f)
                 empty))))))))

(define-syntax step-all
  (syntax-rules ()
    ((_ () ((temporary step) ...) (loop ...))
     (let ((temporary step) ...)
       (set! loop temporary) ...
       #f))
    ((_ (step rest ...) (done ...) loops)
     (step-all (rest ...) (done ... (temporary step)) loops))))

(define-syntax :dispatched
  (syntax-rules (index)
    ((_ what var (index i) dispatch part ...)
     (:parallel what (:dispatched var dispatch part ...) (:integers i)))
    ((_ what var dispatch part ...)
     (:do what
          (let ((next (dispatch-on dispatch (list part ...))) (empty (list #f))))
          ((var (next empty))) (not (eq? var empty))
          (let ()) #t ((next empty))))))

(define (dispatch-on dispatch arguments)
  (let ((generator (dispatch arguments)))
    (unless (procedure? generator)
      (error "unrecognized arguments in dispatching" arguments (dispatch '())))
    generator))

(define (dispatch-union first second)
  "Return a dispatcher that asks FIRST, then SECOND, and refuses what both know."
  (lambda (arguments)
    (let ((one (first arguments)) (two (second arguments)))
      (cond
       ((null? arguments)
        (append (if (list? one) one (list one))
                (if (list? two) two (list two))))
       ((and one two) (error "dispatching conflict" arguments (first '()) (second '())))
       (else (or one two))))))

(define (make-initial-:-dispatch)
  "Return the dispatcher that knows lists, strings, vectors, numbers, characters
and ports."
  (lambda (arguments)
    (define (all? predicate) (every predicate arguments))
    (define count (length arguments))
    (cond
     ((zero? count) 'SRFI42)
     ((all? list?) (:generator-proc (:list (apply append arguments))))
     ((all? string?) (:generator-proc (:string (apply string-append arguments))))
     ((all? vector?) (:generator-proc (:list (append-map vector->list arguments))))
     ((and (<= count 3) (all? exact-integer?))
      (case count
        ((1) (:generator-proc (:range (car arguments))))
        ((2) (:generator-proc (:range (car arguments) (cadr arguments))))
        (else (:generator-proc (:range (car arguments) (cadr arguments) (caddr arguments))))))
     ((and (<= count 3) (all? real?))
      (case count
        ((1) (:generator-proc (:real-range (car arguments))))
        ((2) (:generator-proc (:real-range (car arguments) (cadr arguments))))
        (else (:generator-proc
               (:real-range (car arguments) (cadr arguments) (caddr arguments))))))
     ((and (= count 2) (all? char?))
      (:generator-proc (:char-range (car arguments) (cadr arguments))))
     ((and (= count 1) (input-port? (car arguments)))
      (:generator-proc (:port (car arguments))))
     ((and (= count 2) (input-port? (car arguments)) (procedure? (cadr arguments)))
      (:generator-proc (:port (car arguments) (cadr arguments))))
     (else #f))))

(define :-dispatch (make-initial-:-dispatch))

(define (:-dispatch-ref)
  "Return the dispatcher that `:' uses."
  :-dispatch)

(define (:-dispatch-set! dispatch)
  "Let `:' use DISPATCH."
  (unless (procedure? dispatch) (error "not a procedure" dispatch))
  (set! :-dispatch dispatch))

(define-syntax :
  (syntax-rules (index)
    ((_ what var (index i) part ...)
     (:dispatched what var (index i) :-dispatch part ...))
    ((_ what var part ...)
     (:dispatched what var :-dispatch part ...))))

;;; Comprehensions

(define-syntax fold3-ec
  ;; X0 if there is nothing; else (F1 FIRST), then (F2 NEXT RESULT).
  (syntax-rules ()
    ((_ x0 qualifier ... expression f1 f2)
     (let ((result #f) (empty? #t))
       (do-ec qualifier ...
              (let ((value expression))
                (if empty?
                    (begin (set! result (f1 value)) (set! empty? #f))
                    (set! result (f2 value result)))))
       (if empty? x0 result)))))

(define-syntax fold-ec
  ;; The last of X0, (F FIRST X0), ….
  (syntax-rules ()
    ((_ x0 qualifier ... expression f)
     (let ((result x0))
       (do-ec qualifier ... (set! result (f expression result)))
       result))))

(define-syntax-rule (list-ec part ...)
  (reverse! (fold-ec '() part ... cons)))

(define-syntax-rule (append-ec part ...)
  (apply append (list-ec part ...)))

(define-syntax-rule (string-ec part ...)
  (list->string (list-ec part ...)))

(define-syntax-rule (string-append-ec part ...)
  (apply string-append (list-ec part ...)))

(define-syntax-rule (vector-ec part ...)
  (list->vector (list-ec part ...)))

(define-syntax vector-of-length-ec
  (syntax-rules ()
    ((_ length qualifier ... expression)
     (let* ((end length) (elements (make-vector end)) (next 0))
       (do-ec qualifier ...
              (if (< next end)
                  (begin
                    (vector-set! elements next expression)
                    (set! next (+ next 1)))
                  (error "vector is too short for the comprehension")))
       (if (= next end)
           elements
           (error "vector is too long for the comprehension"))))))

(define-syntax-rule (sum-ec part ...) (fold-ec 0 part ... +))
(define-syntax-rule (product-ec part ...) (fold-ec 1 part ... *))
(define-syntax-rule (min-ec part ...)
  (fold3-ec (error "empty comprehension in min-ec") part ... identity min))
(define-syntax-rule (max-ec part ...)
  (fold3-ec (error "empty comprehension in max-ec") part ... identity max))

(define-syntax last-ec
  ;; The last value, or DEFAULT.
  (syntax-rules ()
    ((_ default qualifier ... expression)
     (let ((result default))
       (do-ec qualifier ... (set! result expression))
       result))))

(define-syntax first-ec
  ;; The first value, or DEFAULT; what comes after is not computed.
  (syntax-rules ()
    ((_ default qualifier ... expression)
     (let ((value-if-none default))
       (let/ec return
         (do-ec qualifier ... (return expression))
         value-if-none)))))

(define-syntax any?-ec
  (syntax-rules (nested)
    ((_ qualifier ... test)
     (first-ec #f qualifier ... (if test) #t))))

(define-syntax every?-ec
  (syntax-rules ()
    ((_ qualifier ... test)
     (first-ec #t qualifier ... (if (not test)) #f))))
