;;; Machines: VMs with their disks, and the guests that boot from them.
;;;
;;; Which machines there are stands in the settings, so that a harness is the same text
;;; for every host, a simulated one included.  Each thing done here is a step of the
;;; harness that asks, and promises its own end.  The whole way to a guest is
;;; `boot-approved-machine'; its steps are words of their own.
;;;
;;; Where a machine is wanted its guest will do, and so will its name; #f is the
;;; approved one.

(define-module (fruix machine)
  #:use-module (fruix digest)
  #:use-module (fruix harness)
  #:use-module (fruix machine disk)
  #:use-module (fruix machine evidence)
  #:use-module (fruix machine guest)
  #:use-module (fruix machine settings)
  #:use-module (fruix native run)
  #:use-module (fruix settings)
  #:use-module (fruix ssh)
  #:use-module (fruix xapi)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (boot-approved-machine
            boot-machine
            boot-machines
            find-machine
            find-machines
            machine
            machine?
            machine-name
            machine-session
            machine-vm
            machine-vdi
            machine-guest
            machine-prepare-disk!
            machine-start!
            machine-connect!
            machine-stop!
            machine-reboot!
            machine-snapshot
            machine-revert!
            machine-screenshot
            machine-console
            log-in-to-host)
  #:re-export (connect-to-proven-guest))

(define-record-type <machine>
  (make-machine name session vm vdi guest promised? seen?)
  machine?
  (name     %name)                              ;string, or #f: the approved one
  (session  %session)                           ;session on its host
  (vm       %vm)                                ;reference
  (vdi      %vdi)                               ;reference: the approved disk
  (guest    %guest set-guest!)                  ;connection or #f
  (promised? promised? set-promised!)           ;boolean: that GUEST is let go
  (seen?    seen? set-seen!))                   ;boolean: see keep-what-it-shows

;; The machines of the run that goes on, the last first; its session, and what that may
;; change.
(define *run* #f)
(define *session* #f)
(define *approved* #f)
(define *machines* '())

(define (machines)
  (unless (equal? *run* (run-identifier))
    (set! *run* (run-identifier))
    (set! *session* #f)
    (set! *machines* '()))
  *machines*)

(define* (machine #:optional (which #f))
  "Return the machine that the harness has: WHICH is its name, a string, #f for the
approved one, its guest, or a machine, which is returned.

Throw 'usage-error when the harness has no such machine."
  (define (is? one)
    (if (or (not which) (string? which))
        (equal? which (%name one))
        (eq? which (%guest one))))
  (cond ((machine? which) which)
        ((find is? (machines)))
        (else
         (throw 'usage-error 'machine "~A"
                (list (cond ((not which)
                             "the approved machine was not asked for: see boot-approved-machine")
                            ((string? which)
                             (string-append "the machine `" which
                                            "` was not asked for: see boot-machine"))
                            (else
                             "this is no machine of the harness, nor the guest of one")))
                '()))))

