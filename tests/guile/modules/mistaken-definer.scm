;; A use of a macro that defines one of the words it is given, and only compares another.
(define-module (mistaken-definer)
  #:use-module (srfi srfi-1)
  #:export (folding? folder taking))

(define-syntax define-comparison
  (syntax-rules ()
    ((_ name (keyword text))
     (define-syntax name
       (lambda (form)
         (syntax-case form ()
           ((_ (word argument))
            (datum->syntax form (free-identifier=? #'word #'keyword)))))))))

(define-comparison folding? (fold "text"))

;; Keywords of a macro that defines, which somebody else has defined, too.
(define-syntax define-folder
  (lambda (form)
    (syntax-case form (fold return)
      ((_ name (fold f) (return r))
       #'(define name (list f r))))))

(define-folder folder (fold car) (return cdr))

;; A word that a definition is given, which is the keyword of another macro.
(define-syntax define-size
  (syntax-rules ()
    ((_ name (algorithm size)) (define name '(algorithm size)))))
(define-size some-size (sha256 32))
(define (unrelated) (quote sha256))

(define-syntax taking
  (syntax-rules (sha256)
    ((_ (sha256 text)) (list 'sha256 text))
    ((_ other) 'other)))
