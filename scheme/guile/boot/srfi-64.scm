;;; SRFI 64: test suites.  The module's macros expand to calls of these.
;;;
;;; Source: SRFI 64.

(define %test-runner-fields
  '(tag pass-count fail-count xpass-count xfail-count skip-count
    skip-list fail-list run-list group-stack total-count count-list
    on-test-begin on-test-end on-group-begin on-group-end on-final
    on-bad-count on-bad-end-name result-alist aux-value log-port fail-save skip-save))

(define %test-runner-tag (list 'test-runner))

(define (%test-alloc)
  (let ((runner (make-vector 24 0)))
    (vector-set! runner 0 %test-runner-tag)
    (vector-set! runner 6 '())
    (vector-set! runner 7 '())
    (vector-set! runner 8 #t)
    (vector-set! runner 9 '())
    (vector-set! runner 11 '())
    (for-each (lambda (index) (vector-set! runner index (lambda (runner) #f)))
              '(12 13 15 16))
    (vector-set! runner 14 (lambda (runner name count) #f))
    (vector-set! runner 17 (lambda (runner count expected) #f))
    (vector-set! runner 18 (lambda (runner begin-name end-name) #f))
    (vector-set! runner 19 '())
    (vector-set! runner 20 #f)
    (vector-set! runner 21 #f)
    runner))

(define (test-runner? object)
  "Return whether OBJECT is a test runner."
  (and (vector? object)
       (eqv? (vector-length object) 24)
       (eq? (vector-ref object 0) %test-runner-tag)))

(define (test-runner-pass-count runner)
  "Return how many tests have passed."
  (vector-ref runner 1))
(define (test-runner-fail-count runner)
  "Return how many tests have failed."
  (vector-ref runner 2))
(define (test-runner-xpass-count runner)
  "Return how many tests have passed that were to fail."
  (vector-ref runner 3))
(define (test-runner-xfail-count runner)
  "Return how many tests have failed as they were to."
  (vector-ref runner 4))
(define (test-runner-skip-count runner)
  "Return how many tests were left out."
  (vector-ref runner 5))
(define (test-runner-group-stack runner)
  "Return the names of the groups that are open, the innermost first."
  (vector-ref runner 9))
(define (test-runner-pass-count! runner value)
  "Make VALUE how many tests have passed."
  (vector-set! runner 1 value))
(define (test-runner-fail-count! runner value)
  "Make VALUE how many tests have failed."
  (vector-set! runner 2 value))
(define (test-runner-xpass-count! runner value)
  "Make VALUE how many tests have passed that were to fail."
  (vector-set! runner 3 value))
(define (test-runner-xfail-count! runner value)
  "Make VALUE how many tests have failed as they were to."
  (vector-set! runner 4 value))
(define (test-runner-skip-count! runner value)
  "Make VALUE how many tests were left out."
  (vector-set! runner 5 value))
(define (test-runner-group-stack! runner value)
  "Make VALUE the names of the groups that are open, the innermost first."
  (vector-set! runner 9 value))
(define (test-runner-on-test-begin runner)
  "Return what is called with RUNNER before a test."
  (vector-ref runner 12))
(define (test-runner-on-test-end runner)
  "Return what is called with RUNNER after a test."
  (vector-ref runner 13))
(define (test-runner-on-group-begin runner)
  "Return what is called with RUNNER, a name and a count before a group."
  (vector-ref runner 14))
(define (test-runner-on-group-end runner)
  "Return what is called with RUNNER after a group."
  (vector-ref runner 15))
(define (test-runner-on-final runner)
  "Return what is called with RUNNER after the outermost group."
  (vector-ref runner 16))
(define (test-runner-on-bad-count runner)
  "Return what is called with RUNNER and two counts when a group had another number
of tests than it said."
  (vector-ref runner 17))
(define (test-runner-on-bad-end-name runner)
  "Return what is called with RUNNER and two names when a group ends by the name of
another."
  (vector-ref runner 18))
(define (test-runner-aux-value runner)
  "Return what the owner of RUNNER keeps there."
  (vector-ref runner 20))
(define (test-runner-on-test-begin! runner value)
  "Make VALUE what is called with RUNNER before a test."
  (vector-set! runner 12 value))
(define (test-runner-on-test-end! runner value)
  "Make VALUE what is called with RUNNER after a test."
  (vector-set! runner 13 value))
(define (test-runner-on-group-begin! runner value)
  "Make VALUE what is called with RUNNER, a name and a count before a group."
  (vector-set! runner 14 value))
(define (test-runner-on-group-end! runner value)
  "Make VALUE what is called with RUNNER after a group."
  (vector-set! runner 15 value))
(define (test-runner-on-final! runner value)
  "Make VALUE what is called with RUNNER after the outermost group."
  (vector-set! runner 16 value))
(define (test-runner-on-bad-count! runner value)
  "Make VALUE what is called with RUNNER and two counts when a group had another
number of tests than it said."
  (vector-set! runner 17 value))
(define (test-runner-on-bad-end-name! runner value)
  "Make VALUE what is called with RUNNER and two names when a group ends by the
name of another."
  (vector-set! runner 18 value))
(define (test-runner-aux-value! runner value)
  "Make VALUE what the owner of RUNNER keeps there."
  (vector-set! runner 20 value))
(define (test-result-alist runner)
  "Return what is known of the test that runs or ran last, an association list."
  (vector-ref runner 19))
(define (test-result-alist! runner value)
  "Make VALUE what is known of the test that runs or ran last."
  (vector-set! runner 19 value))

(define (test-runner-group-path runner)
  "Return the names of the groups that RUNNER is in, outermost first."
  (reverse (test-runner-group-stack runner)))

(define (test-runner-reset runner)
  "Forget all results of RUNNER."
  (vector-set! runner 19 '())
  (for-each (lambda (index) (vector-set! runner index 0)) '(1 2 3 4 5 10))
  (vector-set! runner 6 '())
  (vector-set! runner 7 '())
  (vector-set! runner 9 '())
  (vector-set! runner 11 '()))

(define (test-runner-null)
  "Return a runner that reports nothing."
  (%test-alloc))

(define (test-runner-simple)
  "Return the runner that reports on the current output port and in a log."
  (let ((runner (%test-alloc)))
    (test-runner-on-group-begin! runner test-on-group-begin-simple)
    (test-runner-on-group-end! runner test-on-group-end-simple)
    (test-runner-on-final! runner test-on-final-simple)
    (test-runner-on-test-begin! runner test-on-test-begin-simple)
    (test-runner-on-test-end! runner test-on-test-end-simple)
    (test-runner-on-bad-count! runner test-on-bad-count-simple)
    (test-runner-on-bad-end-name! runner test-on-bad-end-name-simple)
    runner))

(define test-runner-current (make-parameter #f))

(define test-runner-factory (make-parameter (lambda () (test-runner-simple))))

(define (test-runner-create)
  "Return a new runner."
  ((test-runner-factory)))

(define (test-runner-get)
  "Return the current runner, which must exist."
  (or (test-runner-current)
      (error "test-runner not initialized - test-begin missing?")))

(define %test-log-to-file #t)

;;; Groups.

(define* (%test-begin name #:optional (count #f))
  "Begin the group called NAME, in which COUNT tests are expected."
  (if (not (test-runner-current))
      (let ((runner (test-runner-create)))
        (vector-set! runner 8 'implicit)
        (test-runner-current runner)))
  (let ((runner (test-runner-current)))
    ((test-runner-on-group-begin runner) runner name count)
    (vector-set! runner 22 (cons (vector-ref runner 7)
                                 (if (pair? (vector-ref runner 22)) (vector-ref runner 22) '())))
    (vector-set! runner 23 (cons (vector-ref runner 6)
                                 (if (pair? (vector-ref runner 23)) (vector-ref runner 23) '())))
    (vector-set! runner 11 (cons (cons (vector-ref runner 10) count)
                                 (vector-ref runner 11)))
    (vector-set! runner 9 (cons name (vector-ref runner 9)))))

(define* (%test-end #:optional (name #f))
  "End the innermost group, which should be called NAME."
  (let* ((runner (test-runner-get))
         (groups (test-runner-group-stack runner)))
    (if (null? groups)
        (error "test-end not in a group"))
    (if (and name (not (equal? name (car groups))))
        ((test-runner-on-bad-end-name runner) runner name (car groups)))
    (let* ((count (car (vector-ref runner 11)))
           (expected (cdr count))
           (actual (- (vector-ref runner 10) (car count))))
      (if (and expected (not (eqv? expected actual)))
          ((test-runner-on-bad-count runner) runner actual expected))
      ((test-runner-on-group-end runner) runner)
      (vector-set! runner 9 (cdr groups))
      (vector-set! runner 11 (cdr (vector-ref runner 11)))
      (vector-set! runner 7 (car (vector-ref runner 22)))
      (vector-set! runner 6 (car (vector-ref runner 23)))
      (vector-set! runner 22 (cdr (vector-ref runner 22)))
      (vector-set! runner 23 (cdr (vector-ref runner 23)))
      (if (null? (vector-ref runner 9))
          (begin
            ((test-runner-on-final runner) runner)
            (if (eq? (vector-ref runner 8) 'implicit)
                (test-runner-current #f)))))))

(define (%test-group name thunk)
  (let ((runner (or (test-runner-current)
                    (let ((runner (test-runner-create)))
                      (vector-set! runner 8 'implicit)
                      (test-runner-current runner)
                      runner))))
    (test-result-alist! runner (list (cons 'test-name name)))
    (if (%test-should-execute runner)
        (dynamic-wind
          (lambda () (%test-begin name))
          thunk
          (lambda () (%test-end name))))))

;;; Choosing tests.

(define (%test-specifier value)
  (cond ((procedure? value) value)
        ((integer? value) (test-match-nth 1 value))
        ((string? value) (test-match-name value))
        (else (error "not a valid test specifier"))))

(define (test-match-name name)
  "Return a specifier for the tests called NAME."
  (lambda (runner)
    (equal? name (test-runner-test-name runner))))

(define* (test-match-nth n #:optional (count 1))
  "Return a specifier for COUNT tests from the Nth on."
  (let ((seen 0))
    (lambda (runner)
      (set! seen (+ seen 1))
      (and (>= seen n) (< seen (+ n count))))))

(define (test-match-any . specifiers)
  "Return a specifier for the tests that one of SPECIFIERS matches."
  (let ((specifiers (map %test-specifier specifiers)))
    (lambda (runner)
      (let loop ((rest specifiers) (result #f))
        (if (null? rest)
            result
            (loop (cdr rest) (or ((car rest) runner) result)))))))

(define (test-match-all . specifiers)
  "Return a specifier for the tests that all of SPECIFIERS match."
  (let ((specifiers (map %test-specifier specifiers)))
    (lambda (runner)
      (let loop ((rest specifiers) (result #t))
        (if (null? rest)
            result
            (let ((this ((car rest) runner)))
              (loop (cdr rest) (and result this))))))))

(define (%test-skip . specifiers)
  "Skip the tests that all of SPECIFIERS match."
  (let ((runner (test-runner-get)))
    (vector-set! runner 6 (cons (apply test-match-all specifiers) (vector-ref runner 6)))))

(define (%test-expect-fail . specifiers)
  "Expect the tests that all of SPECIFIERS match to fail."
  (let ((runner (test-runner-get)))
    (vector-set! runner 7 (cons (apply test-match-all specifiers) (vector-ref runner 7)))))

(define (%test-any-specifier specifiers runner)
  (let loop ((rest specifiers) (result #f))
    (if (null? rest)
        result
        (loop (cdr rest) (or ((car rest) runner) result)))))

(define (%test-should-execute runner)
  (let ((run (vector-ref runner 8)))
    (cond
     ((or (and (pair? run) (not (%test-any-specifier run runner)))
          (%test-any-specifier (vector-ref runner 6) runner))
      (test-result-set! runner 'result-kind 'skip)
      #f)
     ((%test-any-specifier (vector-ref runner 7) runner)
      (test-result-set! runner 'result-kind 'xfail)
      'xfail)
     (else #t))))

(define (test-apply first . rest)
  "Run the thunk that comes last with a runner and the tests that specifiers match."
  (if (test-runner? first)
      (%test-with-runner first (lambda () (apply test-apply rest)))
      (let ((runner (test-runner-current))
            (arguments (reverse (cons first rest))))
        (if runner
            (let ((run (vector-ref runner 8)))
              (if (pair? (cdr arguments))
                  (vector-set! runner 8 (map %test-specifier (reverse (cdr arguments)))))
              ((car arguments))
              (vector-set! runner 8 run))
            (let ((runner (test-runner-create)))
              (%test-with-runner runner (lambda () (apply test-apply first rest)))
              ((test-runner-on-final runner) runner))))))

(define (%test-with-runner runner thunk)
  (let ((before (test-runner-current)))
    (dynamic-wind
      (lambda () (test-runner-current runner))
      thunk
      (lambda () (test-runner-current before)))))

;;; Results.

(define* (test-result-ref runner key #:optional (default #f))
  "Return the property KEY of the current test."
  (let ((entry (assq key (test-result-alist runner))))
    (if entry (cdr entry) default)))

(define (test-result-set! runner key value)
  "Make VALUE the property KEY of the current test."
  (let ((entry (assq key (test-result-alist runner))))
    (if entry
        (set-cdr! entry value)
        (test-result-alist! runner (cons (cons key value) (test-result-alist runner))))))

(define (test-result-remove runner key)
  "Take the property KEY away from the current test."
  (test-result-alist! runner
                      (filter (lambda (entry) (not (eq? (car entry) key)))
                              (test-result-alist runner))))

(define (test-result-clear runner)
  "Take all properties away from the current test."
  (test-result-alist! runner '()))

(define* (test-result-kind #:optional (runner (test-runner-current)))
  "Return the kind of the last result: pass, fail, xpass, xfail or skip."
  (test-result-ref runner 'result-kind))

(define* (test-passed? #:optional (runner (test-runner-get)))
  "Return whether the last test passed."
  (and (memq (test-result-ref runner 'result-kind) '(pass xpass)) #t))

(define (test-runner-test-name runner)
  "Return the name of the current test."
  (test-result-ref runner 'test-name ""))

;;; One test.  PROCEDURE sets properties and returns whether the test holds.

(define (%test-run location form name procedure)
  (let ((runner (test-runner-get)))
    (test-result-alist! runner
                        (append (if name (list (cons 'test-name name)) '())
                                (list (cons 'source-form form))
                                (if location
                                    (list (cons 'source-file (assq-ref location 'filename))
                                          (cons 'source-line (+ 1 (or (assq-ref location 'line) 0)))
                                          (cons 'source-column (assq-ref location 'column)))
                                    '())))
    (%test-should-execute runner)
    ((test-runner-on-test-begin runner) runner)
    (if (not (eq? 'skip (test-result-ref runner 'result-kind)))
        (%test-report runner (procedure runner))
        (%test-report runner #f))))

(define (%test-report runner holds?)
  (let* ((kind (test-result-ref runner 'result-kind))
         (kind (cond ((eq? kind 'skip) 'skip)
                     ((eq? kind 'xfail) (if holds? 'xpass 'xfail))
                     (holds? 'pass)
                     (else 'fail)))
         (index (case kind
                  ((pass) 1) ((fail) 2) ((xpass) 3) ((xfail) 4) (else 5))))
    (test-result-set! runner 'result-kind kind)
    (vector-set! runner index (+ 1 (vector-ref runner index)))
    (vector-set! runner 10 (+ 1 (vector-ref runner 10)))
    ((test-runner-on-test-end runner) runner)))

(define (%test-value runner thunk)
  (catch #t
    thunk
    (lambda error
      (test-result-set! runner 'actual-error error)
      #f)))

(define (%test-assert location form name thunk)
  (%test-run location form name
             (lambda (runner)
               (let ((value (%test-value runner thunk)))
                 (test-result-set! runner 'actual-value value)
                 value))))

(define (%test-compare location form name same? expected thunk)
  (%test-run location form name
             (lambda (runner)
               (test-result-set! runner 'expected-value expected)
               (let ((value (%test-value runner thunk)))
                 (test-result-set! runner 'actual-value value)
                 (and (not (test-result-ref runner 'actual-error))
                      (same? expected value))))))

(define (%test-approximate location form name expected thunk tolerance)
  (%test-compare location form name
                 (lambda (expected value)
                   (and (number? value)
                        (>= value (- expected tolerance))
                        (<= value (+ expected tolerance))))
                 expected thunk))

(define (%test-error location form name type thunk)
  (%test-run location form name
             (lambda (runner)
               (test-result-set! runner 'expected-error type)
               (catch #t
                 (lambda ()
                   (test-result-set! runner 'actual-value (thunk))
                   #f)
                 (lambda error
                   (test-result-set! runner 'actual-error error)
                   (if (procedure? type)
                       (type (if (eq? (car error) '%exception) (cadr error) error))
                       #t))))))

(define (test-read-eval-string string)
  "Evaluate the one expression in STRING."
  (let* ((port (open-input-string string))
         (form (read port)))
    (if (eof-object? (read-char port))
        (eval form (current-module))
        (error "(not at eof)"))))

;;; The simple runner.

(define (%test-log runner . parts)
  (let ((log (vector-ref runner 21)))
    (if log
        (for-each (lambda (part) (display part log)) parts))))

(define (test-on-group-begin-simple runner name count)
  "Say that a suite begins, and open its log."
  (if (null? (test-runner-group-stack runner))
      (let ((file (and %test-log-to-file
                       (if (string? %test-log-to-file)
                           %test-log-to-file
                           (string-append
                            (string-map (lambda (c) (if (eqv? c #\/) #\_ c))
                                        (if (symbol? name) (symbol->string name) name))
                            ".log")))))
        (display "%%%% Starting test ")
        (display name)
        (if file
            (let ((log (false-if-exception-procedure (lambda () (open-output-file file)))))
              (vector-set! runner 21 log)
              (display "  (Writing full log to \"")
              (display file)
              (display "\")")
              (%test-log runner "%%%% Starting test " name "\n")))
        (newline)))
  (%test-log runner "Group begin: " name "\n"))

(define (test-on-group-end-simple runner)
  "Note in the log that a group ends."
  (%test-log runner "Group end: " (car (test-runner-group-stack runner)) "\n"))

(define (%test-log-property runner entry)
  (let ((log (vector-ref runner 21)))
    (if log
        (begin
          (display "  " log)
          (display (car entry) log)
          (display ": " log)
          (write (cdr entry) log)
          (newline log)))))

(define (test-on-test-begin-simple runner)
  "Note in the log that a test begins."
  (%test-log runner "Test begin:\n")
  (for-each (lambda (key)
              (let ((entry (assq key (test-result-alist runner))))
                (if entry (%test-log-property runner entry))))
            '(test-name source-file source-line source-form)))

(define (test-on-test-end-simple runner)
  "Say that a test failed, and note its result in the log."
  (let ((kind (test-result-ref runner 'result-kind)))
    (if (memq kind '(fail xpass))
        (let ((file (test-result-ref runner 'source-file))
              (line (test-result-ref runner 'source-line))
              (name (test-runner-test-name runner)))
          (if file (begin (display file) (display ":")))
          (if line (begin (display line) (display ": ")))
          (display (if (eq? kind 'xpass) "XPASS" "FAIL"))
          (if (not (equal? name ""))
              (begin (display " ") (display name)))
          (newline)))
    (%test-log runner "Test end:\n")
    (for-each (lambda (entry)
                (if (not (memq (car entry) '(test-name source-file source-line source-form)))
                    (%test-log-property runner entry)))
              (test-result-alist runner))))

(define (test-on-bad-count-simple runner count expected)
  "Say that a group had another number of tests than expected."
  (let ((text (string-append "*** Total number of tests was " (number->string count)
                             " but should be " (number->string expected) ". ***\n"
                             "*** Discrepancy indicates testsuite error or
exceptions. ***\n")))
    (display text)
    (%test-log runner text)))

(define (test-on-bad-end-name-simple runner begin-name end-name)
  "Raise an error: a group ended under another name."
  (error (string-append "test-end " (object->string begin-name)
                        " does not match test-begin " (object->string end-name))))

(define (test-on-final-simple runner)
  "Say how many tests passed and failed."
  (let ((report
         (lambda (label count)
           (if (> count 0)
               (let ((text (string-append label (number->string count) "\n")))
                 (display text)
                 (%test-log runner text))))))
    (report "# of expected passes      " (test-runner-pass-count runner))
    (report "# of expected failures    " (test-runner-xfail-count runner))
    (report "# of unexpected successes " (test-runner-xpass-count runner))
    (report "# of unexpected failures  " (test-runner-fail-count runner))
    (report "# of skipped tests        " (test-runner-skip-count runner))
    (if (vector-ref runner 21)
        (begin
          (close-port (vector-ref runner 21))
          (vector-set! runner 21 #f)))))
