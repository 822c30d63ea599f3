;;; The arguments of a harness: which of them are options, and what these say.
;;;
;;; Only harnesses have options that fruix-scm knows; the arguments of any other
;;; program are its own.  `--NAME VALUE' and `--NAME=VALUE' are the same, a boolean
;;; is `--NAME', `--no-NAME' or `--NAME=yes', and `--' ends the options.

(define-module (fruix harness arguments)
  #:use-module (fruix native program)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (own-options
            own-option?
            argument-values
            check-options))

(define own-options
  ;; The options of every harness: name, what stands for its value or #f, meaning.
  '(("help" #f "show this, and do nothing else")
    ("list" #f "list the steps, as the text of the harness tells them")
    ("plan" #f "say what would happen, and touch nothing")
    ("from" "STEP" "do STEP and what follows it; take from --of what comes before")
    ("only" "STEP" "do STEP and end; take from --of what comes before")
    ("of" "RUN" "the run to take from: its identifier, or how that begins")))

(define (own-option? name)
  "Return #t when NAME, a string, is the name of an option of every harness."
  (and (assoc name own-options) #t))

(define (argument-values arguments name boolean?)
  "Return what ARGUMENTS, a list of strings, say for the option --NAME, in order: a
list of strings, and of booleans where the option stands without a value and is
BOOLEAN?.

Throw 'usage-error when a value is missing."
  (define option (string-append "--" name))
  (let loop ((arguments arguments) (found '()))
    (match arguments
      ((or () ("--" . _)) (reverse found))
      ((argument . rest)
       (cond ((string-prefix? (string-append option "=") argument)
              (loop rest
                    (cons (substring argument (+ 1 (string-length option)))
                          found)))
             ((and boolean? (string=? argument option))
              (loop rest (cons #t found)))
             ((and boolean? (string=? argument (string-append "--no-" name)))
              (loop rest (cons #f found)))
             ((string=? argument option)
              (match rest
                ((or () ("--" . _)) (refuse-without-value option))
                ((value . rest) (loop rest (cons value found)))))
             (else (loop rest found)))))))

(define (check-options file arguments parameters all-known?)
  "Check that each of ARGUMENTS that looks like an option is an option of every
harness or one of PARAMETERS, an association list from names to whether they are
booleans.  FILE is the program, as the user calls it.  When not ALL-KNOWN? there may
be more parameters: then only what is an option of fruix-scm is refused.

Throw 'usage-error with the nearest option that is known."
  (let loop ((arguments arguments))
    (match arguments
      ((or () ("--" . _)) #t)
      ((argument . rest)
       (if (looks-like-an-option? argument)
           (match (known argument parameters)
             ('whole (loop rest))
             ('with-value
              (match rest
                ((or () ("--" . _)) (refuse-without-value argument))
                ((_ . rest) (loop rest))))
             (#f
              (refuse-option file argument rest parameters all-known?)
              (loop rest)))
           (loop rest))))))

(define (refuse-without-value option)
  (refuse (format #f "the option `~a` takes a value" option) #f))

(define (looks-like-an-option? argument)
  (and (string-prefix? "-" argument)
       (> (string-length argument) 1)))

(define (option-of argument)
  (match (string-index argument #\=)
    (#f argument)
    (end (substring argument 0 end))))

(define (known argument parameters)
  "Return #f, or whether the option in ARGUMENT is `whole' or stands `with-value',
the next argument."
  (define (name-behind prefix)
    (let ((option (option-of argument)))
      (and (string-prefix? prefix option)
           (substring option (string-length prefix)))))
  (define has-value? (string-index argument #\=))
  (cond ((and=> (name-behind "--") (lambda (name) (assoc name own-options)))
         => (match-lambda
              ((name #f _)
               (when has-value?
                 (refuse (format #f "the option `--~a` takes no value" name) #f))
               'whole)
              (_ (if has-value? 'whole 'with-value))))
        ((and=> (name-behind "--") (lambda (name) (assoc name parameters)))
         => (match-lambda
              ((_ . boolean?) (if (or has-value? boolean?) 'whole 'with-value))))
        ((and (not has-value?) (name-behind "--no-"))
         => (lambda (name)
              (and (assoc-ref parameters name) 'whole)))
        (else #f)))

(define (refuse-option file argument rest parameters all-known?)
  (define option (option-of argument))
  (define of-harness
    (map (lambda (entry) (string-append "--" (car entry)))
         (append parameters own-options)))
  (define of-fruix-scm (%options-of-fruix-scm))
  (define nearest
    (if (assoc option of-fruix-scm)
        option
        (%nearest-word option (append of-harness (map car of-fruix-scm)))))
  ;; What was written, with the option that was meant.
  (define (mended)
    (string-append nearest
                   (substring argument (string-length option))
                   (if (and (assoc-ref of-fruix-scm nearest)
                            (string=? option argument)
                            (pair? rest))
                       (string-append " " (car rest))
                       "")
                   " "
                   (if (string=? file "-c") "-c EXPR" file)))
  (cond ((and nearest
              (not (member nearest of-harness))
              ;; A short word is near to many, and may be a parameter after all.
              (or all-known?
                  (string=? nearest option)
                  (>= (string-length option) 8)))
         (refuse
          (if (string=? nearest option)
              (format #f "cannot run `~a`: `~a` stands behind the harness, where fruix-scm does not look for its own options"
                      file argument)
              (format #f "cannot run `~a`: it has no option `~a`; the nearest is fruix-scm's own `~a`"
                      file argument nearest))
          (format #f "fruix-scm's own options stand before the file: `fruix-scm ~a`"
                  (mended))))
        ((not all-known?) #f)
        (else
         (refuse
          (format #f "cannot run `~a`: it has no option `~a`~a"
                  file argument
                  (if nearest
                      (format #f "; the nearest is `~a`" nearest)
                      ""))
          (format #f "options of this harness: ~a; behind `--` an argument is no option"
                  (string-join of-harness " "))))))

(define (refuse message hint)
  (throw 'usage-error #f "~A" (list message)
         (if hint `((hint . ,hint)) '())))
