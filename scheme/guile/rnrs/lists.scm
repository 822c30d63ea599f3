;;; R6RS list utilities.

(define-module (rnrs lists)
  #:version (6)
  #:use-module ((srfi srfi-1) #:select (find partition every any (fold-right . srfi-1:fold-right)))
  #:re-export (assoc assq assv cons* filter member memq memv find partition)
  #:export (assp exists fold-left fold-right for-all memp remp remq remv)
  #:replace (remove))

(define (exists satisfies? list . lists)
  "Return the first true value of SATISFIES? for the elements of the lists, or #f."
  (apply any satisfies? list lists))

(define (for-all satisfies? list . lists)
  "Return the last value of SATISFIES? for the elements of the lists if all are
true, or #f."
  (apply every satisfies? list lists))

(define (fold-left combine nil list . lists)
  "Return the last result of COMBINE, called with the result so far, which starts
as NIL, and the elements of the lists, the first ones first."
  (if (null? lists)
      (let loop ((result nil) (rest list))
        (if (null? rest)
            result
            (loop (combine result (car rest)) (cdr rest))))
      (let loop ((result nil) (lists (cons list lists)))
        (if (or-map null? lists)
            result
            (loop (apply combine result (map car lists)) (map cdr lists))))))

(define (fold-right combine nil list . lists)
  "Return the last result of COMBINE, called with the elements of the lists, the
last ones first, and the result so far, which starts as NIL."
  (apply srfi-1:fold-right combine nil list lists))

(define (remp satisfies? list)
  "Return the elements of LIST of which SATISFIES? does not hold."
  (filter (lambda (element) (not (satisfies? element))) list))

(define (remove object list)
  "Return the elements of LIST that are not `equal?' to OBJECT."
  (remp (lambda (element) (equal? element object)) list))

(define (remv object list)
  "Return the elements of LIST that are not `eqv?' to OBJECT."
  (remp (lambda (element) (eqv? element object)) list))

(define (remq object list)
  "Return the elements of LIST that are not `eq?' to OBJECT."
  (remp (lambda (element) (eq? element object)) list))

(define (memp satisfies? list)
  "Return the rest of LIST from the first element on of which SATISFIES? holds, or
#f."
  (cond ((null? list) #f)
        ((satisfies? (car list)) list)
        (else (memp satisfies? (cdr list)))))

(define (assp satisfies? alist)
  "Return the first pair of ALIST of whose car SATISFIES? holds, or #f."
  (find (lambda (pair) (satisfies? (car pair))) alist))
