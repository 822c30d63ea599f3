;;; Guest jobs: long work that does not depend on the connection.
;;;
;;; A job is a directory in the guest with its script, its log, the number of
;;; its process and, at the end, its status.  It goes on whether or not anybody
;;; follows it; whoever follows it, from this process or from another one days
;;; later, may name the byte of the log to go on at.  A connection that is lost
;;; meanwhile is made again.

(define-module (fruix job)
  #:use-module (fruix native ssh)
  #:use-module (fruix ssh)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-9)
  #:export (job-start
            job-attach
            job-follow
            job-end!
            job?
            job-name
            job-directory
            job-result?
            job-result-end
            job-result-status
            job-result-offset
            job-result-tail
            job-result-memory
            job-result-free
            job-result-warnings
            job-result-passed?
            job-history-file
            log-archive-ref
            log-archive-stages
            guest-run-job))

(define %jobs "/var/tmp/fruix-jobs")

(define-record-type <job>
  (make-job guest name directory boot)
  job?
  (guest      job-guest)                ;connection
  (name       job-name)                 ;string
  (directory  job-directory)            ;string, in the guest
  (boot       job-boot))                ;string: the boot it belongs to, or #f

(define-record-type <job-result>
  (make-job-result end status offset tail memory free warnings)
  job-result?
  (end     job-result-end)              ;symbol: see `job-follow'
  (status  job-result-status)           ;integer, or #f without one
  (offset  job-result-offset)           ;integer: where to go on in the log
  (tail    job-result-tail)             ;string: the end of the log
  (memory  job-result-memory)           ;string: the kernel on memory, or #f
  (free    job-result-free)             ;integer: bytes, where it failed, or #f
  (warnings job-result-warnings))       ;integer: the compiler's

(define (job-result-passed? result)
  "Return #t when the job of RESULT ended with status zero."
  (eqv? 0 (job-result-status result)))

(define (directory-of name)
  ;; The directory is removed with all that is in it, so it must be one.
  (unless (and (string-every (char-set-union char-set:letter+digit
                                             (string->char-set "._-"))
                             name)
               (not (string-null? name))
               (not (string-prefix? "." name)))
    (throw 'usage-error 'job-start "~A"
           (list (format #f "a job cannot be called `~a`: letters, digits, `.`, `_` and `-` only"
                         name))
           '()))
  (string-append %jobs "/" name))

(define* (job-start guest name command
                    #:key (environment #f) (directory #f))
  "Start COMMAND, a list of words or a `sh' text, as the job called NAME in
GUEST, and return the job.  ENVIRONMENT and DIRECTORY are those of `ssh-run'.

Throw 'ssh-error when a job of that name is there already, ended or not:
`job-attach' takes it up, `job-end!' with #:forget? removes it."
  (let ((place (directory-of name)))
    (make-job guest name place
              (%ssh-job-start guest place
                              (ssh-command-line command
                                                #:environment environment
                                                #:directory directory)))))

(define (job-attach guest name)
  "Return the job called NAME in GUEST, which another process, or this one, has
started.  Nothing is asked yet; `job-follow' says when there is none."
  (make-job guest name (directory-of name) #f))

(define (job-history-file name)
  "Return the file in which it is kept how the work called NAME went last, or #f
when this user has no home."
  (let ((state (or (getenv "XDG_STATE_HOME")
                   (and=> (getenv "HOME")
                          (lambda (home) (string-append home "/.local/state"))))))
    (and state (string-append state "/fruix-scm/history/" name))))

(define* (log-archive-ref file #:key (from 0) (count (* 1024 1024)))
  "Return COUNT bytes, as a string, of the log that `job-follow' keeps in FILE,
from byte FROM on; fewer where it ends.  `zcat FILE' prints all of it.

Throw 'system-error when FILE cannot be read."
  (%log-archive-read file from count))

(define (log-archive-stages file)
  "Return the stages of the log kept in FILE: an association list from the byte at
which a part begins to the stage that the build was in, a string."
  (%log-archive-stages file))

(define* (job-follow job
                     #:key
                     (from 0)
                     (live #f)
                     (copy #f)
                     (keep #f)
                     (history #f)
                     (stall-timeout #f)
                     (timeout (* 24 60 60))
                     (outage-timeout 600))
  "Follow JOB to its end and return a result.

FROM is the first byte of its log that is wanted.  With LIVE, a string, lines
are shown as they come, as those of LIVE.  With COPY, a file name, the log is
appended to that file, byte by byte.  With KEEP, a file name, the whole log is
kept in that file, compressed and with an index beside it; what is there already
decides where to go on, and FROM does not count.  With HISTORY, a file name, the
time left is told from how the same work went before, and how it goes now is
written there when it ends well: see `job-history-file'.

`job-result-end' is one of
  finished  with the status `job-result-status';
  memory    it failed, and the kernel has ended a process for want of memory:
            see `job-result-memory';
  full      it failed, and the disk that it is on is full: see `job-result-free';
  gone      its processes have ended and left no status;
  rebooted  the guest has booted since it was started;
  vanished  there is no such job in the guest;
  stalled   for STALL-TIMEOUT seconds it has neither printed nor used the
            processor; it is still there;
  late      it has not ended within TIMEOUT seconds; it is still there.

A connection that is lost is made again for at most OUTAGE-TIMEOUT seconds;
then throw as `ssh-run' does."
  (let ((result (%ssh-job-follow (job-guest job) (job-directory job)
                                 (job-boot job) from live copy stall-timeout
                                 timeout outage-timeout keep history)))
    (make-job-result (assq-ref result 'end)
                     (assq-ref result 'status)
                     (assq-ref result 'offset)
                     (assq-ref result 'tail)
                     (assq-ref result 'memory)
                     (assq-ref result 'free)
                     (assq-ref result 'warnings))))

(define* (job-end! job #:key (forget? #f))
  "End JOB and every process of its session.  With FORGET? remove its files, so
that another may have its name."
  (%ssh-job-end (job-guest job) (job-directory job))
  (when forget?
    (ssh-ask (job-guest job) `(("rm" "-rf" ,(job-directory job))) #:again? #t)))

(define* (guest-run-job guest name command
                        #:key
                        (environment #f)
                        (directory #f)
                        (live #f)
                        (copy #f)
                        (keep #f)
                        (history (job-history-file name))
                        (stall-timeout #f)
                        (timeout (* 24 60 60)))
  "Run COMMAND in GUEST as `guest-run' does, but as the job called NAME, so that
it goes on when the connection is lost, and return the job's result.  A job of
that name that is there already is removed first.  The keywords are those of
`job-start' and `job-follow'.

Throw 'guest-command-failed when the job ends in any way but with status zero,
with the first cause that its log shows, and 'timeout when it stalls or is
late; it is ended then."
  (job-end! (job-attach guest name) #:forget? #t)
  (let* ((job (job-start guest name command
                         #:environment environment
                         #:directory directory))
         (result (job-follow job
                             #:live live
                             #:copy copy
                             #:keep keep
                             #:history history
                             #:stall-timeout stall-timeout
                             #:timeout timeout)))
    (unless (job-result-passed? result)
      (when (memq (job-result-end result) '(stalled late))
        (job-end! job))
      (throw-failed job result))
    result))

(define (throw-failed job result)
  (let* ((cause (%build-log-cause (job-result-tail result)))
         (last (and cause (ssh-visible (assq-ref cause 'told))))
         (text (format #f "job `~a` ~a in the guest~a~a" (job-name job)
                       (end-text result)
                       (if last (string-append "; first cause: " last) "")
                       (match (job-result-end result)
                         ('memory
                          (string-append "; the kernel says: "
                                         (job-result-memory result)))
                         ('full
                          (format #f "; ~a bytes are free there"
                                  (job-result-free result)))
                         (_ "")))))
    (throw (if (memq (job-result-end result) '(stalled late))
               'timeout
               'guest-command-failed)
           'guest-run-job "~A" (list text)
           `((job . ,(job-name job))
             (end . ,(job-result-end result))
             (status . ,(job-result-status result))
             (log . ,(string-append (job-directory job) "/log"))
             (cause . ,(or cause '()))))))

(define (end-text result)
  (match (job-result-end result)
    ('finished (format #f "ended with status ~a" (job-result-status result)))
    ('memory "failed for want of memory")
    ('full "failed on a full disk")
    ('gone "is gone without a status")
    ('rebooted "was lost when the guest rebooted")
    ('vanished "is not there")
    ('stalled "neither prints nor uses the processor")
    ('late "has not ended in time")))
