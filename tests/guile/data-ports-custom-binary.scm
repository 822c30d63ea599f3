;; Ports that procedures of the program are behind.
(define-syntax-rule (show expression)
  (begin
    (write (quote expression))
    (display " => ")
    (catch #t
      (lambda () (write expression))
      (lambda (key . arguments) (write (cons key arguments))))
    (newline)))

(use-modules (ice-9 binary-ports) (ice-9 rdelim) (rnrs bytevectors))
(define calls 0)
(define input
  (make-custom-binary-input-port
   "counting"
   (lambda (bytes start count)
     (set! calls (+ calls 1))
     (if (> calls 3)
         0
         (begin
           (bytevector-u8-set! bytes start (+ 64 calls))
           1)))
   #f #f #f))
(show (get-u8 input))
(show (lookahead-u8 input))
(show (get-bytevector-n input 2))
(show (get-u8 input))
(show (input-port? input))
(define written '())
(define closed? #f)
(define output
  (make-custom-binary-output-port
   "collecting"
   (lambda (bytes start count)
     (let ((part (make-bytevector count)))
       (bytevector-copy! bytes start part 0 count)
       (set! written (cons (bytevector->u8-list part) written)))
     count)
   #f #f (lambda () (set! closed? #t))))
(put-u8 output 1)
(put-bytevector output #vu8(2 3))
(show written)
(force-output output)
(show written)
(display "text" output)
(close-port output)
(show (reverse written))
(show closed?)
(define characters (string->list "one\ntwo\nthree"))
(define soft
  (make-soft-port
   (vector #f #f #f
           (lambda ()
             (and (pair? characters)
                  (let ((character (car characters)))
                    (set! characters (cdr characters))
                    character)))
           (lambda () (set! closed? 'again)))
   "r"))
(show (read-line soft))
(show (peek-char soft))
(show (begin (unread-char #\x soft) (read-line soft)))
(show (read soft))
(show (read-char soft))
(show (begin (close-port soft) closed?))
(define out (make-soft-port (vector #f (lambda (text) (set! written text)) #f #f #f) "w"))
(display "to the program" out)
(show written)
(define failing
  (make-custom-binary-input-port "failing" (lambda (bytes start count) (throw 'no-luck 1)) #f #f #f))
(show (get-u8 failing))
