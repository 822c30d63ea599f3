(define-module (modules-area pong)
  #:use-module (modules-area ping)
  #:export (pong))
(define (pong n) (if (= n 0) 'pong-ends (ping (- n 1))))
