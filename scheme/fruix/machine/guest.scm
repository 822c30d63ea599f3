;;; The guest of a machine: where it is, and how somebody gets in.

(define-module (fruix machine guest)
  #:use-module (fruix harness)
  #:use-module (fruix machine settings)
  #:use-module ((fruix native ssh) #:select (%pause))
  #:use-module (fruix ssh)
  #:use-module (fruix xapi)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:export (connect-to-proven-guest
            connect-to-guest-at
            countdown
            login-words))

(define* (connect-to-guest-at machine address #:key timeout-seconds (outage-timeout 600))
  "Return a connection to the guest at ADDRESS, a string, as the settings of the machine
called MACHINE, a string or #f, have it; `ssh-connect' says what it throws."
  (ssh-connect #:address address
               #:port (machine-setting-or machine 'guest/port #f)
               #:user (machine-setting-or machine 'guest/user "root")
               #:private-key (machine-setting machine 'guest/private-key)
               #:host-key (machine-setting machine 'guest/host-key)
               #:timeout-seconds timeout-seconds
               #:outage-timeout outage-timeout))

(define* (login-words machine address #:key (pinned? #f))
  "Return the command with which somebody logs in to the guest of MACHINE, a name or
#f, at ADDRESS, a list of strings.  With PINNED? it knows the guest's host key from a
file in the run's folder, which is written here, if there is such a folder."
  (let* ((port (machine-setting-or machine 'guest/port 22))
         (hosts (and pinned?
                     (not (string-null? (run-identifier)))
                     (run-file (if machine
                                   (string-append "known_hosts-" machine)
                                   "known_hosts")))))
    (when hosts
      (call-with-output-file hosts
        (lambda (to)
          (format to "~a ~a~%"
                  (if (= port 22) address (format #f "[~a]:~a" address port))
                  (machine-setting machine 'guest/host-key)))))
    `("ssh" "-i" ,(machine-setting machine 'guest/private-key)
      ,@(if (= port 22) '() (list "-p" (number->string port)))
      ,@(if hosts (list "-o" (string-append "UserKnownHostsFile=" hosts)) '())
      ,(string-append (machine-setting-or machine 'guest/user "root") "@" address))))

;; A round asks every source, and tries every address once.
(define %round-seconds 1)

(define (countdown seconds)
  "Return a procedure that tells how many of SECONDS, from now on, are left; below zero
when they are over."
  (let ((start (get-internal-real-time)))
    (lambda ()
      (- seconds
         (exact->inexact (/ (- (get-internal-real-time) start)
                            internal-time-units-per-second))))))

(define* (connect-to-proven-guest session vm timeout-seconds #:key (machine #f))
  "Return a connection to the guest of VM at whichever address some source names and
where the SSH key of the settings is shown: those of the machine called MACHINE, a
string, or #f for the approved one.

Throw 'timeout, with what was last seen, when there is none within TIMEOUT-SECONDS,
and 'xapi-error when the VM does not run."
  (let ((left (countdown timeout-seconds)))
    (let loop ()
      (let* ((seen (xapi-vm-addresses
                    session vm
                    #:given (machine-setting-or machine 'guest/address #f)
                    #:lease-files (machine-setting-or machine 'guest/lease-files '())))
             (tried (try-addresses machine seen left)))
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
          (%pause %round-seconds
                  (format #f "waiting for the guest to answer; last: ~a"
                          (string-join (append (troubles seen) tried) "; ")))
          (loop)))))))

(define (try-addresses machine seen left)
  "Return, for each address in SEEN, a connection to the guest of MACHINE there, or a string
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
                                           #:port (machine-setting-or machine 'guest/port 22)))
                ((alive silent)
                 (partition (lambda (entry) (member (address entry) answering))
                            entries)))
    (let loop ((entries (append (map (lambda (entry) (cons entry 10)) alive)
                                (map (lambda (entry) (cons entry 3)) silent)))
               (tried '()))
      (match entries
        (() (reverse tried))
        (((entry . seconds) . rest)
         (let ((outcome (try-address machine entry (max 1 (min seconds (left))))))
           (if (string? outcome)
               (loop rest (cons outcome tried))
               (reverse (cons outcome tried)))))))))

(define (try-address machine entry timeout-seconds)
  ;; Leases and neighbours may be of another machine, so a wrong key there is no
  ;; news; what speaks of this boot must lead to the guest.
  (define hearsay?
    (memq (assq-ref entry 'source) '(leases neighbours)))
  (catch #t
    (lambda ()
      (connect-to-guest-at machine (assq-ref entry 'address)
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
