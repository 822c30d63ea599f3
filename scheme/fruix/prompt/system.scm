;;; What the prompt says about itself and its process.

(define-module (fruix prompt system)
  #:use-module (ice-9 match)
  #:export (prompt-show
            prompt-gc
            prompt-statistics))

(define (prompt-show topic)
  "Print what this program is: TOPIC is \"\" or begins like version, copying or warranty."
  (define (begins? word)
    (and (not (string-null? topic)) (string-prefix? topic word)))
  (cond ((begins? "copying")
         (display "fruix-scm is free software; its license is in the file LICENSE.\n"))
        ((begins? "warranty")
         (display "There is no warranty, to the extent permitted by law.\n"))
        ((or (string-null? topic) (begins? "version"))
         (format #t "fruix-scm, a Guile ~a; topics: version, copying, warranty.~%" (version)))
        (else
         (format #t "Nothing is said about ~a; topics: version, copying, warranty.~%" topic))))

(define (prompt-gc text)
  "Say how memory is given back."
  (gc)
  (display "Memory is given back as soon as nothing refers to it.\n"))

(define (kibibytes-of line)
  "Return the number in LINE, such as \"VmRSS:  1234 kB\", or #f."
  (match (string-tokenize line char-set:digit)
    ((number . _) (string->number number))
    (_ #f)))

(define (memory)
  "Return the memory that the process has and has had at most, in KiB, where the system
tells: a list of two numbers or #f."
  (catch #t
    (lambda ()
      (call-with-input-file "/proc/self/status"
        (lambda (port)
          (let loop ((now #f) (most #f))
            (let ((line (read-text-line port)))
              (cond ((eof-object? line) (list now most))
                    ((string-prefix? "VmRSS:" line) (loop (kibibytes-of line) most))
                    ((string-prefix? "VmHWM:" line) (loop now (kibibytes-of line)))
                    (else (loop now most))))))))
    (lambda _ '(#f #f))))

(define (read-text-line port)
  ((@ (ice-9 rdelim) read-line) port))

(define (prompt-statistics text)
  "Print the time and memory that the process has taken."
  (let ((times (times)))
    (define (seconds time)
      (/ (round (* 100.0 (/ time internal-time-units-per-second))) 100))
    (define (line label value unit)
      (display (string-append (string-pad-right label 16) (format #f "~a ~a" value unit)))
      (newline))
    (match (memory)
      ((now most)
       (when now (line "memory" now "KiB"))
       (when most (line "at most" most "KiB"))))
    (line "processor" (seconds (tms:utime times)) "s")
    (line "  in the system" (seconds (tms:stime times)) "s")
    (line "  of children" (seconds (+ (tms:cutime times) (tms:cstime times))) "s")))
