;;; The approved machine: a VM, its disk, and the guest that boots from it.
;;;
;;; What is approved stands in the settings, so that a harness is the same text
;;; for every host, a simulated one included.  Each thing done here is a step
;;; of the harness that asks, and promises its own end.

(define-module (fruix machine)
  #:use-module (fruix harness)
  #:use-module (fruix settings)
  #:use-module (fruix ssh)
  #:use-module (fruix xapi)
  #:use-module (srfi srfi-1)
  #:export (boot-approved-machine
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
the VM is shut down and the session logged out.

Throw 'settings-error when something is missing or not approved, before the host
is asked to change anything."
  (for-each setting %needed)
  (ssh-check-private-key (setting 'guest/private-key))
  (let* ((session (log-in-to-host))
         (vm (xapi-vm-find session (setting 'vm)))
         (vdi (xapi-vdi-find session (setting 'vdi))))
    (step "find the approved machine"
      (check "the disk belongs to the VM"
             (member vdi (vm-disks session vm))))
    (make-sure-it-is-halted session vm)
    (step "import the image"
      (xapi-vdi-import session vdi (setting 'image)))
    (step "start the VM"
      (at-end "shut the VM down"
              (lambda () (xapi-vm-shutdown session vm #:hard? #t)))
      (xapi-vm-start session vm))
    (connect-to-guest session vm)))

(define (log-in-to-host)
  "Return a session on the host of the settings, which is logged out when the
harness ends."
  (step "log in to the host"
    (let ((session (xapi-login
                    #:host (setting 'host)
                    #:user (setting 'user)
                    #:password-file (setting 'password-file)
                    #:certificate-sha256 (setting 'certificate-sha256)
                    #:approved-vms (setting 'approved/vms)
                    #:approved-vdis (setting 'approved/vdis))))
      (at-end "log out" (lambda () (xapi-logout session)))
      session)))

(define (vm-disks session vm)
  "Return the references of the VDIs that are attached to VM."
  (map (lambda (vbd) (xapi-call session "VBD.get_VDI" vbd))
       (xapi-ref (xapi-vm-record session vm) 'VBDs)))

(define (make-sure-it-is-halted session vm)
  (unless (string=? (xapi-vm-power-state session vm) "Halted")
    (step "shut the VM down, which runs from before"
      (xapi-vm-shutdown session vm #:hard? #t))))

(define (connect-to-guest session vm)
  (let* ((patience (setting-or 'boot-timeout-seconds 300))
         (address (step "learn the guest's address"
                    (xapi-vm-address session vm
                                     #:given (setting-or 'guest/address #f)
                                     #:timeout-seconds patience))))
    (step (string-append "connect to the guest at " address)
      (let ((guest (ssh-connect
                    #:address address
                    #:port (setting-or 'guest/port 22)
                    #:user (setting-or 'guest/user "root")
                    #:private-key (setting 'guest/private-key)
                    #:host-key (setting 'guest/host-key)
                    #:timeout-seconds patience)))
        (at-end "close the connection to the guest"
                (lambda () (ssh-close guest)))
        guest))))
