;;; What is written about procedures and files.

(define-module (ice-9 documentation)
  #:use-module (ice-9 rdelim)
  #:export (object-documentation file-commentary
            documentation-files search-documentation-files))

(define documentation-files '())

(define* (search-documentation-files name #:optional (files documentation-files))
  "Return what FILES say about NAME, or #f.  There are no such files here."
  #f)

(define (object-documentation object)
  "Return the documentation of OBJECT, a string, or #f."
  (and (procedure? object)
       (let ((text (or (procedure-documentation object)
                       (procedure-property object 'documentation))))
         (if (and (string? text) (not (string-null? text)))
             text
             ;; How a native is called is what there is to say.
             (%call-form object)))))

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
