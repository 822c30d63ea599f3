;; What a module does not import is not there, in (guile-user) and in modules alike.
(define (seen names)
  (map (lambda (name) (list name (and (module-variable (current-module) name) #t))) names))
(define names
  '(filter-map fold second string-match pretty-print match let-values receive bytevector-u8-ref
    call-with-output-string assoc hash-fold delete-duplicates last format string-join scandir
    open-pipe* get-string-all vector-map record? sort fold-right any iota list-index
    define-record-type cut and-let* case-lambda parameterize guard read-line write-line
    current-input-port call-with-port string->utf8 u8vector f64vector make-exception
    raise-exception raise-continuable exception? error? with-exception-handler
    list-tabulate take drop count partition remove delete assq-ref vector-for-each
    call/ec call-with-escape-continuation let/ec reset shift make-q getopt-long
    test-begin assert copy-tree regexp-exec make-regexp string-index
    call-with-input-string with-output-to-string vector-append 1+ -1+ 1-
    bytevector? make-bytevector syntax? datum->syntax syntax-module the-environment
    compile compile-file decompile))
(for-each (lambda (line) (write line) (newline)) (seen names))

(define (outcome expression)
  (catch #t
    (lambda () (eval expression (current-module)))
    (lambda (key . rest) (list key (and (pair? rest) (pair? (cdr rest)) (caddr rest))))))

(write (outcome '(filter-map car '((1))))) (newline)
(write (outcome '(let-values (((a b) (values 1 2))) b))) (newline)
(write (outcome '(match 1 (x x)))) (newline)

(define-module (forgetful) #:export (total))
(define (total numbers) (fold + 0 numbers))
(define-module (mindful) #:use-module (srfi srfi-1) #:export (sum))
(define (sum numbers) (fold + 0 numbers))
(define-module (caller) #:use-module (forgetful) #:use-module (mindful))
(write (catch #t (lambda () (total '(1 2))) (lambda (key . rest) rest))) (newline)
(write (sum '(1 2))) (newline)
(write (module-variable (current-module) 'fold)) (newline)
