#!/usr/bin/env -S fruix-scm -s
!#
;;; Phase 20.1: a Fruix system has a development environment of its own.
;;;
;;; A development system is booted on the approved XCP-ng machine.  What it is built
;;; with stands in a profile beside that of the running system, and FreeBSD's makefiles
;;; and compiler find it at the places where they look.  Phase 20.2 begins with this.
;;;
;;; Source: Fruix's report of phase 20.2, which says what 20.1 has shown.  The keys of
;;; this record are ours, since the report of 20.1 is not known here.

(define-module (harness phase20-1)
  #:use-module (fruix harness)
  #:use-module (fruix machine)
  #:use-module (fruix store)
  #:use-module (fruix story)
  #:export (boot-development-system
            check-compatibility-links))

(define-parameter boot-timeout-seconds
  "How long the guest may take from its start until it is ready."
  #:type count #:default 300 #:unit "seconds" #:evidence? #f)

(define profile "/run/current-system/development-profile")

(define (boot-development-system)
  "Boot the approved machine, and check that its guest is a development system."
  (boot-approved-machine)
  (step "wait until the system is ready"
    (wait-until-there "/var/lib/fruix/ready" #:timeout boot-timeout-seconds))
  (step "the system runs a closure of its store"
    (claim (store-path? (link-target "/run/current-system")))
    (claim (directory? (link-target "/run/current-system"))))
  (step "the development profile is beside that of the system"
    (claim (directory? profile))
    (claim (equal? (link-target "/run/current-development") profile))))

(define (check-compatibility-links)
  "Check that what the development profile has is found where FreeBSD's build looks."
  (claim (equal? (link-target "/usr/include") (path profile "usr/include")))
  (claim (equal? (link-target "/usr/share/mk") (path profile "usr/share/mk")))
  (claim (file? "/usr/include/sys/param.h"))
  (claim (file? "/usr/share/mk/bsd.prog.mk")))

;; Where a system's users ask what is developed with: it prints exports for a shell.
(define environment "/usr/local/bin/fruix-development-environment")

(define (exported name)
  "Return the value of the variable NAME in the development environment."
  (output-of "sh" "-c" "eval \"$(\"$1\")\" && eval \"printf %s \\\"\\$$2\\\"\""
             "sh" environment name))

(define (leads-to file)
  "Return the place that FILE in the guest leads to, over all links."
  (output-of "readlink" "-f" file))

(harness "phase20-1-development-environment-xcpng"
  "A booted Fruix system has a development environment of its own, found where FreeBSD's
build looks, and a program can be made with it."
  #:record (closure development_profile development_environment)
  (boot-development-system)
  (step "headers and make's rules are found through the compatibility links"
    (check-compatibility-links))
  (step "the profile is what the development environment is about"
    (claim (equal? (leads-to (exported "FRUIX_DEVELOPMENT_PROFILE")) (leads-to profile)))
    (claim (file? (path (exported "FRUIX_DEVELOPMENT_INCLUDE") "sys/param.h"))))
  (record (closure (link-target "/run/current-system"))
          (development-profile (link-target "/run/current-development"))
          (development-environment "ok")))
