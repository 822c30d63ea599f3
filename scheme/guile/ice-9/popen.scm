;;; (ice-9 popen): pipes to and from processes.

(define-module (ice-9 popen)
  ;; Not defined here, so that they are compiled when somebody refers to them.
  #:use-module ((guile internal) #:select ((%open-child . open-process)
                                           (%piped-process . piped-process)))
  #:re-export (open-pipe* open-pipe close-pipe open-input-pipe open-output-pipe
               open-input-output-pipe pipeline)
  #:export (port/pid-table))

;; Ports and the processes behind them; the ports themselves know theirs.
(define port/pid-table (make-weak-key-hash-table))
