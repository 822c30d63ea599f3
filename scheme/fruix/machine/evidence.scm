;;; What a machine shows: its screen, and what its console has told.
;;;
;;; A host shows the screen of a VM, and no text.  What the kernel and rc have printed
;;; the guest tells itself, as long as it answers.

(define-module (fruix machine evidence)
  #:use-module (fruix machine guest)
  #:use-module (fruix ssh)
  #:use-module (ice-9 textual-ports)
  #:export (write-console))

(define %console
  ;; The end of what the boot has printed, of the system's log, and of the kernel's
  ;; buffer.
  (sh "for file in /var/run/dmesg.boot /var/log/messages; do
    test -r $file || continue
    echo \"==> $file <==\"
    tail -n 2000 $file
done
if command -v dmesg > /dev/null 2>&1; then
    echo '==> dmesg <=='
    { dmesg -a || dmesg; } 2> /dev/null | tail -n 2000
fi
exit 0"))

(define* (write-console machine address file #:key (timeout-seconds 10))
  "Write what the guest of MACHINE, a name or #f, at ADDRESS tells of its console to
FILE, over a connection of its own.

Throw as `ssh-connect' and `ssh-run' do: 'timeout after TIMEOUT-SECONDS for each."
  (call-with-ssh (connect-to-guest-at machine address
                                      #:timeout-seconds timeout-seconds
                                      #:outage-timeout 1)
    (lambda (guest)
      (let ((told (ssh-run guest %console #:timeout-seconds timeout-seconds)))
        (call-with-output-file file
          (lambda (port)
            (put-string port (ssh-result-stdout told))))))))
