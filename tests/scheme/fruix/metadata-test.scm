;;; Every shape in which a Guile program could have written metadata.

(use-modules (fruix store metadata)
             (ice-9 match)
             (srfi srfi-1)
             (srfi srfi-64))

(define kernel "/frx/store/86c81b24e6c559eaf94f3840815c4da4cd3fd289-kernel")
(define world "/frx/store/32ad38dbea3e5e7a5e54732e70bbf4bde544befc-world")

(define (in-file text proc)
  "Call PROC with the name of a file that holds TEXT."
  (let ((file "metadata-under-test.scm"))
    (dynamic-wind
      (lambda ()
        (call-with-output-file file
          (lambda (port) (display text port))))
      (lambda () (proc file))
      (lambda () (delete-file file)))))

(define (stores text)
  "Return the store paths under native-base-stores in a file that holds TEXT."
  (in-file text
           (lambda (file)
             (let ((wanted? (lambda (metadata)
                              (metadata-ref metadata 'native-base-stores))))
               (filter (lambda (text) (string-prefix? "/frx/" text))
                       (metadata-strings
                        (wanted? (load-metadata file #:wanted? wanted?))))))))

(define (message text)
  "Return the message that loading a file that holds TEXT ends with."
  (in-file text
           (lambda (file)
             (catch 'store-error
               (lambda () (load-metadata file) "no error")
               (lambda (key procedure format arguments details)
                 (and (assq-ref details 'hint)
                      (car arguments)))))))

(define (written datum)
  (call-with-output-string (lambda (port) (write datum port))))

(test-begin "metadata")

;; Each line is a file's whole text; ~A stand for two store paths.
(for-each
 (lambda (text)
   (test-equal text
     (list kernel world)
     (stores (simple-format #f text (written kernel) (written world)))))
 '("((version . 1) (native-base-stores . (~A ~A)))"
   "((version 1) (native-base-stores ~A ~A))"
   "((version 1) (native-base-stores (~A ~A)))"
   "((native_base_stores . (~A ~A)))"
   "((\"native-base-stores\" . (~A ~A)))"
   "((native-base-stores . #(~A ~A)))"
   "((native-base-stores . ((kernel . ~A) (world . ~A))))"
   "((native-base-stores ((name . \"k\") (path . ~A)) ((path . ~A))))"
   "(store-layout (version 1) (native-base-stores ~A ~A))"
   "(store-layout (native-base-stores (list ~A ~A)))"
   "(store-layout (native-base-stores '(~A ~A)))"
   "(store-layout #:version 1 #:native-base-stores (~A ~A))"
   "(#:native-base-stores (~A ~A))"
   "(<store-layout> version: 1 native-base-stores: (~A ~A))"
   "(store-layout ((version . 1) (native-base-stores . (~A ~A))))"
   "(store-layout '((native-base-stores . (~A ~A))))"
   "((store-layout . ((version . 1) (native-base-stores . (~A ~A)))))"
   "((stores (native-base-stores ~A ~A) (other)))"
   "'((native-base-stores . (~A ~A)))"
   "`((native-base-stores . (~A ~A)))"
   "(list (cons 'version 1) (cons 'native-base-stores (list ~A ~A)))"
   "(list '(version . 1) `(native-base-stores ~A ~A))"
   "(version . 1)\n(native-base-stores . (~A ~A))"
   ";; comment\n#| more |# #;(not this)\n((native-base-stores . (~A ~A)))"
   "(define store-layout '((native-base-stores . (~A ~A))))"
   "(define %layout \"Its documentation.\" '((native-base-stores . (~A ~A))))"
   "(define other '((a . 1)))\n(define layout `((native-base-stores . (~A ~A))))"
   "(define-module (layout) #:export (layout))\n(define layout '((native-base-stores ~A ~A)))"
   "(define-public layout (list (cons 'native-base-stores (list ~A ~A))))"
   "(define k ~A)\n(define layout `((native-base-stores . (,k ,(string-append ~A \"\")))))"
   "(use-modules (srfi srfi-1))\n(define layout (fold acons '() '(native-base-stores) '((~A ~A))))"))

(test-equal "an outer entry comes before a nested one"
  1
  (metadata-ref '((inner . ((key . 2))) (key . 1)) 'key))

(test-equal "an entry with an empty list is there"
  '()
  (metadata-ref (datum->metadata '((host-base-stores . ()))) 'host-base-stores))

(test-equal "unknown keys are kept"
  '((zebra 1 2) (native-base-stores . "x"))
  (datum->metadata '((zebra . (1 2)) (native-base-stores . "x"))))

(test-equal "a single value is found in lists of one"
  '(shepherd shepherd shepherd)
  (map metadata-scalar '(shepherd (shepherd) ('shepherd))))

(test-equal "what is no entry among entries is told with its line"
  (if (module-ref (resolve-module '(guile)) 'source-property #f)
      '((3 . "no key and value: (42 \"x\")"))
      '((#f . "no key and value: (42 \"x\")")))
  (in-file "((a . 1)\n (b . 2)\n (42 \"x\"))"
           (lambda (file)
             (metadata-troubles (read-metadata file)))))

(test-assert "a missing file is told by its name"
  (catch 'store-error
    (lambda () (load-metadata "/nonexistent/store-layout.scm") #f)
    (lambda (key procedure format arguments details)
      (and (equal? (car arguments)
                   (string-append "cannot read `/nonexistent/store-layout.scm`:"
                                  " no such file"))
           (equal? (assq-ref details 'file) "/nonexistent/store-layout.scm")))))

(for-each
 (match-lambda
   ((text part)
    (test-assert (string-append "refused: " text)
      (string-contains (message text) part))))
 '(("" "there is nothing in it")
   ("; only a comment" "there is nothing in it")
   ("((a . 1)" "cannot read `")
   ("((a . 1)))" "cannot read `")
   ("42" "it is no association list")
   ("\"text\"" "it is no association list")
   ("(1 2 3)" "it is no association list")
   ("(define x 42)" "it defines no association list")
   ("(use-modules (no such module))\n(define x (f))" "loading it failed")
   ("(define x (car '()))" "loading it failed")))

(test-assert "deep nesting does no harm"
  (let loop ((depth 10000) (datum '((key . "deep"))))
    (if (zero? depth)
        (equal? "deep"
                (metadata-scalar (metadata-ref (datum->metadata (list (cons 'a datum)))
                                               'key)))
        (loop (- depth 1) (list (cons 'a datum))))))

(test-equal "looking for what deep nesting does not have does no harm"
  #f
  (let loop ((depth 100) (datum '((key . "deep"))))
    (if (zero? depth)
        (metadata-ref datum 'other)
        (loop (- depth 1) (list (list 'a datum))))))

(test-equal "twenty thousand entries do no harm"
  '(19999 20000)
  (let ((metadata (datum->metadata
                   (map (lambda (number)
                          (cons (string->symbol
                                 (string-append "key-" (number->string number)))
                                (list (number->string number))))
                        (iota 20000)))))
    (list (string->number
           (metadata-scalar (metadata-ref metadata 'key-19999)))
          (length (metadata-strings metadata)))))

(test-equal "names with newlines and terminal controls are data"
  '("/frx/store/a\nb" "\x1b;[2J")
  (metadata-strings (datum->metadata '((key "/frx/store/a\nb" "\x1b;[2J")))))

(let ((runner (test-runner-current)))
  (test-end "metadata")
  (exit (zero? (test-runner-fail-count runner))))
