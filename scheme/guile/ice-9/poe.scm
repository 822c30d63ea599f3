;;; Functions that remember their values, by the identity of their arguments.

(define-module (ice-9 poe)
  #:export (pure-funcq perfect-funcq))

(define (same? one other)
  (cond ((null? one) (null? other))
        ((null? other) #f)
        (else (and (eq? (car one) (car other))
                   (same? (cdr one) (cdr other))))))

(define (hash-arguments arguments bound)
  (let loop ((hash 0) (arguments arguments))
    (if (null? arguments)
        (modulo hash bound)
        (loop (+ (* 31 hash) (hashq (car arguments) 8388593)) (cdr arguments)))))

(define (find-arguments arguments alist)
  (cond ((null? alist) #f)
        ((same? arguments (car (car alist))) (car alist))
        (else (find-arguments arguments (cdr alist)))))

(define (remembering f table)
  (lambda arguments
    (let ((handle (hashx-get-handle hash-arguments find-arguments
                                    table arguments)))
      (if handle
          (cdr handle)
          (let ((value (apply f arguments)))
            (hashx-set! hash-arguments find-arguments table arguments value)
            value)))))

(define (pure-funcq f)
  "Return a procedure that does what F does, and calls it once for arguments that
are the same by `eq?'."
  (remembering f (make-hash-table)))

(define (perfect-funcq size f)
  "Return what `pure-funcq' returns.  SIZE is how many values to expect."
  (remembering f (make-hash-table size)))
