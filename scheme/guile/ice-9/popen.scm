;;; (ice-9 popen): pipes to and from processes.

(define-module (ice-9 popen)
  #:re-export (open-pipe* open-pipe close-pipe open-input-pipe open-output-pipe
               open-input-output-pipe pipeline OPEN_READ OPEN_WRITE OPEN_BOTH))

(define open-process %open-child)
(define piped-process %piped-process)
