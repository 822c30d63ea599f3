;;; What a port says, waited for: tests of what has been read of it so far.
;;;
;;; Source: GNU Guile reference manual, "Expect".

(define-module (ice-9 expect)
  #:use-module (ice-9 regex)
  #:export (expect-port expect-timeout expect-timeout-proc expect-eof-proc expect-char-proc
            expect-strings-compile-flags expect-strings-exec-flags
            expect-select expect-regexec)
  #:export-syntax (expect expect-strings))

;; What programs bind to something else where they expect.
(define expect-port #f)
(define expect-timeout #f)
(define expect-timeout-proc #f)
(define expect-eof-proc #f)
(define expect-char-proc #f)
(define expect-strings-compile-flags regexp/newline)
(define expect-strings-exec-flags regexp/noteol)

(define-syntax expect
  (lambda (form)
    "Read characters from expect-port, or the current input port, until the test of a clause
(TEST EXPRESSION …) holds, and return what its last EXPRESSION returns.  TEST is a procedure
of what has been read, a string, and of whether the port is at its end.  Without an EXPRESSION
return what TEST returned; in (TEST => RECEIVER) that is the list of RECEIVER's arguments."
    (syntax-case form ()
      ((keyword clause ...)
       #'(expect-in keyword clause ...)))))

(define-syntax expect-strings
  (lambda (form)
    "Read as `expect' does until the regular expression of a clause (REGEXP EXPRESSION …)
matches what has been read.  The result of its test is the list of the match and of its
parts.  expect-strings-compile-flags and expect-strings-exec-flags are those of the
expressions."
    (syntax-case form ()
      ((keyword (regexp . rest) ...)
       (with-syntax (((tester ...) (generate-temporaries #'(regexp ...)))
                     (compile-flags (datum->syntax #'keyword 'expect-strings-compile-flags))
                     (exec-flags (datum->syntax #'keyword 'expect-strings-exec-flags)))
         #'(let ((tester (let ((compiled (make-regexp regexp compile-flags)))
                           (lambda (said eof?)
                             (match-of compiled said (if eof? 0 exec-flags)))))
                 ...)
             (expect-in keyword (tester . rest) ...)))))))

;; The variables mean what they mean where CONTEXT stands.
(define-syntax expect-in
  (lambda (form)
    (define (clause-of clause)
      (syntax-case clause (=>)
        ((test => receiver) #'(cons test (lambda (result) (apply receiver result))))
        ((test) #'(cons test (lambda (result) result)))
        ((test expression ...) #'(cons test (lambda (result) expression ...)))))
    (syntax-case form ()
      ((_ context clause ...)
       (with-syntax (((test ...) (map clause-of #'(clause ...)))
                     ((port timeout timed-out at-end heard)
                      (map (lambda (name) (datum->syntax #'context name))
                           '(expect-port expect-timeout expect-timeout-proc
                             expect-eof-proc expect-char-proc))))
         #'(expect-clauses (list test ...)
                           (or port (current-input-port))
                           timeout timed-out at-end heard))))))

(define (expect-clauses clauses port timeout timed-out at-end heard)
  ;; A clause is a test and what to do with its result.
  (let loop ((said ""))
    (define (tested eof? otherwise)
      (let next ((clauses clauses))
        (if (null? clauses)
            (otherwise)
            (let ((result ((caar clauses) said eof?)))
              (if result
                  ((cdar clauses) result)
                  (next (cdr clauses)))))))
    (define (read-on)
      (if (and timeout (not (expect-select port timeout)))
          (and timed-out (timed-out said))
          (let ((char (read-char port)))
            (cond
             ((eof-object? char)
              (tested #t (lambda () (and at-end (at-end said)))))
             (else
              (when heard (heard char))
              (loop (string-append said (string char))))))))
    (if (string-null? said)
        (read-on)
        (tested #f read-on))))

(define (match-of compiled said flags)
  ;; The match in SAID and its parts, or #f.
  (let ((found (regexp-exec compiled said 0 flags)))
    (and found
         (map (lambda (index) (match:substring found index))
              (iota (match:count found))))))

(define (expect-regexec regexp said eof?)
  "Return the match of REGEXP in SAID and its parts, a list of strings, or #f.  With EOF? the
end of SAID is the end of a line."
  (match-of regexp said (if eof? 0 expect-strings-exec-flags)))

(define (expect-select port timeout)
  "Wait until PORT has something to read, for at most TIMEOUT seconds; return whether it has."
  (or (and (not (file-port? port)) (char-ready? port))
      (pair? (car (select (list port) '() '() timeout)))))