(define* (machine-name #:optional (which #f))
  "Return the name of the machine WHICH, a string, or #f for the approved one."
  (%name (machine which)))

(define* (machine-session #:optional (which #f))
  "Return the session on the host of the machine WHICH, for (fruix xapi)."
  (%session (machine which)))

(define* (machine-vm #:optional (which #f))
  "Return the VM of the machine WHICH, a reference, for (fruix xapi)."
  (%vm (machine which)))

(define* (machine-vdi #:optional (which #f))
  "Return the disk that the machine WHICH boots from, a reference: the approved one, or
what stands for it."
  (let ((machine (machine which)))
    (disk-in-use (%session machine) (%vm machine) (%vdi machine))))

(define* (machine-guest #:optional (which #f))
  "Return the connection to the guest of the machine WHICH, for (fruix guest), or #f
where there is none now."
  (%guest (machine which)))

;;; The whole way.

(define* (boot-approved-machine #:key (machine #f))
  "Write the image of the settings onto the approved disk, start the approved VM,
and return a connection to its guest, for (fruix guest).  When the harness ends
the VM is shut down and the session logged out, unless the machine is kept.  In a
run that is gone on with, the image is not written again while the disk still has
what this run has written, and the VM goes on if it runs.

MACHINE, a string, names one of those in the section `machines' of the settings.
Where the harness fails, what the machine shows is in the run's folder: see
`machine-screenshot' and `machine-console'.

Throw 'settings-error when something is missing or not approved, before the host
is asked to change anything."
  (let ((found (find-machine machine)))
    (machine-prepare-disk! found)
    (machine-start! found)
    (machine-connect! found)))

(define (boot-machine name)
  "Do for the machine called NAME, a string, what `boot-approved-machine' does, and
return a connection to its guest."
  (step (string-append "machine `" name "`")
    #:attach #f
    (boot-approved-machine #:machine name)))

(define (boot-machines . names)
  "Do for each of the machines called NAMES what `boot-approved-machine' does, and return
the list of connections to their guests.  All are locked before the first is changed,
in an order that is the same for everybody, and none waits for another to boot."
  (let ((found (apply find-machines names)))
    (for-each (lambda (one)
                (step (string-append "machine `" (%name one) "`")
                  #:attach #f
                  (machine-prepare-disk! one)
                  (machine-start! one)))
              found)
    (map machine-connect! found)))

;;; Finding a machine.

(define* (find-machine #:optional (name #f))
  "Return the machine called NAME, a string, or #f for the approved one, found on its
host and locked for this run; nothing else of it is changed.  When the harness ends its
VM is shut down, unless the machine is kept.

Throw 'settings-error when something is missing or not approved, and 'machine-in-use
when another run has it."
  (consider name)
  (let* ((session (log-in-to-host))
         (found (look-up session name)))
    (step "lock the machine for this run"
      #:attach #f
      (lock-for-run session (list found)))
    (take-charge found)
    found))

(define (find-machines . names)
  "Return the list of the machines called NAMES, strings or #f, as `find-machine' does;
either all of them are locked or none."
  (for-each consider names)
  (let* ((session (log-in-to-host))
         (found (map (lambda (name) (look-up session name)) names)))
    (step "lock the machines for this run"
      #:attach #f
      (lock-for-run session found))
    (for-each take-charge found)
    found))

;; What the steps below need; asked for before the first of them, so that a
;; missing value does not turn up after an hour.
(define %needed
  '(host user password-file certificate-sha256 approved/vms approved/vdis))

(define %needed-of-machine
  '(vm vdi image guest/private-key guest/host-key))

(define (consider name)
  (insist-on-machine name)
  (for-each setting %needed)
  (for-each (lambda (key) (machine-setting name key)) %needed-of-machine)
  (ssh-check-private-key (machine-setting name 'guest/private-key))
  (%run-machine! (setting 'host) (or name "")
                 (machine-setting name 'vm) (machine-setting name 'vdi)))

(define (look-up session name)
  (let ((vm (xapi-vm-find session (machine-setting name 'vm)))
        (vdi (xapi-vdi-find session (machine-setting name 'vdi))))
    (put-at-hand! 'vm vm)
    (step "find the approved machine"
      (check "the disk belongs to the VM, or is kept for it"
             (or (replaces-the-disk? name)
                 (member vdi (vm-disks session vm)))))
    (make-machine name session vm vdi #f #f #f)))

(define (log-in-to-host)
  "Return a session on the host of the settings, which is logged out when the
harness ends.  A harness has one, however often it asks, unless the settings approve
more meanwhile, as a simulated host's do where another machine is named."
  (step "log in to the host"
    #:attach #f
    (or (session-of-run)
        (let ((session (log-in)))
          (set! *session* session)
          (set! *approved* (approved))
          (put-at-hand! 'session session)
          (at-end "log out" (lambda () (xapi-logout session)))
          session))))

(define (session-of-run)
  "Return the session of the run that goes on, or #f; at a prompt each has its own."
  (machines)
  (and (not (string-null? (run-identifier)))
       (equal? *approved* (approved))
       *session*))

(define (approved)
  (map setting '(approved/vms approved/vdis)))

(define (log-in)
  (xapi-login #:host (setting 'host)
              #:user (setting 'user)
              #:password-file (setting 'password-file)
              #:certificate-sha256 (setting 'certificate-sha256)
              #:approved-vms (setting 'approved/vms)
              #:approved-vdis (setting 'approved/vdis)
              #:owner (or (getenv "LOGNAME") (getenv "USER") "fruix-scm")
              #:run (if (string-null? (run-identifier))
                        ;; Two prompts of one user are not one run.
                        (string-append "prompt-" (%run-unique))
                        (run-identifier))
              #:lock-seconds (setting-or 'lock-seconds 300)))

(define (lock-for-run session found)
  "Let nobody else change the machines FOUND until SESSION ends.

Throw 'machine-in-use when another run has one of them, unless the option
--take-over lets it be taken."
  (define (lock take-over)
    (xapi-lock session
               #:vms (map %vm found)
               #:vdis (map %vdi found)
               #:take-over take-over))
  (catch 'machine-in-use
    (lambda () (lock #f))
    (lambda (key . arguments)
      (let ((run (xapi-error-detail arguments 'run)))
        (match arguments
          ((_ template (values ...) . _)
           (if (take-over? run (apply format #f template values))
               (lock run)
               (apply throw key arguments))))))))

(define (take-charge found)
  "Promise the end of the machine FOUND, and let it be kept."
  (set! *machines*
        (cons found (remove (lambda (one) (equal? (%name one) (%name found)))
                            (machines))))
  (keep-machine
   (lambda (why)
     (for-each keep-what-it-shows *machines*)
     (values (apply min
                    (map (lambda (session)
                           (xapi-lock-keep session
                                           (setting-or 'keep-lease-seconds 43200)
                                           why))
                         (sessions)))
             (logins)))
   #:lost (lambda () (any lost-by (sessions)))
   #:let-go (lambda () (for-each let-go-of-guest *machines*)))
  (let ((session (%session found)))
    (at-end (of-machine found "shut the VM down")
            (lambda ()
              (keep-what-it-shows found)
              (xapi-vm-shutdown session (%vm found) #:hard? #t))
            #:of-machine? #t)))

(define (sessions)
  "Return the sessions of the machines of this run."
  (delete-duplicates (map %session *machines*) eq?))

(define (of-machine machine what)
  (if (%name machine)
      (string-append what ": machine `" (%name machine) "`")
      what))

(define (logins)
  "Return how to log in to the guests of the machines of this run, a string, or #f."
  (match (filter-map (lambda (one)
                       (and (%guest one)
                            (ssh-quote (login-words (%name one)
                                                    (ssh-address (%guest one))))))
                     (reverse *machines*))
    (() #f)
    (lines (string-join lines " or "))))

(define (lost-by session)
  "Return to whom the machine that SESSION has locked is lost, a string, or #f.  The
host is asked, since nothing may have told yet."
  (catch #t
    (lambda ()
      (xapi-lock-confirm session)
      #f)
    (lambda (key . arguments)
      ;; A host that does not answer takes nothing away.
      (or (xapi-lost)
          (and (eq? key 'machine-lost)
               (match arguments
                 ((_ "~A" (message) . _) message)
                 (_ "the lock of the machine")))))))

;;; Preparing the disk and starting.

(define* (machine-prepare-disk! #:optional (which #f))
  "Write the image of the settings onto the disk of the machine WHICH, whose VM is shut
down if it runs, and read it back.  In a run that is gone on with, that is done unless
the disk has what this step has written."
  (let* ((machine (machine which))
         (name (%name machine))
         (session (%session machine))
         (vm (%vm machine))
         (image (machine-setting name 'image)))
    (%run-image! image (digest-of-image image))
    (step (if (replaces-the-disk? name)
              "import the image to a fresh disk, and read it back"
              "import the image, and read it back")
      #:proof (disk-written-by session vm (step-nonce))
      (make-sure-it-is-halted machine)
      (forget-who-has-written session vm)
      (remember-who-has-written session
                                (write-image session name vm (%vdi machine) image)
                                (step-nonce)))))

(define (digest-of-image image)
  "Return the SHA-256 of the file IMAGE; in a run that is gone on with it is not
taken again while IMAGE is the same file as before."
  (step "take the digest of the image"
    #:inputs (let ((there (stat image)))
               (list image (stat:size there) (stat:mtime there) (stat:ino there)))
    (digest-file image)))

(define (make-sure-it-is-halted machine)
  (unless (string=? (xapi-vm-power-state (%session machine) (%vm machine)) "Halted")
    (let-go-of-guest machine)
    (step "shut the VM down, which runs from before"
      #:attach #f
      (xapi-vm-shutdown (%session machine) (%vm machine) #:hard? #t))))

(define* (machine-start! #:optional (which #f))
  "Start the VM of the machine WHICH, unless it runs.  Its guest has then only begun to
boot; see `machine-connect!'."
  (let ((machine (machine which)))
    (step "start the VM"
      #:attach (string=? "Running"
                         (xapi-vm-power-state (%session machine) (%vm machine)))
      (xapi-vm-start (%session machine) (%vm machine))
      #t)))

(define* (machine-stop! #:optional (which #f) #:key (hard? #f))
  "Shut the VM of the machine WHICH down: by asking its guest, or with HARD? by taking
its power away.  What its guest has written stays on its disk; `machine-start!' starts
it again."
  (let ((machine (machine which)))
    (step "stop the VM"
      #:attach (string=? "Halted"
                         (xapi-vm-power-state (%session machine) (%vm machine)))
      (let-go-of-guest machine)
      (xapi-vm-shutdown (%session machine) (%vm machine) #:hard? hard?)
      #t)))

;;; The guest.

(define* (machine-connect! #:optional (which #f))
  "Return a connection to the guest of the machine WHICH, whose VM runs: at whichever
address that some source names and the guest's SSH key proves.

Throw 'timeout when there is none within `boot-timeout-seconds' of the settings."
  (let ((machine (machine which)))
    (step "find the guest and connect to it"
      #:attach #f
      (connect machine (boot-patience)))))

(define (boot-patience)
  (setting-or 'boot-timeout-seconds 300))

(define (connect machine timeout-seconds)
  (let-go-of-guest machine)
  (let ((guest (connect-to-proven-guest (%session machine) (%vm machine)
                                        timeout-seconds
                                        #:machine (%name machine))))
    (hold-guest machine guest)
    guest))

(define (hold-guest machine guest)
  (unless (promised? machine)
    (set-promised! machine #t)
    (at-end (of-machine machine "close the connection to the guest")
            (lambda ()
              (keep-what-it-shows machine)
              (let-go-of-guest machine))))
  (set-guest! machine guest)
  (put-at-hand! 'guest guest)
  (put-at-hand! 'login (login-words (%name machine) (ssh-address guest) #:pinned? #t)))

(define (let-go-of-guest machine)
  (let ((guest (%guest machine)))
    (set-guest! machine #f)
    (when guest
      (ssh-close guest))))

(define %rebooted "fruix-scm:rebooted")

(define* (machine-reboot! #:optional (which #f)
                          #:key (how 'clean) (timeout-seconds (boot-patience)))
  "Reboot the machine WHICH, wait until its guest has booted anew, and return the
connection to it; that to the guest as it was is closed.  HOW is `clean', asking the
guest through the host; `guest', by shutdown(8) in the guest; or `hard', taking the
power away and giving it back.

Throw 'timeout when the guest is not there within TIMEOUT-SECONDS, or is and has not
rebooted."
  (let* ((machine (machine which))
         (session (%session machine))
         (vm (%vm machine)))
    (step "reboot"
      #:proof (rebooted-by machine (step-nonce))
      (let* ((guest (or (%guest machine)
                        (connect machine timeout-seconds)))
             (before (ssh-boot guest)))
        (xapi-vm-forget-note! session vm %rebooted)
        (xapi-vm-note! session vm %rebooted
                       (string-append (step-nonce) " " before))
        (ask-for-reboot session vm guest how)
        (let-go-of-guest machine)
        (await-another-boot machine before timeout-seconds)))
    (or (%guest machine)
        (connect machine timeout-seconds))))

(define (ask-for-reboot session vm guest how)
  (case how
    ((clean) (xapi-vm-reboot session vm))
    ((hard) (xapi-vm-reset session vm))
    ((guest)
     ;; The connection may end before the answer comes.
     (catch 'connection-error
       (lambda () (ssh-run guest '("shutdown" "-r" "now") #:timeout-seconds 60))
       (const #f)))
    (else
     (throw 'usage-error 'machine-reboot! "~A"
            (list (format #f "#:how is clean, guest or hard, and not ~s" how))
            '()))))

(define (await-another-boot machine before timeout-seconds)
  "Connect to the guest of MACHINE as soon as its boot is another than BEFORE."
  (let ((left (countdown timeout-seconds)))
    (let loop ()
      (let ((guest (connect-to-proven-guest (%session machine) (%vm machine)
                                            (max 1 (left))
                                            #:machine (%name machine))))
        (cond ((not (ssh-same-boot? before (boot-or before guest)))
               (hold-guest machine guest))
              ((<= (left) 0)
               (ssh-close guest)
               (throw 'timeout 'machine-reboot! "~A"
                      (list (format #f "the guest did not reboot within ~a s; last: ~a"
                                    timeout-seconds
                                    "it answers, and has not rebooted"))
                      '()))
              (else
               (ssh-close guest)
               (usleep 500000)
               (loop)))))))

(define (boot-or before guest)
  "Return the boot of GUEST, or BEFORE when it goes down while it is asked."
  (catch #t
    (lambda () (ssh-boot guest))
    (lambda (key . arguments)
      (if (memq key '(connection-error ssh-error timeout))
          before
          (apply throw key arguments)))))

(define (rebooted-by machine nonce)
  "Return the boot of the guest of MACHINE when it is another than before the step with
NONCE began, or #f."
  (let ((mark (xapi-ref (xapi-call (%session machine) "VM.get_other_config"
                                   (%vm machine))
                        %rebooted)))
    (and mark
         (%guest machine)
         (match (string-split mark #\space)
           ((by before)
            (let ((now (ssh-boot (%guest machine))))
              (and (string=? by nonce)
                   (not (ssh-same-boot? before now))
                   now)))
           (_ #f)))))

;;; Snapshots.

(define* (machine-snapshot which name)
  "Take a snapshot called NAME, a string, of the disk of the machine WHICH, which may
run, and return its UUID, for `machine-revert!'.  What the guest has not yet written to
its disk is not in it; a guest that answers is asked to write everything first.  When
the harness ends the snapshot is removed, unless the machine is kept."
  (let* ((machine (machine which))
         (session (%session machine))
         (disk (machine-vdi machine)))
    (let ((uuid (step (string-append "take the snapshot `" name "`")
                  #:proof (snapshot-taken-by session disk (step-nonce))
                  (when (%guest machine)
                    (ssh-run (%guest machine) '("sync")))
                  (take-snapshot session disk name (step-nonce)))))
      (at-end (of-machine machine (string-append "remove the snapshot `" name "`"))
              (lambda ()
                (xapi-vdi-destroy session (xapi-vdi-find session uuid)))
              #:of-machine? #t)
      uuid)))

(define* (machine-revert! which snapshot)
  "Bring the disk of the machine WHICH back to what it was when SNAPSHOT, a UUID that
`machine-snapshot' has returned, was taken, start it, and return a connection to its
guest.  The power of its VM is taken away first.  The disk stays the same one, and the
machine is this run's all the while."
  (let* ((machine (machine which))
         (session (%session machine))
         (vm (%vm machine))
         (disk (machine-vdi machine)))
    (step "go back to the snapshot"
      #:proof (disk-reverted-by session disk (step-nonce))
      (let-go-of-guest machine)
      (xapi-vm-shutdown session vm #:hard? #t)
      (revert-disk session disk (xapi-vdi-find session snapshot) (step-nonce)))
    (machine-start! machine)
    (or (%guest machine)
        (machine-connect! machine))))

;;; What a machine shows.

(define (evidence-file machine name type)
  "Return the file in the run's folder for what MACHINE shows, or #f."
  (run-file (string-append name
                           (if (%name machine)
                               (string-append "-" (%name machine))
                               "")
                           type)))

(define (insist-on-file procedure file)
  (or file
      (throw 'usage-error procedure "~A"
             '("the run has no folder; say #:file, where it is to be written") '())))

(define* (machine-screenshot #:optional (which #f)
                             #:key (file #f) (timeout-seconds 60))
  "Write what the machine WHICH shows on its screen to FILE, as a PNG, and return FILE;
without it that is `screen.png', or `screen-NAME.png', in the run's folder.

Throw 'xapi-error when the machine does not run, and 'timeout after TIMEOUT-SECONDS."
  (let* ((machine (machine which))
         (file (insist-on-file 'machine-screenshot
                               (or file (evidence-file machine "screen" ".png")))))
    (step "keep what the screen shows"
      (xapi-vm-screenshot (%session machine) (%vm machine) file
                          #:timeout-seconds timeout-seconds)
      file)))

(define* (machine-console #:optional (which #f)
                          #:key (file #f) (timeout-seconds 60))
  "Write what the console of the machine WHICH has told, as far as its guest knows, to
FILE, and return FILE; without it that is `console.log', or `console-NAME.log', in the
run's folder.  XAPI does not lead to the text of a console, so the guest has to answer:
what its boot printed, the end of its log, and of its kernel's buffer.

Throw 'usage-error when nobody has connected to the guest, and what `ssh-connect' throws."
  (let* ((machine (machine which))
         (file (insist-on-file 'machine-console
                               (or file (evidence-file machine "console" ".log")))))
    (unless (%guest machine)
      (throw 'usage-error 'machine-console "~A"
             '("nobody has connected to the guest: see machine-connect!") '()))
    (step "keep what the console has told"
      (write-console (%name machine) (ssh-address (%guest machine)) file
                     #:timeout-seconds timeout-seconds)
      file)))

;; How long each look at a machine may take whose harness has failed.
(define %patience-seconds 10)

(define (keep-what-it-shows machine)
  "When the harness has failed, let its folder hold what MACHINE shows, once, and say
where that is; whatever keeps it from that is said, and never more."
  (when (and (eq? 'failed (run-outcome))
             (not (seen? machine))
             (not (xapi-lost)))
    (set-seen! machine #t)
    (let ((screen (evidence-file machine "screen" ".png"))
          (console (evidence-file machine "console" ".log")))
      (when screen
        (try-to-keep (string-append "the screen of " (described machine)) screen
          (lambda ()
            (xapi-vm-screenshot (%session machine) (%vm machine) screen
                                #:timeout-seconds %patience-seconds)))
        (when (%guest machine)
          (try-to-keep (string-append "the console of " (described machine)) console
            (lambda ()
              (write-console (%name machine) (ssh-address (%guest machine)) console
                             #:timeout-seconds %patience-seconds))))))))

(define (described machine)
  (if (%name machine)
      (string-append "machine `" (%name machine) "`")
      "the machine"))

(define (try-to-keep what file thunk)
  (catch #t
    (lambda ()
      (thunk)
      (%run-note! (string-append what ": " file)))
    (lambda (key . arguments)
      (%run-note! (string-append what " cannot be kept: "
                                 (match arguments
                                   ((_ "~A" ((? string? message)) . _) message)
                                   (_ (symbol->string key))))))))
