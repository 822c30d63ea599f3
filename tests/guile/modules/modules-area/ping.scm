(define-module (modules-area ping)
  #:use-module (modules-area pong)
  #:export (ping))
(define (ping n) (if (= n 0) 'ping-ends (pong (- n 1))))
