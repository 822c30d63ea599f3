;;; Lines of another port, which can be given back whole.

(define-module (ice-9 lineio)
  #:use-module (ice-9 rdelim)
  #:export (make-line-buffering-input-port lineio-port? unread-string)
  #:replace (read-string))

;; From a port made here to its two procedures.
(define procedures (make-weak-key-hash-table))

(define (lineio-port? port)
  "Tell whether PORT was made by make-line-buffering-input-port."
  (and (hashq-ref procedures port #f) #t))

(define (read-string port)
  "Return the line or string that PORT has next, its newline included, or the
end-of-file object."
  ((car (hashq-ref procedures port))))

(define (unread-string string port)
  "Let STRING be what PORT has next."
  ((cdr (hashq-ref procedures port)) string))

(define (make-line-buffering-input-port underlying)
  "Return a port for what UNDERLYING has, line by line."
  (define waiting '())
  (define (next-string!)
    (if (pair? waiting)
        (let ((string (car waiting)))
          (set! waiting (cdr waiting))
          string)
        (read-line underlying 'concat)))
  (define (next-char!)
    (let ((string (next-string!)))
      (if (eof-object? string)
          string
          (begin
            (if (> (string-length string) 1)
                (set! waiting (cons (substring string 1) waiting)))
            (string-ref string 0)))))
  (let ((port (make-soft-port (vector #f #f #f next-char! #f) "r")))
    (hashq-set! procedures port
                (cons next-string!
                      (lambda (string) (set! waiting (cons string waiting)))))
    port))
