;;; What is written about procedures and files.

(define-module (ice-9 documentation)
  #:use-module (ice-9 exceptions)
  #:use-module (ice-9 rdelim)
  #:use-module (srfi srfi-1)
  #:export (object-documentation file-commentary
            documentation-files search-documentation-files))

(define documentation-files '())

(define* (search-documentation-files name #:optional (files documentation-files))
  "Return what FILES say about NAME, or #f.  There are no such files here."
  #f)

(define (object-documentation object)
  "Return the documentation of OBJECT, a string, or #f."
  (and (procedure? object)
       ;; Guile has nothing to say of these two.
       (not (memq object (list car cdr)))
       (said-of object)))

(define (said-of procedure)
  (let ((text (or (procedure-documentation procedure)
                  (procedure-property procedure 'documentation))))
    (if (and (string? text) (not (string-null? text)))
        text
        ;; What follows says nothing to programs, as in Guile.
        (or (%native-documentation procedure)
            (documentation-by-kind procedure)))))

;; What can be said of PROCEDURE, which was made by another and says nothing itself.
(define (documentation-by-kind procedure)
  (define (of-type text)
    (let ((type (find record-type? (%closed-over procedure))))
      (and type (simple-format #f text (record-type-name type)))))
  (define (of-field text accessor)
    (let ((field (%accessed-field accessor)))
      (and field (simple-format #f text (car field) (cdr field)))))
  (define (made-as? example)
    (%same-code? procedure example))
  (cond
   ((procedure-with-setter? procedure)
    (let ((getter ((@ (guile) procedure) procedure)))
      (and (not (eq? getter procedure)) (said-of getter))))
   ((parameter? procedure)
    "Return the value of this parameter, which `parameterize' binds.")
   ((%accessed-field procedure)
    (of-field (if (eqv? 2 (car (procedure-minimum-arity procedure)))
                  "Set field `~A' of a record of type `~A'."
                  "Return field `~A' of a record of type `~A'.")
              procedure))
   ((made-as? (record-predicate &exception))
    (of-type "Return whether OBJECT is a record of type `~A'."))
   ((made-as? (record-constructor &exception))
    (of-type "Return a new record of type `~A' with the arguments in its fields."))
   ((made-as? (exception-predicate &exception))
    (of-type "Return whether OBJECT is an exception of type `~A'."))
   ((made-as? (exception-accessor &exception car))
    (of-field "Return field `~A' of an exception of type `~A'."
              (find procedure? (%closed-over procedure))))
   (else #f)))

(define* (file-commentary filename #:rest options)
  "Return the text between the lines `;;; Commentary:' and `;;; Code:' of the file
FILENAME, without the semicolons."
  (call-with-input-file filename
    (lambda (port)
      (define (mark? line word)
        (and (string-prefix? ";;" line)
             (string-contains-ci line word)
             (string-suffix-ci? word (string-trim-both line))))
      (define (text line)
        (let ((line (string-trim line #\;)))
          (if (string-prefix? " " line) (substring line 1) line)))
      (let loop ((line (read-line port)) (inside? #f) (lines '()))
        (cond
         ((or (eof-object? line)
              (and inside? (mark? line "Code:")))
          (string-join (reverse lines) "\n"))
         (inside? (loop (read-line port) #t (cons (text line) lines)))
         ((mark? line "Commentary:") (loop (read-line port) #t lines))
         (else (loop (read-line port) #f lines)))))))
