;; Floats in radixes other than ten: the fewest digits, exponents in the radix.
(define (show number radix)
  (display (number->string number radix))
  (newline))

(for-each (lambda (radix)
            (for-each (lambda (number) (show number radix))
                      '(0.5 0.1 -2.75 100.0 1e20 1e-10 255.5 1e300 5e-324)))
          '(2 3 8 12 16 36))

(for-each (lambda (power)
            (show (expt 2. power) 2)
            (show (expt 3. power) 9)
            (show (- (expt 22. power)) 22))
          '(-20 -4 -3 -1 0 6 7 20 21 40))

;; What is written reads back as the same number.
(for-each (lambda (number)
            (for-each (lambda (radix)
                        (unless (eqv? number
                                      (string->number (number->string number radix)
                                                      radix))
                          (display (list 'differs number radix))
                          (newline)))
                      '(2 5 7 10)))
          '(0.1 1.5 1234.5678 1e15 3e-7))
