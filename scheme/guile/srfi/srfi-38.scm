;;; SRFI 38: the outside form of data with shared structure.

(define-module (srfi srfi-38)
  #:use-module ((scheme write) #:select (write-shared))
  #:export (write-with-shared-structure read-with-shared-structure))

(define* (write-with-shared-structure object #:optional (port (current-output-port))
                                      optional-argument)
  "Write OBJECT to PORT; what occurs in it more than once is labelled."
  (write-shared object port))

(define read-with-shared-structure read)
