;;; SRFI 37: `args-fold', a program argument processor.

(define-module (srfi srfi-37)
  #:use-module (srfi srfi-9)
  #:export (option
            option-names option-required-arg? option-optional-arg?
            option-processor
            args-fold))

(define-record-type <option>
  (option names required-arg? optional-arg? processor)
  option?
  (names         option-names)           ;list of characters and strings
  (required-arg? option-required-arg?)   ;boolean
  (optional-arg? option-optional-arg?)   ;boolean
  (processor     option-processor))      ;option name argument seed ... -> seeds

(define (find-option options name)
  (let loop ((options options))
    (cond ((null? options) #f)
          ((member name (option-names (car options))) (car options))
          (else (loop (cdr options))))))

(define (args-fold args options unrecognized-option-proc operand-proc . seeds)
  "Return the last seeds, as values, of going through ARGS, a list of strings,
as a program's arguments.  Each of OPTIONS that occurs calls its processor with
the option, the name as used, its argument or #f, and the seeds; an option not
among them calls UNRECOGNIZED-OPTION-PROC likewise, with an option made for the
occasion; anything else, and everything after `--', calls OPERAND-PROC with the
argument and the seeds.  The values of each call are the next seeds."
  (define (process option name argument seeds continue)
    (call-with-values
        (lambda ()
          (apply (option-processor option) option name argument seeds))
      (lambda seeds (continue seeds))))

  (define (unrecognized name)
    (option (list name) #f #f unrecognized-option-proc))

  (define (complain message name)
    (scm-error 'misc-error "args-fold" message (list name) #f))

  (define (operand argument seeds continue)
    (call-with-values (lambda () (apply operand-proc argument seeds))
      (lambda seeds (continue seeds))))

  ;; "--name" or "--name=argument".  A long option's argument is never the
  ;; next word, as in Guile.
  (define (long-option text rest seeds)
    (let* ((equals (string-index text #\=))
           (name (substring text 2 (or equals (string-length text))))
           (argument (and equals (substring text (+ equals 1))))
           (option (find-option options name)))
      (cond
       ((not option)
        (let ((name (substring text 2)))
          (process (unrecognized name) name #f seeds
                   (lambda (seeds) (next rest seeds)))))
       ((and (option-required-arg? option) (not argument))
        (complain "Missing required argument after `--~A'" name))
       ((and argument
             (not (option-required-arg? option))
             (not (option-optional-arg? option)))
        (complain "Extraneous argument after `--~A'" name))
       (else
        (process option name argument seeds
                 (lambda (seeds) (next rest seeds)))))))

  ;; The letters of "-abc" from INDEX on.
  (define (short-options text index rest seeds)
    (if (= index (string-length text))
        (next rest seeds)
        (let* ((name (string-ref text index))
               (option (or (find-option options name) (unrecognized name)))
               (required? (option-required-arg? option))
               (optional? (option-optional-arg? option))
               (after (+ index 1))
               (more? (< after (string-length text))))
          (cond
           ((and more? (or required? optional?))
            (process option name (substring text after) seeds
                     (lambda (seeds) (next rest seeds))))
           ((and (pair? rest) (or required? optional?))
            (process option name (car rest) seeds
                     (lambda (seeds) (next (cdr rest) seeds))))
           (required?
            (complain "Missing required argument after `-~A'" name))
           (else
            (process option name #f seeds
                     (lambda (seeds)
                       (short-options text after rest seeds))))))))

  (define (operands args seeds)
    (if (null? args)
        (apply values seeds)
        (operand (car args) seeds
                 (lambda (seeds) (operands (cdr args) seeds)))))

  (define (next args seeds)
    (if (null? args)
        (apply values seeds)
        (let ((argument (car args))
              (rest (cdr args)))
          (cond
           ((string=? argument "--")
            (operands rest seeds))
           ((and (> (string-length argument) 2)
                 (string-prefix? "--" argument))
            (long-option argument rest seeds))
           ((and (> (string-length argument) 1)
                 (char=? (string-ref argument 0) #\-))
            (short-options argument 1 rest seeds))
           (else
            (operand argument seeds
                     (lambda (seeds) (next rest seeds))))))))

  (next args seeds))
