;; not yet: comparing no numbers is refused
;; Order and equality among numbers.
(define (show x) (write x) (newline))
(define-syntax-rule (try e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show (cons key args)))))
(define-syntax-rule (key-of e)
  (catch #t
    (lambda () (show e))
    (lambda (key . args) (show key))))
(show (list (= 1 1.0) (eqv? 1 1.0) (equal? 1 1.0) (eq? 1 1)))
(show (list (< 1 2 3) (< 1 3 2) (<= 1 1 2) (> 3 2 1) (>= 3 3 1) (=) (< 1)))
(show (list (= 1/2 0.5) (< 1/3 0.3333) (> 1/3 0.3333)))
(show (list (max 1 2 3) (min 1 2 3) (max 1 2.0) (min 1 2.0) (max 1/2 1/3)))
(show (list (eqv? 0.0 -0.0) (= 0.0 -0.0) (equal? 0.0 -0.0) (eqv? +nan.0 +nan.0) (= +nan.0 +nan.0)))
(show (list (eqv? 100000000000000000000 100000000000000000000) (equal? 1/2 2/4) (eqv? 1.5 1.5)))
(show (list (zero? 0) (zero? 0.0) (zero? -0.0) (positive? 1) (negative? -1/2)))
(show (list (= (expt 2 53) (+ (expt 2. 53) 1)) (< (expt 2 53) (+ (expt 2 53) 1))))
(try (< 1 'a)) (try (max "1" 2)) (try (= 1 #f)) (key-of (zero? 'x))
(show (list (abs -5) (abs 5.5) (abs -1/2) (magnitude -5)))
(show (list (1+ 5) (1- 5) (- 5) (/ 2) (+) (*) (- 1/2)))
