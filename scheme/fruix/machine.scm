;;; The approved machine: a VM, its disk, and the guest that boots from it.
;;;
;;; What is approved stands in the settings, so that a harness is the same text
;;; for every host, a simulated one included.  Each thing done here is a step
;;; of the harness that asks, and promises its own end.

(define-module (fruix machine)
  #:use-module (fruix digest)
  #:use-module (fruix harness)
  #:use-module (fruix native run)
  #:use-module (fruix settings)
  #:use-module (fruix ssh)
  #:use-module (fruix xapi)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:export (boot-approved-machine
            connect-to-proven-guest
            log-in-to-host))

;; What the steps below need; asked for before the first of them, so that a
;; missing value does not turn up after an hour.
(define %needed
  '(host user password-file certificate-sha256
    approved/vms approved/vdis vm vdi image
    guest/private-key guest/host-key))

(define (boot-approved-machine)
  "Write the image of the settings onto the approved disk, start the approved VM,
and return a connection to its guest, for (fruix guest).  When the harness ends
the VM is shut down and the session logged out, unless the machine is kept.  In a
run that is gone on with, the image is not written again while the disk still has
what this run has written, and the VM goes on if it runs.

Throw 'settings-error when something is missing or not approved, before the host
is asked to change anything."
  (for-each setting %needed)
  (ssh-check-private-key (setting 'guest/private-key))
  (%run-machine! (setting 'host) "" (setting 'vm) (setting 'vdi))
  (let* ((session (log-in-to-host))
         (vm (xapi-vm-find session (setting 'vm)))
         (vdi (xapi-vdi-find session (setting 'vdi)))
         (image (setting 'image))
         (guest #f))
    (put-at-hand! 'vm vm)
    (step "find the approved machine"
      (check "the disk belongs to the VM, or is kept for it"
             (or (replaces-the-disk?)
                 (member vdi (vm-disks session vm)))))
    (lock-the-machine session vm vdi)
    (keep-machine
     (lambda (why)
       (values (xapi-lock-keep session (setting-or 'keep-lease-seconds 43200) why)
               (and guest (ssh-quote (login-words (ssh-address guest))))))
     #:lost (lambda () (lost-by session))
     #:let-go (lambda () (when guest (ssh-close guest))))
    (at-end "shut the VM down"
            (lambda () (xapi-vm-shutdown session vm #:hard? #t))
            #:of-machine? #t)
    (%run-image! image (digest-of-image image))
    (step (if (replaces-the-disk?)
              "import the image to a fresh disk, and read it back"
              "import the image, and read it back")
      #:proof (disk-written-by session vm (step-nonce))
      (make-sure-it-is-halted session vm)
      (forget-who-has-written session vm)
      (remember-who-has-written session
                                (write-image session vm vdi image)
                                (step-nonce)))
    (step "start the VM"
      #:attach (string=? "Running" (xapi-vm-power-state session vm))
      (xapi-vm-start session vm)
      #t)
    (set! guest (connect-to-guest session vm))
    (put-at-hand! 'guest guest)
    (put-at-hand! 'login (login-words (ssh-address guest) #:pinned? #t))
    guest))

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

(define (digest-of-image image)
  "Return the SHA-256 of the file IMAGE; in a run that is gone on with it is not
taken again while IMAGE is the same file as before."
  (step "take the digest of the image"
    #:inputs (let ((there (stat image)))
               (list image (stat:size there) (stat:mtime there) (stat:ino there)))
    (digest-file image)))

;;; What says on a disk, in its other_config, which step of which run has written
;;; it: the step's nonce, a number that no other writing has, and the UUID of the
;;; disk, since the host copies it to clones and snapshots.

(define %written "fruix-scm:written")

(define (written-mark session vdi)
  (xapi-ref (xapi-call session "VDI.get_other_config" vdi) %written))

(define (disk-written-by session vm nonce)
  "Return the mark of the disk of VM that the step with NONCE has written whole, or
#f when there is none."
  (any (lambda (vdi)
         (let ((mark (written-mark session vdi)))
           (and mark
                (match (string-split mark #\space)
                  ((by _ uuid)
                   (and (string=? by nonce)
                        (string=? uuid (xapi-call session "VDI.get_uuid" vdi))
                        mark))
                  (_ #f)))))
       (vm-disks session vm)))

(define (forget-who-has-written session vm)
  ;; What is written half must not be taken for the whole.
  (for-each (lambda (vdi)
              (when (written-mark session vdi)
                (xapi-call session "VDI.remove_from_other_config" vdi %written)))
            (vm-disks session vm)))

(define (write-image session vm vdi image)
  "Write IMAGE to VDI, or to a fresh disk that then stands for it in VM, and return
the disk that was written."
  (cond ((replaces-the-disk?)
         (assq-ref (xapi-vdi-replace session vm vdi image
                                     #:timeout-seconds (import-patience))
                   'vdi))
        (else
         (xapi-vdi-import session vdi image
                          #:timeout-seconds (import-patience))
         vdi)))

(define (remember-who-has-written session vdi nonce)
  (xapi-call session "VDI.add_to_other_config" vdi %written
             (string-join (list nonce (%run-unique)
                                (xapi-call session "VDI.get_uuid" vdi)))))

(define* (login-words address #:key (pinned? #f))
  "Return the command with which somebody logs in to the guest at ADDRESS, a list of
strings.  With PINNED? it knows the guest's host key from a file in the run's folder,
which is written here, if there is such a folder."
  (let* ((port (setting-or 'guest/port 22))
         (hosts (and pinned?
                     (not (string-null? (run-identifier)))
                     (run-file "known_hosts"))))
    (when hosts
      (call-with-output-file hosts
        (lambda (to)
          (format to "~a ~a~%"
                  (if (= port 22) address (format #f "[~a]:~a" address port))
                  (setting 'guest/host-key)))))
    `("ssh" "-i" ,(setting 'guest/private-key)
      ,@(if (= port 22) '() (list "-p" (number->string port)))
      ,@(if hosts (list "-o" (string-append "UserKnownHostsFile=" hosts)) '())
      ,(string-append (setting-or 'guest/user "root") "@" address))))

(define (import-patience)
  (setting-or 'import-timeout-seconds 86400))

(define (replaces-the-disk?)
  "Return #t when the settings say that the approved disk is kept, and a fresh one
put in its place; #f when it is overwritten."
  (let ((how (setting-or 'disk-change "overwrite")))
    (cond ((string=? how "replace") #t)
          ((string=? how "overwrite") #f)
          (else
           (throw 'settings-error 'boot-approved-machine "~A"
                  (list (string-append "`disk-change' is \"" how
                                       "\"; it takes \"overwrite\" or \"replace\""))
                  '())))))

(define (log-in-to-host)
  "Return a session on the host of the settings, which is logged out when the
harness ends."
  (step "log in to the host"
    #:attach #f
    (let ((session (xapi-login
                    #:host (setting 'host)
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
                    #:lock-seconds (setting-or 'lock-seconds 300))))
      (put-at-hand! 'session session)
      (at-end "log out" (lambda () (xapi-logout session)))
      session)))

(define (lock-the-machine session vm vdi)
  "Let nobody else change VM and VDI until SESSION ends.

Throw 'machine-in-use when another run has one of them, unless the option
--take-over lets it be taken."
  (define (lock take-over)
    (xapi-lock session #:vms (list vm) #:vdis (list vdi) #:take-over take-over))
  (step "lock the machine for this run"
    #:attach #f
    (catch 'machine-in-use
      (lambda () (lock #f))
      (lambda (key . arguments)
        (let ((run (xapi-error-detail arguments 'run)))
          (match arguments
            ((_ template (values ...) . _)
             (if (take-over? run (apply format #f template values))
                 (lock run)
                 (apply throw key arguments)))))))))

(define (vm-disks session vm)
  "Return the references of the VDIs that are attached to VM."
  (map (lambda (vbd) (xapi-vbd-vdi session vbd))
       (xapi-vm-disks session vm)))

(define (make-sure-it-is-halted session vm)
  (unless (string=? (xapi-vm-power-state session vm) "Halted")
    (step "shut the VM down, which runs from before"
      #:attach #f
      (xapi-vm-shutdown session vm #:hard? #t))))

(define (connect-to-guest session vm)
  "Return a connection to the guest of VM: at whichever address that some source
names and the guest's SSH key proves."
  (step "find the guest and connect to it"
    #:attach #f
    (let ((guest (connect-to-proven-guest
                  session vm (setting-or 'boot-timeout-seconds 300))))
      (at-end "close the connection to the guest"
              (lambda () (ssh-close guest)))
      guest)))

;; A round asks every source, and tries every address once.
(define %round-seconds 1)

(define (connect-to-proven-guest session vm timeout-seconds)
  "Return a connection to the guest of VM at whichever address some source names and
where the SSH key of the settings is shown.

Throw 'timeout, with what was last seen, when there is none within TIMEOUT-SECONDS,
and 'xapi-error when the VM does not run."
  (let ((start (get-internal-real-time)))
    (define (left)
      (- timeout-seconds
         (exact->inexact (/ (- (get-internal-real-time) start)
                            internal-time-units-per-second))))
    (let loop ()
      (let* ((seen (xapi-vm-addresses
                    session vm
                    #:given (setting-or 'guest/address #f)
                    #:lease-files (setting-or 'guest/lease-files '())))
             (tried (try-addresses seen left)))
        (cond
         ((find (negate string?) tried) => identity)
         ((find (lambda (entry) (assq-ref entry 'over)) seen)
          => (lambda (entry)
               (throw 'xapi-error 'boot-approved-machine "~A"
                      (list (string-append "cannot reach the guest: "
                                           (assq-ref entry 'over)))
                      '())))
         ((<= (left) 0)
          (throw 'timeout 'boot-approved-machine "~A"
                 (list (format #f "the guest did not answer within ~a s; last: ~a"
                               timeout-seconds
                               (string-join (append (troubles seen) tried) "; ")))
                 '()))
         (else
          (usleep (* 1000000 %round-seconds))
          (loop)))))))

(define (try-addresses seen left)
  "Return, for each address in SEEN, a connection to the guest there, or a string
that says why there is none; nothing is tried after a connection.  Where something
answers is tried first.  What does not answer may be behind a jump host, so it is
tried too, and not for long."
  (define (address entry)
    (assq-ref entry 'address))
  (let*-values (((entries)
                 (delete-duplicates (filter address seen)
                                    (lambda (one other)
                                      (string=? (address one) (address other)))))
                ((answering)
                 (xapi-addresses-answering (map address entries)
                                           #:port (setting-or 'guest/port 22)))
                ((alive silent)
                 (partition (lambda (entry) (member (address entry) answering))
                            entries)))
    (let loop ((entries (append (map (lambda (entry) (cons entry 10)) alive)
                                (map (lambda (entry) (cons entry 3)) silent)))
               (tried '()))
      (match entries
        (() (reverse tried))
        (((entry . seconds) . rest)
         (let ((outcome (try-address entry (max 1 (min seconds (left))))))
           (if (string? outcome)
               (loop rest (cons outcome tried))
               (reverse (cons outcome tried)))))))))

(define (try-address entry timeout-seconds)
  ;; Leases and neighbours may be of another machine, so a wrong key there is no
  ;; news; what speaks of this boot must lead to the guest.
  (define hearsay?
    (memq (assq-ref entry 'source) '(leases neighbours)))
  (catch #t
    (lambda ()
      (ssh-connect #:address (assq-ref entry 'address)
                   #:port (setting-or 'guest/port #f)
                   #:user (setting-or 'guest/user "root")
                   #:private-key (setting 'guest/private-key)
                   #:host-key (setting 'guest/host-key)
                   #:timeout-seconds timeout-seconds))
    (lambda (key . arguments)
      (match (cons key arguments)
        (((or 'timeout 'connection-error) _ _ (message . _) . _)
         message)
        (('trust-error _ _ (message . _) . _)
         (=> next)
         (if hearsay? message (next)))
        (_ (apply throw key arguments))))))

(define (troubles seen)
  (filter-map (lambda (entry)
                (and=> (assq-ref entry 'trouble)
                       (lambda (trouble)
                         (string-append (symbol->string (assq-ref entry 'source))
                                        ": " trouble))))
              seen))
