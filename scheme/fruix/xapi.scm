;;; XAPI: an XCP-ng host, its VMs and disks.
;;;
;;; A session is made on a host whose certificate is known beforehand, and ends
;;; with `xapi-logout', at the latest when the program ends.  It reads whatever
;;; the account may read, and changes only the VMs and VDIs that it was told are
;;; approved, and what it has created itself.
;;;
;;; Values of the API: a set is a list, a map an association list with strings
;;; for keys, a record an association list with symbols for fields, nothing is
;;; #f.  References are strings and mean nothing outside of their host.
;;;
;;; Source: XenAPI reference, https://xapi-project.github.io/xen-api

(define-module (fruix xapi)
  #:use-module (fruix native xapi)
  #:use-module (fruix xapi methods)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (xapi-login
            xapi-logout
            call-with-xapi-session
            xapi-call
            xapi-run
            xapi-await-task
            xapi-ref
            xapi-empty-map
            xapi-null-reference?
            xapi-error-code
            xapi-error-parameters
            xapi-error-detail
            xapi-lock
            xapi-lock-keep
            xapi-lock-confirm
            xapi-lock-seen
            xapi-lost
            xapi-vm-start
            xapi-vm-shutdown
            xapi-vm-address
            xapi-vm-addresses
            xapi-addresses-answering
            xapi-vm-destroy-with-disks
            xapi-vm-screenshot
            xapi-vdi-import
            xapi-vdi-replace
            xapi-vdi-restore
            xapi-vdi-verify
            xapi-vdi-golden
            xapi-leftovers
            xapi-leftover-remove))

;; What (fruix xapi methods) defines is found here too.
(eval `(re-export ,@(module-map (lambda (name variable) name)
                                (resolve-interface '(fruix xapi methods))))
      (current-module))

;;; Sessions.

(define* (xapi-login #:key
                     host
                     (user "root")
                     password-file
                     certificate-sha256
                     (approved-vms '())
                     (approved-vdis '())
                     (owner "fruix-scm")
                     (run "")
                     (lease-seconds 86400)
                     (lock-seconds 300))
  "Return a session on HOST, an URL such as \"https://xcp.example\", for USER
with the password in the first line of PASSWORD-FILE.

CERTIFICATE-SHA256 is the SHA-256 fingerprint of the host's certificate, or a
list of those of all hosts of the pool; nothing turns the check off.  APPROVED-VMS
and APPROVED-VDIS are lists of the UUIDs of what may be changed.  What the session
creates is marked with OWNER, RUN, strings, and that it may go after LEASE-SECONDS;
see `xapi-leftovers'.

Before the session changes what is approved it locks it for RUN, for LOCK-SECONDS
at a time, and renews that beside whatever it does; see `xapi-lock'.

Throw 'trust-error with both fingerprints when HOST shows another certificate,
'xapi-error when it refuses the login, 'connection-error when it is not there,
and 'settings-error when something is missing."
  (unless (and host password-file certificate-sha256)
    (throw 'settings-error 'xapi-login "~A"
           '("cannot log in: #:host, #:password-file and #:certificate-sha256 are needed")
           '()))
  (%xapi-login host user password-file
               (if (string? certificate-sha256)
                   (list certificate-sha256)
                   certificate-sha256)
               approved-vms approved-vdis owner run lease-seconds
               lock-seconds))

(define (xapi-logout session)
  "End SESSION.  Its tasks that still run are cancelled.  A session that has
ended already is left alone."
  (%xapi-logout session))

(define (call-with-xapi-session session proc)
  "Call PROC with SESSION, log out whichever way PROC is left, and return the
values of PROC."
  (dynamic-wind
    (lambda () #t)
    (lambda () (proc session))
    (lambda () (%xapi-logout session))))

;;; Calls.

(define (xapi-call session method . parameters)
  "Call METHOD, a string such as \"VM.get_record\", with PARAMETERS on the host of
SESSION and return what it returns.  The session itself is not among PARAMETERS.

A parameter is a string, a boolean, a number, a list of those, or an association
list from strings or symbols to those; the empty map is `xapi-empty-map'.

Throw 'xapi-error with the host's code and parameters when the host refuses, and
'settings-error, before anything is sent, when METHOD would change what is not
approved.  A call has 60 seconds; what may take longer wants `xapi-run'."
  (%xapi-call session method parameters))

(define* (xapi-run session method parameters #:key (timeout-seconds 600))
  "Call METHOD with the list PARAMETERS as an asynchronous task of the host of
SESSION, wait for its end, and return its result: a reference, a list of them, or
the empty string.

Throw what `xapi-call' throws, and 'timeout after TIMEOUT-SECONDS; the task is
then cancelled.  No task is left behind."
  (%xapi-run session method parameters timeout-seconds))

(define* (xapi-await-task session task #:key (timeout-seconds 600))
  "Wait until TASK, a reference, has finished and return its result.  Destroy
TASK on the host.

Throw 'xapi-error with the host's code and parameters when TASK failed or was
cancelled, and 'timeout after TIMEOUT-SECONDS, having cancelled it.

Source: XenAPI reference, class task."
  (%xapi-await session task timeout-seconds))

(define xapi-empty-map
  ;; The empty list is the empty set.
  'empty-map)

(define (xapi-ref value . path)
  "Return what is found in VALUE, a record or a map, under the first of PATH, in
that under the second, and so on; #f when there is nothing.  The names in PATH
are symbols or strings: (xapi-ref record 'other_config \"key\")."
  (match path
    (() value)
    ((name . rest)
     (let ((entry (and (pair? value)
                       (or (assoc (name->string name) value)
                           (assq (name->symbol name) value)))))
       (and entry (apply xapi-ref (cdr entry) rest))))))

(define (name->string name)
  (if (symbol? name) (symbol->string name) name))

(define (name->symbol name)
  (if (string? name) (string->symbol name) name))

(define (xapi-null-reference? reference)
  "Return #t when REFERENCE, as hosts of all ages write it, points at nothing."
  (or (not reference)
      (string-null? reference)
      (string=? reference "OpaqueRef:NULL")))

(define (xapi-error-code arguments)
  "Return the code, such as \"VM_BAD_POWER_STATE\", of an 'xapi-error that was
caught with ARGUMENTS, the list of what came after the key; #f when the error
was not the host's."
  (xapi-error-detail arguments 'code))

(define (xapi-error-parameters arguments)
  "Return the list of strings that the host gave with the code of an 'xapi-error
that was caught with ARGUMENTS, the list of what came after the key."
  (or (xapi-error-detail arguments 'parameters) '()))

(define (xapi-error-detail arguments name)
  "Return the detail NAME, a symbol, of an error that was caught with ARGUMENTS, the
list of what came after the key; #f when it has none."
  (match arguments
    ((_ _ _ (? pair? details)) (assq-ref details name))
    (_ #f)))

;;; Locks.

(define* (xapi-lock session #:key (vms '()) (vdis '()) (take-over #f))
  "Lock VMS and VDIS, lists of references, for the run of SESSION: all of them, in
the order of their UUIDs, or none.  What is approved is locked by the first change
of it anyway; this is for locking a whole machine before the first change.  The
locks end with SESSION.

What a run of the same owner and identifier has locked, on this machine or with
`xapi-lock-keep', is taken up.  TAKE-OVER, the identifier of another run, lets the
locks of that one be taken; whatever it has begun is waited for, for a third of its
lease.

Throw 'machine-in-use with owner, run, client, since, until (seconds since 1970)
and kept as details when somebody else has one of them, and 'xapi-error when the
host is still at work for a run before.

When a lock is lost later, every change throws 'machine-lost before it is sent."
  (%xapi-lock session vms vdis take-over))

(define (xapi-lock-keep session seconds why)
  "Leave what SESSION has locked so for SECONDS from now on, also when SESSION ends;
nobody renews it.  WHY, a string, is told to whoever finds it.  Return when it ends
by the host's clock, in seconds since 1970.

Throw 'machine-lost when one of the locks is lost."
  (%xapi-lock-keep session seconds why))

(define (xapi-lock-confirm session)
  "Ask the host whether everything that SESSION has locked is still its own, and
return #t.

Throw 'machine-lost when it is not."
  (%xapi-lock-confirm session))

(define (xapi-lost)
  "Return what this process has lost to another run, a string as the message of
'machine-lost has it; #f when nothing is lost, as far as was seen, or something was
locked since.  Whatever else goes wrong then may be the other run's doing."
  (%xapi-lost))

(define (xapi-lock-seen session class reference)
  "Return who has locked the object of CLASS, \"VM\" or \"VDI\", that REFERENCE
points at: an association list with class, reference, uuid, name, owner, run,
client, pid, since and until (seconds since 1970, by the host's clock), held (#f
when it has ended) and kept, a string, or #f where it is renewed; #f when nobody
has, or it was given back.  Nothing is changed."
  (%xapi-lock-seen session class reference))

;;; VMs.  A VM is named by its reference, which `xapi-vm-find' returns.  What is
;;; not here is in (fruix xapi methods).

(define* (xapi-vm-start session vm #:key (timeout-seconds 120))
  "Start VM and wait until the host has done so; its guest has then only begun to
boot.

Throw 'xapi-error, with code VM_BAD_POWER_STATE when VM is not halted, and
'timeout after TIMEOUT-SECONDS.

Source: XenAPI reference, VM.start."
  (%xapi-vm-start session vm timeout-seconds))

(define* (xapi-vm-shutdown session vm #:key (hard? #f) (timeout-seconds 180))
  "Shut VM down and wait until it is halted: by asking its guest, or with HARD? by
taking its power away.  A halted VM is left alone.

Throw 'xapi-error with code VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT when the guest does
not react, and 'timeout after TIMEOUT-SECONDS.

Source: XenAPI reference, VM.clean_shutdown, VM.hard_shutdown."
  (%xapi-vm-shutdown session vm hard? timeout-seconds))

(define* (xapi-vm-address session vm
                          #:key
                          (given #f)
                          (lease-files '())
                          (timeout-seconds 300))
  "Return the address of the guest of VM, a string, from the first source that
knows: GIVEN, an address or #f; the guest's agent; what the guest writes to
xenstore below vm-data/fruix; LEASE-FILES, those of DHCP servers.  Link-local
addresses and those from before the VM was started do not count.

Throw 'timeout with what each source has seen after TIMEOUT-SECONDS, and
'xapi-error when VM halts meanwhile.

Source: XenAPI reference, VM_guest_metrics.networks, VM.xenstore_data."
  (%xapi-vm-address session vm given lease-files timeout-seconds))

(define* (xapi-vm-addresses session vm #:key (given #f) (lease-files '()))
  "Return what every source says now about the address of the guest of VM: a list
of association lists with source, one of given, agent, xenstore, leases and
neighbours, and address or trouble, strings.  A last one with over, a string, says
why waiting longer is of no use."
  (%xapi-vm-addresses session vm given lease-files))

(define* (xapi-addresses-answering addresses #:key (port 22) (timeout-seconds 2))
  "Return those of ADDRESSES, strings, that take a connection at PORT within
TIMEOUT-SECONDS; all are asked side by side.  Who is there is not asked."
  (%xapi-answering addresses port timeout-seconds))

(define (xapi-vm-destroy-with-disks session vm)
  "Destroy VM, a halted one, and those of its disks that may be changed."
  (let ((disks (filter-map (lambda (vbd)
                             (and (string=? (xapi-ref (xapi-vbd-record session vbd)
                                                      'type)
                                            "Disk")
                                  (xapi-vbd-vdi session vbd)))
                           (xapi-vm-disks session vm))))
    (xapi-vm-destroy session vm)
    (for-each (lambda (vdi) (xapi-vdi-destroy session vdi)) disks)))

(define* (xapi-vm-screenshot session vm file #:key (timeout-seconds 60))
  "Write what VM, a running one, shows on its screen to FILE, as a PNG.

Throw 'xapi-error when VM has no screen, as when it does not run, and when the
host does not lead to it, and 'timeout after TIMEOUT-SECONDS, or when nothing is
drawn within 30 seconds.

Source: XenAPI reference, class console."
  (%xapi-vm-screenshot session vm file timeout-seconds))

;;; VDIs.

(define* (xapi-vdi-import session vdi image
                          #:key
                          (format 'automatic)
                          (verify? #t)
                          (timeout-seconds 86400))
  "Write the raw disk image in the file IMAGE onto VDI, from its beginning, read it
back unless VERIFY? is #f, and return an association list with format,
image-bytes, sent-bytes and elapsed-seconds, those of the sending.

FORMAT is how it travels: 'raw, every byte; 'vhd, the blocks of 2 MiB that hold
data; 'chunked, the data alone, in XAPI's own framing.  The last two leave what
they do not send as it is, so they are for a VDI that SESSION has created and
nobody has written to.  'automatic takes 'raw anywhere else, and there 'vhd, or
'chunked where 'vhd would send more than a hundredth beside the data.

Throw 'settings-error, before anything is sent, when VDI is not approved, smaller
than IMAGE or not new enough for FORMAT, and 'xapi-error when the host cannot
write it, or VDI is attached to a VM that runs, and 'timeout after
TIMEOUT-SECONDS, or when the host takes nothing for a minute.

Source: XenAPI reference, \"Importing raw disk images\"."
  (let ((imported (%xapi-vdi-import session vdi image (symbol->string format)
                                    timeout-seconds)))
    (when verify?
      (%xapi-vdi-verify session vdi image))
    imported))

(define* (xapi-vdi-replace session vm vdi image
                           #:key
                           (format 'automatic)
                           (timeout-seconds 86400))
  "Write the raw disk image in the file IMAGE onto a fresh VDI, read it back, and
put it in the place of VDI in VM, a halted one; only then has VM changed.  VDI is
kept as it is, for `xapi-vdi-restore'.  Where another stands for VDI already, that
one is destroyed.

Return an association list with vdi, the fresh one, and what `xapi-vdi-import'
returns.  Only data travels, since a fresh VDI is full of zeros.

Throw what `xapi-vdi-import' throws, VM being as it was."
  (%xapi-vdi-replace session vm vdi image (symbol->string format)
                     timeout-seconds))

(define (xapi-vdi-restore session vm vdi)
  "Put VDI back into VM, a halted one, where another stands for it, destroy that,
and return #t; #f when VDI is in its place."
  (%xapi-vdi-restore session vm vdi))

(define (xapi-vdi-verify session vdi image)
  "Read VDI back, compare it with the raw disk image in the file IMAGE, and return
how many bytes are the same: all of IMAGE.

Throw 'xapi-error with the place of the first difference when there is one."
  (%xapi-vdi-verify session vdi image))

(define* (xapi-vdi-golden session #:key sr name size-bytes image image-sha256)
  "Return the reference of a VDI on SR, a reference, that holds the disk image in
the file IMAGE, whose SHA-256 is IMAGE-SHA256: one that is there from an earlier
run, or a new one called NAME of SIZE-BYTES, to which IMAGE is sent and verified.

Clone it with `xapi-vdi-clone', and leave it as it is;
its mark stays until somebody removes it by `xapi-leftover-remove'."
  (or (%xapi-golden session sr image-sha256)
      (let ((vdi (xapi-vdi-create session
                                  #:sr sr
                                  #:name name
                                  #:size-bytes size-bytes)))
        (xapi-vdi-import session vdi image)
        (%xapi-make-golden session vdi image-sha256)
        vdi)))

;;; What was left behind.

(define (xapi-leftovers session)
  "Return everything on the host of SESSION that a session of ours has created,
as association lists with class (\"VM\" or \"VDI\"), reference, uuid, name, owner,
run, expired (#t when its lease is over) and image (the SHA-256 of the image that
a golden disk holds, or \"\").  Nothing without our mark is among them."
  (%xapi-leftovers session))

(define (xapi-leftover-remove session uuid)
  "Remove the VM or VDI with UUID, which `xapi-leftovers' has listed, and return
#t; #f when nothing of ours has UUID.  A VM is shut down first, and its disks that
carry our mark go with it, golden ones excepted."
  (%xapi-leftover-remove session uuid))
