;; The basic format, and simple-format.
(define (show x) (write x) (newline))
(show (simple-format #f "~A and ~S" "a" "b")) (simple-format #t "to stdout ~A~%" '(1 "x"))
(show (simple-format #f "no args")) (show (simple-format #f "tilde ~~")) (show (call-with-output-string (lambda (p) (simple-format p "~S" #\c))))
(show (catch #t (lambda () (simple-format #f "~A")) (lambda (k . a) k)))
(use-modules (srfi srfi-28)) (show (format "~a ~s~%" "x" "y")) (show (format "~~"))
