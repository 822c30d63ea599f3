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

(define (pipeline commands)
  "Start COMMANDS, lists of strings, each reading what the one before writes.
Return three values: a port to read the last, one to write to the first, and
the processes."
  (scm-error 'misc-error "pipeline" "pipeline is not available: join the commands with | in a shell's command"
             '() #f))
