;; Immutable records and functional setters.
(use-modules (srfi srfi-9) (srfi srfi-9 gnu))
(define (show x) (write x) (newline))
(define-immutable-record-type <address>
  (make-address street city) address?
  (street address-street set-address-street)
  (city address-city set-address-city))
(define-immutable-record-type <person>
  (make-person name address) person?
  (name person-name set-person-name)
  (address person-address set-person-address))
(define p (make-person "Bob" (make-address "Main" "Town")))
(define q (set-person-name p "Rob"))
(show (list (person-name p) (person-name q)))
(define r (set-field p (person-address address-city) "City"))
(show (address-city (person-address r))) (show (address-city (person-address p)))
(define s (set-fields p ((person-name) "Ann") ((person-address address-street) "Side")))
(show s)
(show (eq? (person-address p) (person-address q)))
(set-record-type-printer! <person> (lambda (x port) (format port "#<person ~a>" (person-name x))))
(show s) (display s) (newline)
(show (list p))
