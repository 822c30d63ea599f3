;;; Guest jobs: long work that does not depend on the connection.
;;;
;;; A job is a directory in the guest with its script, its log, the number of
;;; its process and, at the end, its status.  It goes on whether or not anybody
;;; follows it; whoever follows it, from this process or from another one days
;;; later, may name the byte of the log to go on at.  A connection that is lost
;;; meanwhile is made again.

(define-module (fruix job)
  #:use-module (fruix datum)
  #:use-module (fruix harness)
  #:use-module (fruix json)
  #:use-module (fruix native run)
  #:use-module (fruix native ssh)
  #:use-module (fruix settings)
  #:use-module (fruix ssh)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (ice-9 regex)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (job-start
            job-attach
            job-list
            job-find
            job-list->lines
            job-list->json
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
            job-result-cause
            job-result-log
            job-result-passed?
            job-result->lines
            job-result->json
            job-history-file
            log-archive-ref
            log-archive-stages
            log-archive-cause
            guest-run-job
            job-there
            job-passed?))

(define (jobs-directory guest)
  ;; Each user of the guest has one: whoever may write it may run what is in it.
  (match (assq-ref (%ssh-destination guest) 'user)
    ("root" "/var/tmp/fruix-jobs")
    (user (string-append "/var/tmp/fruix-jobs-" user))))

(define-record-type <job>
  (make-job guest name directory boot)
  job?
  (guest      job-guest)                ;connection
  (name       job-name)                 ;string
  (directory  job-directory)            ;string, in the guest
  (boot       job-boot))                ;string: the boot it belongs to, or #f

(define-record-type <job-result>
  (make-job-result end status offset tail memory free warnings cause log)
  job-result?
  (end     job-result-end)              ;symbol: see `job-follow'
  (status  job-result-status)           ;integer, or #f without one
  (offset  job-result-offset)           ;integer: where to go on in the log
  (tail    job-result-tail)             ;string: the end of the log
  (memory  job-result-memory)           ;string: the kernel on memory, or #f
  (free    job-result-free)             ;integer: bytes, where it failed, or #f
  (warnings job-result-warnings)        ;integer: the compiler's
  (cause   job-result-cause)            ;alist: why it failed, or #f
  (log     job-result-log))             ;string: its log, in the guest

(declare-datum-record! 'job-result job-result? make-job-result
                       job-result-end job-result-status job-result-offset
                       job-result-tail job-result-memory job-result-free
                       job-result-warnings job-result-cause job-result-log)

(define (job-result-passed? result)
  "Return #t when the job of RESULT ended with status zero."
  (eqv? 0 (job-result-status result)))

(define (directory-of guest name)
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
  (string-append (jobs-directory guest) "/" name))

(define* (job-start guest name command
                    #:key (environment #f) (directory #f))
  "Start COMMAND, a list of words or a `sh' text, as the job called NAME in
GUEST, and return the job.  ENVIRONMENT and DIRECTORY are those of `ssh-run'.

Throw 'ssh-error when a job of that name is there already, ended or not:
`job-attach' takes it up, `job-end!' with #:forget? removes it."
  (let ((place (directory-of guest name)))
    (make-job guest name place
              (%ssh-job-start guest place
                              (ssh-command-line command
                                                #:environment environment
                                                #:directory directory)))))

(define (job-attach guest name)
  "Return the job called NAME in GUEST, which another process, or this one, has
started.  Nothing is asked yet; `job-follow' says when there is none."
  (make-job guest name (directory-of guest name) #f))

(define (job-list guest)
  "Return what jobs GUEST has, whoever started them, by name: a list of association
lists with

  name      a string;
  state     running, finished, gone (its processes are, and left no status) or
            rebooted (the guest is, since it was started);
  status    an integer, or #f;
  began     by the guest's clock, in seconds since 1970, or #f;
  seconds   for how long it has run, or ran; #f where nothing tells;
  log-size  in bytes;
  last      the last line that it printed, a string;
  log       the file in the guest that holds all of them.

Throw 'ssh-error when GUEST cannot tell."
  (let ((place (jobs-directory guest)))
    (map (lambda (job)
           (append job
                   `((log . ,(string-append place "/" (assq-ref job 'name) "/log")))))
         (%ssh-job-list guest place))))

(define (job-list->lines jobs)
  "Return JOBS, which `job-list' returned, as a list of lines for people."
  (define (line job)
    (define (field name)
      (let ((value (assq-ref job name)))
        (if value
            (format #f "  ~a=~a" name value)
            "")))
    (format #f "~a  ~a~a~a~a~a  ~a"
            (assq-ref job 'name)
            (assq-ref job 'state)
            (field 'status)
            (let ((began (assq-ref job 'began)))
              (if began
                  (strftime "  began=%Y-%m-%dT%H:%M:%SZ" (gmtime began))
                  ""))
            (field 'seconds)
            (field 'log-size)
            (assq-ref job 'last)))
  (map (lambda (job)
         (string-trim-right (line job)))
       jobs))

(define (job-list->json jobs)
  "Return JOBS, which `job-list' returned, as JSON text: an array of objects."
  (scm->json (list->vector (map nulls jobs))))

(define (nulls alist)
  "Return ALIST with null for what is #f."
  (map (match-lambda ((key . value) (cons key (or value 'null)))) alist))

(define (job-result->lines name result)
  "Return RESULT, of the job called NAME, as a list of key=value lines."
  (filter-map (match-lambda
                ((key . #f) #f)
                ((key . value) (format #f "~a=~a" (json-key key) value)))
              (result->alist name result)))

(define (job-result->json name result)
  "Return RESULT, of the job called NAME, as JSON text: an object."
  (scm->json (nulls (result->alist name result))))

(define (result->alist name result)
  `((job . ,name)
    (end . ,(job-result-end result))
    (status . ,(job-result-status result))
    (warnings . ,(job-result-warnings result))
    (log . ,(job-result-log result))))

;;; How the same work went before.

(define* (job-history-file name #:key (jobs #f))
  "Return the file in which it is kept how the work called NAME went last, or #f
when this user has no home.  JOBS is how many of its parts are done side by side, a
number, or #f.  Work on another host or a simulated one, of another harness, or
with other JOBS takes another time, and has a file of its own."
  (let ((state (or (getenv "XDG_STATE_HOME")
                   (and=> (getenv "HOME")
                          (lambda (home) (string-append home "/.local/state"))))))
    (and state
         (%work-history-file (string-append state "/fruix-scm/estimates")
                             (append (run-words)
                                     (list name
                                           (if jobs
                                               (number->string jobs)
                                               "any")))))))

(define (run-words)
  "Return what tells the work of this run from that of others, a list of strings:
which kind of host it is on, which one, and the harness."
  (append (match (cons (%run-world)
                       (map known-setting '(host guest/address)))
            ;; Its address is another one each time.
            (("simulated" . _) '("simulated" ""))
            ((_ #f #f) '("local" ""))
            ((world host address) (list world (or host address))))
          (list (run-name))))

(define (known-setting name)
  ;; A script that needs no settings is not troubled by those it cannot read.
  (catch 'settings-error
    (lambda () (setting-or name #f))
    (const #f)))

(define (command-jobs command)
  "Return how many jobs COMMAND, a list of words or a `sh' text, lets `make' or its
like run side by side, as it says with -j, or #f."
  (match (string-match "(^|[ '\"])(-j|--jobs[= ]?) *([0-9]+)($|[ '\"])"
                       (ssh-command-line command))
    (#f #f)
    (found (string->number (match:substring found 3)))))

;;; Logs that are kept.

(define* (log-archive-ref file #:key (from 0) (count (* 1024 1024)))
  "Return COUNT bytes, as a string, of the log that `job-follow' keeps in FILE,
from byte FROM on; fewer where it ends.  `zcat FILE' prints all of it.

Throw 'system-error when FILE cannot be read."
  (%log-archive-read file from count))

(define (log-archive-stages file)
  "Return the stages of the log kept in FILE: an association list from the byte at
which a part begins to the stage that the build was in, a string."
  (%log-archive-stages file))

(define (log-archive-cause file)
  "Return the first cause of failure that the log kept in FILE tells, an
association list as `job-result-cause' has it, or #f when it tells of none: it
stands in the index, whoever followed the job."
  (%log-archive-cause file))

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
decides where to go on, and FROM does not count.  The log of an earlier job makes
way.  With HISTORY, a file name, the
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

`job-result-cause' is why it failed, as its whole log tells it: an association
list with `target', `status' or `signal', `directory', `stage', `line' (the number
of the line that says so), `summary', `lines' (what the target printed last) and
`told', a line for people; #f where the log names no failure.

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
                     (assq-ref result 'warnings)
                     (assq-ref result 'cause)
                     (string-append (job-directory job) "/log"))))

(define* (job-end! job #:key (forget? #f))
  "End JOB and every process of its session.  With FORGET? remove its files, so
that another may have its name."
  (%ssh-job-end (job-guest job) (job-directory job))
  (when forget?
    (ssh-ask (job-guest job) `(("rm" "-rf" ,(job-directory job))) #:again? #t)))

(define (job-find guest name)
  "Return what `job-list' says of the job called NAME in GUEST.

Throw 'usage-error when GUEST has no such job."
  (or (find (lambda (job) (string=? name (assq-ref job 'name)))
            (job-list guest))
      (throw 'usage-error #f "~A"
             (list (format #f "the guest has no job called `~a`" name))
             '((hint . "`fruix-scm jobs` lists those that it has")))))

(define* (guest-run-job guest name command
                        #:key
                        (environment #f)
                        (directory #f)
                        (live #f)
                        (copy #f)
                        (keep (log-file name))
                        (history (job-history-file
                                  name #:jobs (command-jobs command)))
                        (stall-timeout #f)
                        (timeout (* 24 60 60)))
  "Run COMMAND in GUEST as `guest-run' does, but as the job called NAME, so that
it goes on when the connection is lost, and return the job's result.  The keywords
are those of `job-start' and `job-follow'.

A job of that name that still runs is taken up when it runs the same COMMAND with
the same ENVIRONMENT and DIRECTORY, and never ended.  One that has ended is removed
first, unless it has ended well for the very step that runs now: then this is its
result.

Throw 'guest-command-failed when the job ends in any way but with status zero,
with the first cause that its log shows, 'timeout when it stalls or is late, which
ends it, and 'ssh-error when another job of that name runs.  In a harness the
log is kept in the run's folder unless KEEP says where, or is #f; the last lines of
a job that fails are shown, and where its log is."
  (let* ((line (ssh-command-line command
                                 #:environment environment
                                 #:directory directory))
         (there (job-there guest name))
         (how (what-to-do there line))
         (job (match how
                ('start
                 (when there
                   (job-end! (job-attach guest name) #:forget? #t))
                 (own! guest name)
                 (job-start guest name command
                            #:environment environment
                            #:directory directory))
                ('take-up
                 (%run-note! (format #f "the job `~a' still runs in the guest: it is followed" name))
                 (own! guest name)
                 (job-attach guest name))
                ('is-done
                 (job-attach guest name))
                ('refuse
                 (throw 'ssh-error 'guest-run-job "~A"
                        (list (format #f "a job `~a` runs in the guest, and its command is another: `~a`"
                                      name (ssh-visible (assq-ref there 'script))))
                        `((job . ,name)
                          (script . ,(assq-ref there 'script))))))))
    (%run-job-began! name (symbol->string how) keep)
    (let ((result (job-follow job
                              #:live live
                              #:copy copy
                              #:keep keep
                              #:history history
                              #:stall-timeout stall-timeout
                              #:timeout timeout)))
      (when (memq (job-result-end result) '(stalled late))
        (job-end! job))
      (%run-job-ended! name (symbol->string (job-result-end result)))
      (unless (job-result-passed? result)
        (show-failed job result (filter string? (list keep copy)))
        (throw-failed job result))
      result)))

(define (what-to-do there line)
  "Return what becomes of the job that is THERE, as `job-there' says it, when one is
wanted that runs LINE."
  (cond ((not there) 'start)
        ((and (not (assq-ref there 'status)) (assq-ref there 'alive?))
         (if (string=? line (assq-ref there 'script)) 'take-up 'refuse))
        ((and (eqv? 0 (assq-ref there 'status))
              (owned? there)
              (string=? line (assq-ref there 'script)))
         'is-done)
        (else 'start)))

;; Which step of which run a job is for; nothing outside of a harness.
(define (owner)
  (if (string-null? (%run-step-nonce))
      ""
      (string-append (%run-step-run) " " (%run-step-nonce))))

(define (owned? there)
  (and (not (string-null? (owner)))
       (string=? (owner) (assq-ref there 'owner))))

(define (own! guest name)
  "Say in GUEST for which step the job called NAME is."
  (guest-answer guest (sh "umask 077 && mkdir -p \"$1\" && printf '%s' \"$2\" > \"$1/owner\""
                          (directory-of guest name) (owner))))

(define (guest-answer guest command)
  (match (ssh-ask guest (list command) #:again? #t)
    ((result)
     (unless (ssh-result-passed? result)
       (throw 'guest-command-failed 'guest-run-job "~A"
              (list (string-append "cannot write about a job in the guest: "
                                   (ssh-visible (ssh-result-stderr result))))
              '()))
     (ssh-result-stdout result))))

(define (job-there guest name)
  "Return what is known in GUEST of the job called NAME: an association list with
script, a string; status, an integer or #f while it has none; alive?, whether it
runs; and owner, the run and the step that it is for, a string.  Return #f when
there is no such job."
  (match (ssh-ask guest
                  (map (lambda (file)
                         `("cat" ,(string-append (directory-of guest name) "/" file)))
                       '("script" "owner"))
                  #:again? #t)
    ((script owner)
     (and (ssh-result-passed? script)
          (let ((listed (find (lambda (job) (string=? name (assq-ref job 'name)))
                              (job-list guest))))
            (and listed
                 `((script . ,(string-trim-right (ssh-result-stdout script) #\newline))
                   (status . ,(assq-ref listed 'status))
                   (alive? . ,(eq? 'running (assq-ref listed 'state)))
                   (owner . ,(ssh-result-stdout owner)))))))))

(define (job-passed? guest name)
  "Return #t when the job called NAME has ended with status zero in GUEST for the
step that runs now: the proof of a step that is one job."
  (let ((there (job-there guest name)))
    (and there
         (eqv? 0 (assq-ref there 'status))
         (owned? there))))

(define (log-file name)
  "Return a file of the run's folder for the log of the job called NAME, which no
other job of the run has, or #f when there is no such folder."
  (let loop ((number 1))
    (match (and (not (string-null? (run-identifier)))
                (run-file (if (= number 1)
                              (string-append name ".log.gz")
                              (format #f "~a.~a.log.gz" name number))))
      (#f #f)
      (file (if (file-exists? file)
                (loop (+ number 1))
                file)))))

(define (show-failed job result files)
  "Show the end of the log of JOB, whose RESULT is no success, and that the log is
in the guest and in FILES."
  (%ssh-job-failed! (job-name job)
                    (job-result-tail result)
                    (cons (string-append (job-directory job) "/log in the guest")
                          files)))

(define (throw-failed job result)
  (let* ((cause (job-result-cause result))
         (last (and cause (ssh-visible (assq-ref cause 'told))))
         (text (format #f "job `~a` ~a in the guest~a~a" (job-name job)
                       (end-text result)
                       (cond (last (string-append "; first cause: " last))
                             ((last-line (job-result-tail result))
                              => (lambda (line) (string-append "; last: " line)))
                             (else ""))
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
             (cause . ,(or cause '()))
             (hint . ,(string-append "to look for yourself: "
                                     (ssh-login-line (job-guest job))))))))

(define (last-line text)
  "Return the last line of TEXT that says something, as it may be shown, or #f."
  (and=> (find (negate string-null?)
               (map string-trim-both (reverse (string-split text #\newline))))
         ssh-visible))

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
