#!/usr/bin/env -S fruix-scm -s
!#
;;; Phase 20.2: FreeBSD's base is built natively in a guest, driven from here.
;;;
;;; A Fruix development system, which phase 20.1 has shown to be one, builds FreeBSD with
;;; FreeBSD's own `make' from the source that the system itself declares, and stages the
;;; slices that Fruix is made of.  The record keeps where everything is, how large it is,
;;; and three digests by which two runs can be compared.
;;;
;;; Sources: build(7); Fruix's report of phase 20.2, whose list of what was verified the
;;; steps are.

(use-modules (fruix harness)
             (fruix preflight)
             (fruix store)
             (fruix store guest)
             (fruix story)
             (harness phase20-1)
             (ice-9 receive))

(define-parameter build-jobs
  "How many jobs `make' runs side by side in the guest."
  #:type count #:default 8 #:unit "jobs")

(define-parameter build-timeout-seconds
  "How long one step of the build may take."
  #:type count #:default (* 6 60 60) #:unit "seconds" #:evidence? #f)

(define-parameter build-stall-seconds
  "How long a step of the build may neither print nor compute: then it hangs."
  #:type count #:default (* 60 60) #:unit "seconds" #:evidence? #f)

(define build-root "/var/tmp/fruix-phase20-native-build")
(define objects (path build-root "obj"))
(define world-stage (path build-root "stage-world"))
(define kernel-stage (path build-root "stage-kernel"))
(define headers-stage (path build-root "artifact-headers"))
(define bootloader-stage (path build-root "artifact-bootloader"))

(define environment
  ;; Development variables of the profile (CFLAGS and the like) break the bootstrap of
  ;; buildworld, and files of the guest must not reach a build that others compare with.
  `(("HOME" . "/root") ("PATH" . "/sbin:/bin:/usr/sbin:/usr/bin")
    ("LC_ALL" . "C") ("TZ" . "UTC") ("TERM" . "dumb")
    ("MAKEOBJDIRPREFIX" . ,objects)             ;make refuses it as an argument
    ("SRCCONF" . "/dev/null") ("__MAKE_CONF" . "/dev/null")
    ("SRC_ENV_CONF" . "/dev/null")))

(define variables                               ;the same for every step: build(7)
  '("WITH_REPRODUCIBLE_BUILD=yes" "TARGET=amd64" "TARGET_ARCH=amd64" "KERNCONF=GENERIC"))

(define (into stage)
  ;; The lean guest has no account database: owners come from the source.
  (list "DB_FROM_SRC=yes" (string-append "DESTDIR=" stage)))

(define* (make source-root target #:optional (more '()))
  (step (string-append "make " target)
    #:proof (job-done? target)
    (run-as-job target
                `("make" "-C" ,source-root ,(format #f "-j~a" build-jobs)
                  ,@variables ,@more ,target)
                #:environment environment
                #:stall-timeout build-stall-seconds
                #:timeout build-timeout-seconds)))

(define (prepare source-root)
  (step "preflight: look for what would fail late"
    (check-native-build (current-guest) #:source-root source-root #:build-root build-root
                        #:environment environment #:build-jobs build-jobs
                        #:variables (append variables (into world-stage))))
  (step "prepare the build root"
    #:proof (marked? build-root)
    (run "rm" "-rf" build-root)
    (run "mkdir" "-p" objects world-stage kernel-stage headers-stage bootloader-stage)
    (mark! build-root)))

(define (slice-artifacts)
  (step "slice headers and bootloader"
    #:proof (marked? headers-stage bootloader-stage)
    (copy-parts world-stage headers-stage "usr/include" "usr/share/mk")
    (copy-parts world-stage bootloader-stage "boot/loader.efi" "boot/loader_lua.efi"
                "boot/defaults" "boot/lua")
    (mark! headers-stage bootloader-stage)))

(harness "phase20-host-initiated-native-build-xcpng"
  "FreeBSD's base is built natively in a guest that is a Fruix development system,
from the source that this system declares, and the artifacts have their shapes."
  #:record (build_jobs source_store source_root
            build_root world_stage kernel_stage headers_stage bootloader_stage
            build_root_size world_stage_size kernel_stage_size
            headers_stage_size bootloader_stage_size
            sha_kernel sha_loader sha_param
            host_initiated_native_build)
  (step "the guest still boots and passes the Phase 20.1 development-environment checks first"
    (boot-development-system))
  (step "development-enabled systems expose canonical native-build compatibility links"
    (check-compatibility-links))
  (receive (source-store source-root)
      (step "the guest can recover the declared materialized FreeBSD source store from system metadata"
        (let* ((store (source-store (guest-store-layout (current-guest))))
               (root (source-root-of store)))
          (claim (directory? store))
          (claim (file? (path root "Makefile")))
          (values store root)))
    (record build-jobs source-store source-root
            build-root world-stage kernel-stage headers-stage bootloader-stage)
    (step "real FreeBSD buildworld succeeds inside the booted Fruix guest"
      (prepare source-root)
      (make source-root "buildworld"))
    (step "real FreeBSD buildkernel succeeds inside the booted Fruix guest"
      (make source-root "buildkernel"))
    (step "staged installworld, distribution, and installkernel also succeed inside the guest"
      (make source-root "installworld" (into world-stage))
      (make source-root "distribution" (into world-stage))
      (make source-root "installkernel" (into kernel-stage))))
  (step "the staged outputs contain the expected artifact shapes"
    (slice-artifacts)
    (claim (positive? (size-of (path kernel-stage "boot/kernel/kernel"))))
    (claim (positive? (size-of (path headers-stage "usr/include/sys/param.h"))))
    (claim (positive? (size-of (path headers-stage "usr/share/mk/bsd.prog.mk"))))
    (claim (positive? (size-of (path bootloader-stage "boot/loader.efi"))))
    (claim (positive? (size-of (path bootloader-stage "boot/defaults/loader.conf"))))
    (claim (positive? (size-of (path bootloader-stage "boot/lua/loader.lua"))))
    (record (build-root-size (disk-usage build-root))
            (world-stage-size (disk-usage world-stage))
            (kernel-stage-size (disk-usage kernel-stage))
            (headers-stage-size (disk-usage headers-stage))
            (bootloader-stage-size (disk-usage bootloader-stage))
            (sha-kernel (sha256-of (path kernel-stage "boot/kernel/kernel")))
            (sha-loader (sha256-of (path bootloader-stage "boot/loader.efi")))
            (sha-param (sha256-of (path headers-stage "usr/include/sys/param.h")))
            (host-initiated-native-build "ok"))
    ;; The journal keeps them to the byte.
    (map tree-size (list build-root world-stage kernel-stage headers-stage bootloader-stage))))
