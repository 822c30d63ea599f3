;;; Looking up association lists by value.

(define-module (ice-9 list)
  #:export (rassoc rassq rassv))

(define (lookup same? value alist)
  (let loop ((alist alist))
    (cond ((null? alist) #f)
          ((same? value (cdr (car alist))) (car alist))
          (else (loop (cdr alist))))))

(define* (rassoc value alist #:optional (same? equal?))
  "Return the first pair of ALIST whose cdr is VALUE, compared with SAME?, or #f."
  (lookup same? value alist))

(define (rassq value alist)
  "Return the first pair of ALIST whose cdr is `eq?' to VALUE, or #f."
  (lookup eq? value alist))

(define (rassv value alist)
  "Return the first pair of ALIST whose cdr is `eqv?' to VALUE, or #f."
  (lookup eqv? value alist))
