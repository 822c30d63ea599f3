;; Data that contain themselves, as operator, operand and argument: what refuses them
;; says so, and the program goes on.
(use-modules (srfi srfi-1) (srfi srfi-9))
(define-syntax-rule (key-of form)
  (begin (write (catch #t (lambda () form) (lambda (key . rest) key))) (newline)))
(define ring (let ((p (list 1 2 3))) (set-cdr! (cddr p) p) p))
(define car-ring (let ((p (list 1 2))) (set-car! p p) p))
(define v (vector 1 2))
(vector-set! v 0 v)
(define-record-type <box> (make-box content) box? (content box-content))
(define box (make-box ring))

(define (call f . arguments) (apply f arguments))
(define (add a b) (+ a b))
(define (subtract a b) (- a b))
(define-syntax-rule (each form ...) (begin (key-of form) ...))

(each (ring 1) (car-ring 1) (v 1) (box 1) (call ring 1) (call car-ring) (apply ring '(1))
      ((car (list ring)) 1) (let ((f ring)) (f)) (map ring '(1)) (for-each car-ring '(1)))
(each (+ ring 1) (+ 1 ring) (- ring 1) (- 1 car-ring) (- ring) (* ring 2) (/ 1 ring)
      (+ v 1) (+ box 1) (add ring 1) (add 1 car-ring) (subtract box 1) (+ 1 2 ring)
      (apply + 1 (list ring)) (= ring 1) (= 1 ring) (< ring 1) (> 1 car-ring) (<= ring ring)
      (>= box 1) (1+ ring) (zero? ring) (max ring 1) (quotient ring 2) (number->string ring))
(each (last-pair ring) (last ring) (length ring) (reverse ring) (list->vector ring)
      (map car ring) (for-each car ring) (filter even? ring) (remove even? ring)
      (list->string ring) (string-append ring)
      (vector-ref ring 0) (vector-ref v ring) (string->symbol ring) (list-ref '(1 2) ring)
      (hash-ref ring 1) (call-with-values ring list) (dynamic-wind ring car car)
      (throw ring) (error ring) (throw 'key ring) (symbol->string car-ring))
(each (call/cc ring) (with-exception-handler car ring) (catch #t ring (lambda rest (throw 'again)))
      (sort '(2 1) ring) (string-for-each ring "a"))

;; What takes them.
(write (list (list? ring) (length+ ring) (list-head ring 5) (list-ref ring 10))) (newline)
(write (circular-list? ring)) (newline)
(write (equal? ring ring)) (newline)
(write (let loop ((n 0) (here ring)) (if (= n 7) (car here) (loop (+ n 1) (cdr here))))) (newline)
(write (car (syntax->datum (datum->syntax #f (list 1 2))))) (newline)

;; The collector meets rings that live, whatever they are in.
(define kept (list ring car-ring v box))
(define many (map vector (iota 60000)))
(write (length many)) (newline)
(define rings
  (map (lambda (i) (let ((p (list i i))) (set-cdr! (cdr p) p) (vector p))) (iota 40)))
(write (apply + (map (lambda (v) (list-ref (vector-ref v 0) 5)) rings))) (newline)
(define more (map (lambda (i) (vector ring i)) (iota 20000)))
(write (list-head (vector-ref (car more) 0) 4)) (newline)

;; A ring that has been opened is a list again, and one that grows stays one.
(define line (list 1 2 3))
(set-cdr! (cddr line) line)
(define some (map vector (iota 20000)))
(set-cdr! (cddr line) '(4))
(define others (map vector (iota 20000)))
(write line) (newline)
(write (list-head ring 7)) (newline)
