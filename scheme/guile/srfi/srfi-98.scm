;;; SRFI 98: reading the environment.

(define-module (srfi srfi-98)
  #:export (get-environment-variable get-environment-variables))

(define (get-environment-variable name)
  "Return the value of the environment variable NAME, or #f."
  (getenv name))

(define (get-environment-variables)
  "Return the environment as a list of pairs of name and value."
  (map (lambda (entry)
         (let ((end (string-index entry #\=)))
           (if end
               (cons (substring entry 0 end) (substring entry (+ end 1)))
               (cons entry ""))))
       (environ)))
