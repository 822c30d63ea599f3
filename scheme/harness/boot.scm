#!/usr/bin/env -S fruix-scm -s
!#
;;; A Fruix system boots on the approved machine, and runs the closure it says.
;;;
;;; This is the smallest harness with a guest: what every phase begins with.

(use-modules (fruix guest)
             (fruix harness)
             (fruix machine)
             (fruix store)
             (fruix wait))

(define-parameter boot-timeout-seconds
  "How long the guest may take from its start until it is ready."
  #:type count #:default 300 #:unit "seconds" #:evidence? #f)

(harness "boot"
  "A Fruix system boots on the approved machine, becomes ready, and runs a closure of
its store."
  #:record (closure release)
  (let ((guest (boot-approved-machine)))
    (step "wait until the system is ready"
      (wait-for-file "/var/lib/fruix/ready" guest #:timeout boot-timeout-seconds))
    (step "check that the guest runs its closure"
      (let ((closure (guest-link-target guest "/run/current-system")))
        (check "the active system is a closure in the store" (store-path? closure))
        (check "the closure is there" (guest-directory? guest closure))
        (record! 'closure closure)))
    (step "ask for the release"
      (record! 'release (guest-output guest '("uname" "-r"))))))
