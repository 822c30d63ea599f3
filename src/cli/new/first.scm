#!/usr/bin/env -S fruix-scm -s
!#
;;; NAME: what this harness proves, in a sentence.
;;;
;;;   fruix-scm --simulate FILE       against a simulated host and guest, on any machine
;;;   fruix-scm FILE --plan           what would happen, where, with which values
;;;   fruix-scm FILE                  against the machine that your settings approve
;;;
;;; docs/harness.md goes on from here; `fruix-scm doc claim' tells what a word does.

(use-modules (fruix harness)
             (fruix machine)
             (fruix story))

(define-parameter boot-timeout-seconds
  "How long the guest may take from its start until it is ready."
  #:type count #:default 300 #:unit "seconds" #:evidence? #f)

(harness "NAME"
  "The approved machine boots, and its system says what it is."
  #:record (release)
  (boot-approved-machine)
  (step "the system becomes ready"
    (wait-until-there "/var/lib/fruix/ready" #:timeout boot-timeout-seconds))
  (step "the system says what it is"
    (claim (directory? (link-target "/run/current-system")))
    (record (release (output-of "uname" "-r")))))
