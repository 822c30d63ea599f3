;;; R7RS files.

(define-module (scheme file)
  #:re-export (call-with-input-file call-with-output-file delete-file
               file-exists? open-input-file open-output-file
               with-input-from-file with-output-to-file)
  #:export (open-binary-input-file open-binary-output-file))

(define (open-binary-input-file name)
  "Return a port that reads the bytes of the file NAME."
  (open-file name "rb"))

(define (open-binary-output-file name)
  "Return a port that writes bytes to the file NAME, which it empties."
  (open-file name "wb"))
