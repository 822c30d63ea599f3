;;; What the prompt says about the calls that evaluating a form makes: `,trace' and
;;; `,profile'.
;;;
;;; For as long as the form runs, the procedures that the current module and the user's
;;; other modules define are watched: their variables hold procedures that tell of each
;;; call.  Those that a program has kept elsewhere, such as in a list, are not seen.

(define-module (fruix prompt calls)
  #:use-module ((guile internal) #:select (%all-modules))
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (trace-calls
            profile-calls
            forget-calls
            print-profile))

;; How to undo the watching: a list of thunks.
(define %watched '())

(define (users-module? module)
  "Return whether MODULE is one that the user has written: the current one, or one that
was read from a file on this machine."
  (or (eq? module (current-module))
      (let ((file (module-filename module)))
        (and (string? file)
             (absolute-file-name? file)
             (file-exists? file)))))

(define (watch-calls! watched)
  "Let each procedure of the user's modules be replaced by what WATCHED, called with its
name and the procedure, returns."
  (for-each (lambda (module)
              (module-for-each
               (lambda (name variable)
                 (let ((value (and (variable-bound? variable) (variable-ref variable))))
                   (when (and (procedure? value) (not (procedure-with-setter? value)))
                     (variable-set! variable (watched name value))
                     (set! %watched
                           (cons (lambda () (variable-set! variable value)) %watched)))))
               module))
            (filter users-module? (%all-modules))))

(define (forget-calls)
  "Watch no calls any more."
  (for-each (lambda (undo) (undo)) %watched)
  (set! %watched '()))

;;;
;;; Tracing.
;;;

(define %depth (make-parameter 0))

(define (tell text)
  "Print TEXT behind a mark for each call that is open."
  (display "trace: ")
  (display (string-concatenate (make-list (%depth) "|  ")))
  (display text)
  (newline))

(define (written object)
  (call-with-output-string (lambda (port) (write object port))))

(define (trace-calls)
  "Print each call of the user's procedures, and what it returns, from now on."
  (watch-calls!
   (lambda (name procedure)
     (lambda arguments
       (tell (written (cons name arguments)))
       (call-with-values
           (lambda ()
             (parameterize ((%depth (+ 1 (%depth))))
               (apply procedure arguments)))
         (lambda results
           (tell (string-join (map written results) " "))
           (apply values results)))))))

;;;
;;; Profiling.
;;;

(define-record-type <share>
  (make-share name calls total self)
  share?
  (name  share-name)
  (calls share-calls set-share-calls!)
  (total share-total set-share-total!)        ;with what it called, in internal time units
  (self  share-self set-share-self!))

(define %shares '())

;; The calls that are open, innermost first: boxes of the time that calls in them took.
(define %open (make-parameter '()))

(define (profile-calls)
  "Count and time the calls of the user's procedures from now on."
  (set! %shares '())
  (watch-calls!
   (lambda (name procedure)
     (let ((share (make-share name 0 0 0)))
       (set! %shares (cons share %shares))
       (lambda arguments
         (let ((began (get-internal-real-time))
               (inner (list 0))
               (again? (any (lambda (call) (eq? share (cdr call))) (%open))))
           (define (account!)
             (let ((taken (- (get-internal-real-time) began)))
               (set-share-calls! share (+ 1 (share-calls share)))
               (set-share-self! share (+ (share-self share) (- taken (car inner))))
               ;; Of calls within each other the outermost has all the time.
               (unless again?
                 (set-share-total! share (+ (share-total share) taken)))
               (match (%open)
                 (((outer . _) . _) (set-car! outer (+ (car outer) taken)))
                 (() #t))))
           (call-with-values
               (lambda ()
                 (parameterize ((%open (cons (cons inner share) (%open))))
                   (apply procedure arguments)))
             (lambda results
               (account!)
               (apply values results)))))))))

(define (seconds time)
  "Return TIME, in internal time units, as seconds with three digits."
  (let* ((thousandths (round (/ (* 1000 time) internal-time-units-per-second)))
         (text (string-pad (number->string (inexact->exact thousandths)) 4 #\0)))
    (if (< thousandths 10000)
        (string-append (string-take text 1) "." (string-drop text 1))
        (let ((whole (number->string (inexact->exact thousandths))))
          (string-append (string-drop-right whole 3) "." (string-take-right whole 3))))))

(define (print-profile)
  "Print which procedures took how long, those that took longest themselves first."
  (define (column text)
    (string-pad text 10))
  (match (filter (lambda (share) (> (share-calls share) 0)) %shares)
    (() (display "No procedure of yours was called.\n"))
    (shares
     (let ((all (fold + 0 (map share-self shares))))
       (display (string-append (string-pad "% time" 6) (column "self s")
                               (column "total s") (column "calls") "  procedure\n"))
       (for-each
        (lambda (share)
          (display (string-append
                    (string-pad (number->string
                                 (if (zero? all)
                                     0
                                     (inexact->exact
                                      (round (/ (* 100 (share-self share)) all)))))
                                6)
                    (column (seconds (share-self share)))
                    (column (seconds (share-total share)))
                    (column (number->string (share-calls share)))
                    "  " (symbol->string (share-name share))))
          (newline))
        (sort shares (lambda (one other)
                       (> (share-self one) (share-self other)))))))))
