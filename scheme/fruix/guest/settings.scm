;;; The guest that the settings tell of, for who wants to look at one that runs.
;;;
;;; Nothing is written to a disk or started here; (fruix machine) does that.

(define-module (fruix guest settings)
  #:use-module (fruix machine)
  #:use-module (fruix settings)
  #:use-module (fruix ssh)
  #:use-module (fruix xapi)
  #:use-module (ice-9 format)
  #:export (connect-to-guest-of-settings))

(define* (connect-to-guest-of-settings #:key (timeout-seconds 60))
  "Return a connection to the guest that the settings tell of: at guest/address,
or else where the VM called vm, as the host tells, shows the key guest/host-key.
In either case nothing is sent before that key has been shown.

Throw 'settings-error when one is missing, 'ssh-error, 'timeout or 'xapi-error when
the guest does not answer within TIMEOUT-SECONDS, or does not run."
  (if (setting-or 'guest/address #f)
      (ssh-connect #:address (setting 'guest/address)
                   #:port (setting-or 'guest/port 22)
                   #:user (setting-or 'guest/user "root")
                   #:private-key (setting 'guest/private-key)
                   #:host-key (setting 'guest/host-key)
                   #:timeout-seconds timeout-seconds)
      (connect-by-host timeout-seconds)))

(define (connect-by-host timeout-seconds)
  (for-each setting '(guest/private-key guest/host-key vm))
  (let ((session (xapi-login #:host (setting 'host)
                             #:user (setting 'user)
                             #:password-file (setting 'password-file)
                             #:certificate-sha256 (setting 'certificate-sha256))))
    (dynamic-wind
      (const #f)
      (lambda ()
        (let* ((vm (xapi-vm-find session (setting 'vm)))
               (state (xapi-vm-power-state session vm)))
          (unless (string=? state "Running")
            (throw 'xapi-error #f "~A"
                   (list (format #f "cannot reach the guest: the VM `~a` is ~a"
                                 (setting 'vm) (string-downcase state)))
                   '((hint . "name another guest by --guest ADDRESS or the setting guest/address"))))
          (connect-to-proven-guest session vm timeout-seconds)))
      (lambda ()
        (xapi-logout session)))))
