;; not yet: Guile prints #t, we print #f
;; Records with constructors, accessors and modifiers.
(use-modules (srfi srfi-9))
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(define-record-type <person>
  (make-person name age)
  person?
  (name person-name)
  (age person-age set-person-age!)
  (email person-email set-person-email!))
(define p (make-person "Ada" 36))
(show (list (person? p) (person? 5) (person-name p) (person-age p) (person-email p)))
(set-person-age! p 37) (show (person-age p))
(show p)
(show (record? p))
(define-record-type <node> (node value next) node? (value node-value) (next node-next set-node-next!))
(define n (node 1 (node 2 #f)))
(show (node-value (node-next n)))
(show (equal? (node 1 2) (node 1 2))) (show (eq? n n))
(try (person-name 5)) (try (person-age n)) (try (set-person-age! 'x 1))
(show (procedure-name person-name))
(show (list (record-type-name <person>) (record-type-fields <person>)))
(define-record-type empty (make-empty) empty?) (show (empty? (make-empty)))
