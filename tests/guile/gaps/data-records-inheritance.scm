;; not yet: `record-type-parents` is not there
;; Records that extend others.
(define (show x) (write x) (newline))
(define animal (make-record-type 'animal '(name) #:extensible? #t))
(define dog (make-record-type 'dog '(breed) #:parent animal))
(define make-dog (record-constructor dog))
(define d (make-dog "Rex" 'collie))
(show ((record-predicate animal) d)) (show ((record-predicate dog) d))
(show ((record-predicate dog) ((record-constructor animal) "Cat")))
(show ((record-accessor animal 'name) d)) (show ((record-accessor dog 'breed) d))
(show (record-type-fields dog))
(show (map record-type-name (vector->list (record-type-parents dog))))
