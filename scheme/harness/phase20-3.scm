#!/usr/bin/env -S fruix-scm -s
!#
;;; Phase 20.3: FreeBSD's base is built in a guest by the guest itself.
;;;
;;; The development system of phase 20.1 has a helper of its own that builds FreeBSD from
;;; the source the system declares; nobody drives its steps from outside.  What it leaves
;;; behind is looked up where Fruix keeps the results of native builds.
;;;
;;; Sources: Fruix's published layout of a system.  How the helper is called is a
;;; parameter, since no report that is known here says it; the keys of this record are
;;; ours, for the same reason.

(use-modules (fruix harness)
             (fruix store guest)
             (fruix store system)
             (fruix story)
             (harness phase20-1)
             (srfi srfi-1))

(define-parameter helper
  "The command that builds FreeBSD's base in the guest."
  #:type (list-of string) #:default '("/usr/local/bin/fruix-self-hosted-native-build"))

(define-parameter build-timeout-seconds
  "How long the helper may take."
  #:type count #:default (* 12 60 60) #:unit "seconds" #:evidence? #f)

(define-parameter build-stall-seconds
  "How long the helper may neither print nor compute: then it hangs."
  #:type count #:default (* 60 60) #:unit "seconds" #:evidence? #f)

(define job "self-hosted-native-build")

(define environment
  '(("HOME" . "/root") ("PATH" . "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/bin")
    ("LC_ALL" . "C") ("TZ" . "UTC") ("TERM" . "dumb")))

(define (results)
  "Return the results of native builds that the guest has."
  (system-native-builds (guest-system (current-guest))))

(define (new-result before)
  "Return the one result of a native build that is not among the identifiers BEFORE, or
#f; the latest, where there are several."
  (let ((new (remove (lambda (build) (member (native-build-run-id build) before))
                     (results))))
    (or (find native-build-latest? new)
        (and (pair? new) (last new)))))

(define (artifact result name)
  "Return the directory of the artifact NAME of RESULT, or a place that is not there."
  (or (find (lambda (place) (string=? name (basename place)))
            (native-build-artifacts result))
      (path "/var/lib/fruix/native-builds" (native-build-run-id result) "artifacts" name)))

(harness "phase20-3-self-hosted-native-build-xcpng"
  "A guest that is a Fruix development system builds FreeBSD's base by itself, and keeps
artifacts that have their shapes."
  #:record (run_id result_root
            world_size kernel_size headers_size bootloader_size
            sha_kernel sha_loader sha_param
            self_hosted_native_build)
  (step "the guest boots and passes the Phase 20.1 development-environment checks first"
    (boot-development-system))
  (step "the system has a helper for native builds"
    (claim (file? (car helper))))
  (let ((before (step "the results of earlier builds are known"
                  (map native-build-run-id (results)))))
    (step "the guest builds FreeBSD's base by itself"
      #:proof (job-done? job)
      (run-as-job job helper
                  #:environment environment
                  #:stall-timeout build-stall-seconds
                  #:timeout build-timeout-seconds))
    (step "the result is the latest of the system, and its artifacts have their shapes"
      (let ((result (new-result before)))
        (claim "the build has left a result" result)
        (claim "it is the latest" (native-build-latest? result))
        (claim (positive? (size-of (path (artifact result "kernel") "boot/kernel/kernel"))))
        (claim (positive? (size-of (path (artifact result "headers") "usr/include/sys/param.h"))))
        (claim (positive? (size-of (path (artifact result "headers") "usr/share/mk/bsd.prog.mk"))))
        (claim (positive? (size-of (path (artifact result "bootloader") "boot/loader.efi"))))
        (claim (positive? (size-of (path (artifact result "bootloader") "boot/lua/loader.lua"))))
        (record (run-id (native-build-run-id result))
                (result-root (path "/var/lib/fruix/native-builds" (native-build-run-id result)))
                (world-size (disk-usage (artifact result "world")))
                (kernel-size (disk-usage (artifact result "kernel")))
                (headers-size (disk-usage (artifact result "headers")))
                (bootloader-size (disk-usage (artifact result "bootloader")))
                (sha-kernel (sha256-of (path (artifact result "kernel") "boot/kernel/kernel")))
                (sha-loader (sha256-of (path (artifact result "bootloader") "boot/loader.efi")))
                (sha-param (sha256-of (path (artifact result "headers")
                                            "usr/include/sys/param.h")))
                (self-hosted-native-build "ok"))))))
