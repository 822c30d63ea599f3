;;; Processes at the other end of ports: (ice-9 popen).

(define (%open-pipe-ports mode program arguments)
  (let ((ports (apply %open-process mode program arguments)))
    (if (and (car ports) (cadr ports))
        (make-rw-port (car ports) (cadr ports))
        (or (car ports) (cadr ports)))))

(define (make-rw-port input output)
  "Return a port that reads from INPUT and writes to OUTPUT."
  (%join-ports input output))

(define (open-pipe* mode program . arguments)
  "Start PROGRAM with ARGUMENTS and return a port to or from it, as MODE says:
OPEN_READ, OPEN_WRITE or OPEN_BOTH."
  (%open-pipe-ports mode program arguments))

(define (open-pipe command mode)
  "Start the shell's COMMAND and return a port to or from it, as MODE says."
  (%open-pipe-ports mode "/bin/sh" (list "-c" command)))

(define (open-input-pipe command)
  "Start the shell's COMMAND and return a port to read what it writes."
  (open-pipe command OPEN_READ))

(define (open-output-pipe command)
  "Start the shell's COMMAND and return a port to write what it reads."
  (open-pipe command OPEN_WRITE))

(define (open-input-output-pipe command)
  "Start the shell's COMMAND and return a port to write to it and read from it."
  (open-pipe command OPEN_BOTH))

(define (close-pipe port)
  "Close PORT, wait for its process and return the status."
  (let ((process (%port-child port)))
    (if (not process)
        (error "close-pipe: port not created by (ice-9 popen)"))
    (close-port port)
    (cdr (waitpid process))))

(define (%descriptor-of port)
  (if (exact-integer? port) port (fileno port)))

(define (%run-as-child thunk descriptors program arguments)
  ;; In the child: DESCRIPTORS become 0, 1, 2; then it is PROGRAM.
  (let loop ((descriptors descriptors) (number 0))
    (if (pair? descriptors)
        (begin
          (if (and (car descriptors) (not (eqv? (car descriptors) number)))
              (%duplicate-to (car descriptors) number))
          (loop (cdr descriptors) (+ number 1)))))
  (thunk)
  (apply execlp program arguments))

(define (%start-child thunk descriptors program arguments)
  "Start PROGRAM with ARGUMENTS, its own name first, and return its process.
DESCRIPTORS are those it has for 0, 1 and 2, #f for ours; THUNK is called in it."
  (let* ((trouble (pipe))
         (process (primitive-fork)))
    (if (eqv? process 0)
        (catch #t
          (lambda ()
            (%run-as-child thunk descriptors program arguments))
          (lambda (key . arguments)
            (let ((number (if (eq? key 'system-error)
                              (system-error-errno (cons key arguments))
                              127)))
              (display number (cdr trouble))
              (force-output (cdr trouble))
              (primitive-_exit 127)))))
    (close-port (cdr trouble))
    (let ((number (%read-string (car trouble))))
      (close-port (car trouble))
      (if (not (string-null? number))
          (begin
            (waitpid process)
            (scm-error 'system-error "spawn" "~A"
                       (list (strerror (string->number number)))
                       (list (string->number number))))))
    process))

(define* (spawn program #:optional (arguments (list program))
                #:key (environment (environ)) (input (current-input-port))
                (output (current-output-port)) (error (current-error-port))
                (search-path? #t))
  "Start PROGRAM with ARGUMENTS, its name first, and return its process."
  (for-each (lambda (port)
              (if (and (port? port) (output-port? port) (file-port? port))
                  (force-output port)))
            (list output error))
  (%start-child (lambda () (environ environment))
                (map %descriptor-of (list input output error))
                program arguments))

(define (pipeline commands)
  "Start COMMANDS, lists of strings, each reading what the one before writes.
Return three values: a port to read the last, one to write to the first, and
the processes."
  (let ((first (pipe)))
    (let loop ((commands commands) (input (car first)) (processes '()))
      (if (null? commands)
          (values input (cdr first) (reverse processes))
          (let* ((next (pipe))
                 (process (%start-child (lambda () #t)
                                        (list (fileno input) (fileno (cdr next)))
                                        (car (car commands)) (car commands))))
            (close-port input)
            (close-port (cdr next))
            (loop (cdr commands) (car next) (cons process processes)))))))

(define (%open-child mode program . arguments)
  "Start PROGRAM and return three values: a port to read it, one to write to it,
#f where MODE wants none, and the process."
  (let* ((reads? (or (equal? mode OPEN_READ) (equal? mode OPEN_BOTH)))
         (writes? (or (equal? mode OPEN_WRITE) (equal? mode OPEN_BOTH)))
         (from (and reads? (pipe)))
         (to (and writes? (pipe)))
         (process (%start-child (lambda () #t)
                                (list (and to (fileno (car to)))
                                      (and from (fileno (cdr from))))
                                program (cons program arguments))))
    (if to (close-port (car to)))
    (if from (close-port (cdr from)))
    (values (and from (car from)) (and to (cdr to)) process)))

(define* (%piped-process program arguments #:optional from to)
  "Start PROGRAM with ARGUMENTS and return the process.  FROM and TO are pairs of
descriptors, pipes that it writes to and reads from."
  (let ((process (%start-child (lambda () #t)
                               (list (and to (car to)) (and from (cdr from)))
                               program (cons program arguments))))
    (if from (close-fdes (cdr from)))
    (if to (close-fdes (car to)))
    process))

(define (restore-signals)
  "Do nothing: no handler of the program is in force."
  *unspecified*)
