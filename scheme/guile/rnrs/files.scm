;;; R6RS file system and the conditions of input and output.

(define-module (rnrs files)
  #:version (6)
  #:use-module (ice-9 exceptions)
  #:re-export (file-exists?)
  #:replace (delete-file)
  #:export (&i/o make-i/o-error i/o-error?
            &i/o-read make-i/o-read-error i/o-read-error?
            &i/o-write make-i/o-write-error i/o-write-error?
            &i/o-invalid-position make-i/o-invalid-position-error
            i/o-invalid-position-error? i/o-error-position
            &i/o-filename make-i/o-filename-error i/o-filename-error?
            i/o-error-filename
            &i/o-file-protection make-i/o-file-protection-error
            i/o-file-protection-error?
            &i/o-file-is-read-only make-i/o-file-is-read-only-error
            i/o-file-is-read-only-error?
            &i/o-file-already-exists make-i/o-file-already-exists-error
            i/o-file-already-exists-error?
            &i/o-file-does-not-exist make-i/o-file-does-not-exist-error
            i/o-file-does-not-exist-error?
            &i/o-port make-i/o-port-error i/o-port-error? i/o-error-port))

(define-exception-type &i/o &external-error make-i/o-error i/o-error?)
(define-exception-type &i/o-read &i/o make-i/o-read-error i/o-read-error?)
(define-exception-type &i/o-write &i/o make-i/o-write-error i/o-write-error?)
(define-exception-type &i/o-invalid-position &i/o
  make-i/o-invalid-position-error i/o-invalid-position-error?
  (position i/o-error-position))
(define-exception-type &i/o-filename &i/o
  make-i/o-filename-error i/o-filename-error?
  (filename i/o-error-filename))
(define-exception-type &i/o-file-protection &i/o-filename
  make-i/o-file-protection-error i/o-file-protection-error?)
(define-exception-type &i/o-file-is-read-only &i/o-file-protection
  make-i/o-file-is-read-only-error i/o-file-is-read-only-error?)
(define-exception-type &i/o-file-already-exists &i/o-filename
  make-i/o-file-already-exists-error i/o-file-already-exists-error?)
(define-exception-type &i/o-file-does-not-exist &i/o-filename
  make-i/o-file-does-not-exist-error i/o-file-does-not-exist-error?)
(define-exception-type &i/o-port &i/o
  make-i/o-port-error i/o-port-error?
  (port i/o-error-port))

(define (delete-file filename)
  "Remove the file FILENAME; raise a condition of type &i/o-filename when that
cannot be done."
  (catch 'system-error
    (lambda () ((@ (guile) delete-file) filename))
    (lambda arguments
      (raise-exception (make-i/o-filename-error filename)))))
