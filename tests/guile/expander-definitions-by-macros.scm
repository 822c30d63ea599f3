;; What a macro defines at the top level is the program's, also in procedures that stand
;; before it and over what is imported; names that the macro invents are its own.
(use-modules (srfi srfi-1))
(define-syntax both (syntax-rules () ((_ a b) (begin a b))))
(both (define (g x) (second x)) (define (second x) (list 'mine x)))
(write (g 5)) (newline)

(define (h x) (third x))
(define k (lambda (x) (list (fourth x))))
(define table (list (lambda (x) (fifth x))))
(define (uses-cdr x) (cdr x))
(define-syntax later (syntax-rules () ((_ name) (define (name x) (list 'later x)))))
(later third)
(later fourth)
(later fifth)
(later cdr)
(write (list (h 6) (k 7) ((car table) 8) (uses-cdr 9))) (newline)

(define-syntax-rule (define-all (name value) ...) (begin (define name value) ...))
(define (use-them) (list (sixth 1) (take 2)))
(define-all (sixth (lambda (x) (* x 10))) (take (lambda (x) (* x 20))))
(write (use-them)) (newline)

(define-syntax define-doubled
  (lambda (form)
    (syntax-case form ()
      ((_ name) #'(define (name x) (list x x))))))
(define (doubled x) (seventh x))
(define-doubled seventh)
(write (doubled 1)) (newline)

(define (from-values) (list eighth (ninth 2)))
(define-values (eighth ninth) (values 8 (lambda (x) (list 'ninth x))))
(write (from-values)) (newline)

(define-syntax-rule (outer-definer name) (later name))
(define (through-two x) (concatenate x))
(outer-definer concatenate)
(write (through-two 3)) (newline)

(eval-when (expand load eval)
  (define (in-eval-when x) (list 'mine x)))
(write (in-eval-when 1)) (newline)

;; What was called before keeps its meaning until then.
(define (early x) (count even? x))
(write (early '(1 2))) (newline)

;; Invented names.
(define-syntax-rule (define-hidden v) (begin (define hidden v) (define (get-hidden) hidden)))
(define-hidden 5)
(write (catch #t (lambda () hidden) (lambda (key . _) key))) (newline)
(define-syntax-rule (define-counter n v)
  (begin (define counter v) (define (n) (set! counter (+ counter 1)) counter)))
(define-counter next 10)
(write (list (next) (next))) (newline)
(define counter 'mine)
(write (list (next) counter)) (newline)
