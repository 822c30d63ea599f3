;;; Tests in SRFI-64, run for `fruix-scm test': each file in a process of its own, whose
;;; results another process reads.
;;;
;;; A result is a line of JSON; see `test-file'.

(define-module (fruix testing)
  #:use-module (fruix json)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-64)
  #:export (test-file))

(define (test-file file results)
  "Load FILE, a program in SRFI-64, and append to the file RESULTS a line of JSON for each
test that it makes: name, group, kind (pass, fail, xpass, xfail or skip), place, seconds,
expected and actual.

A group that has another number of tests than it said, and one that does not end, are
tests that fail.  What FILE throws leaves this procedure; runners that it makes itself
are its own."
  (let ((port (open-file results "a")))
    (define (tell! . entries)
      (display (scm->json (filter cdr entries)) port)
      (newline port)
      (force-output port))
    (set-program-arguments (list file))
    (let ((runner (recording-runner tell!)))
      (test-runner-factory (lambda () runner))
      (load file)
      (for-each (lambda (group)
                  (tell! `(name . ,(string-append (written-name group) " ends"))
                         '(kind . "fail")
                         '(expected . "test-end")
                         '(actual . "the end of the file")))
                (test-runner-group-stack runner)))))

(define (written-name name)
  (if (string? name) name (object->string name)))

(define (recording-runner tell!)
  "Return a test runner that calls TELL! with the entries of each result."
  (let ((runner (test-runner-null))
        (began 0))
    (define (group)
      (match (test-runner-group-path runner)
        (() #f)
        (path (string-join (map written-name path) " / "))))
    (test-runner-on-test-begin! runner
      (lambda (runner) (set! began (get-internal-real-time))))
    (test-runner-on-test-end! runner
      (lambda (runner)
        (let ((result (test-result-alist runner)))
          (tell! `(name . ,(name-of result))
                 `(group . ,(group))
                 `(kind . ,(symbol->string (test-result-kind runner)))
                 `(file . ,(assq-ref result 'source-file))
                 `(line . ,(assq-ref result 'source-line))
                 `(column . ,(assq-ref result 'source-column))
                 `(seconds . ,(exact->inexact (/ (- (get-internal-real-time) began)
                                                 internal-time-units-per-second)))
                 `(expected . ,(expected-of result))
                 `(actual . ,(actual-of result))))))
    (test-runner-on-bad-count! runner
      (lambda (runner actual expected)
        (tell! '(name . "the number of tests")
               `(group . ,(group))
               '(kind . "fail")
               `(expected . ,(number->string expected))
               `(actual . ,(number->string actual)))))
    (test-runner-on-bad-end-name! runner test-on-bad-end-name-simple)
    runner))

(define (name-of result)
  "Return what a test is called, or the beginning of its form when it has no name."
  (match (assq-ref result 'test-name)
    ((or #f "")
     (let ((text (object->string (assq-ref result 'source-form))))
       (if (> (string-length text) 70)
           (string-append (string-take text 69) "…")
           text)))
    (name (written-name name))))

(define (expected-of result)
  (cond ((assq 'expected-value result)
         => (match-lambda ((_ . value) (object->string value))))
        ((assq 'expected-error result)
         => (match-lambda
              ((_ . #t) "an error")
              ((_ . type) (string-append "an error: " (object->string type)))))
        (else "a true value")))

(define (actual-of result)
  (cond ((assq 'actual-error result)
         => (match-lambda
              ((_ . (key . arguments))
               (string-append "an error: "
                              (string-trim-right
                               (call-with-output-string
                                 (lambda (port)
                                   (print-exception port #f key arguments))))))))
        ((assq 'actual-value result)
         => (match-lambda ((_ . value) (object->string value))))
        (else #f)))
