#!/usr/bin/env -S fruix-scm -s
!#
;;; Phase 20.2: FreeBSD's base is built natively in a guest, driven from here.
;;;
;;; A Fruix development system is booted on the approved XCP-ng machine.  It is
;;; the system that phase 20.1 promised: its development profile is in place
;;; and `make' finds headers and rules in it.  The source that the system itself
;;; declares is recovered from its metadata; FreeBSD's own five `make' steps
;;; build and stage it; and what came out has the shapes of world, kernel,
;;; headers and bootloader.  The record keeps where everything is, how large it
;;; is, and three digests by which two runs can be compared.
;;;
;;; Sources: build(7); the reports of Fruix's phases 20.1 and 20.2.

(use-modules (fruix guest)
             (fruix harness)
             (fruix job)
             (fruix machine)
             (fruix preflight)
             (fruix store)
             (fruix store guest)
             (fruix wait))

;;; Parameters: what the shell harness took from its environment.

(define-parameter build-jobs
  "How many jobs `make' runs side by side in the guest."
  #:type count #:default 2 #:unit "jobs")

(define-parameter boot-timeout-seconds
  "How long the guest may take from its start until it is ready."
  #:type count #:default 300 #:unit "seconds" #:evidence? #f)

(define-parameter build-timeout-seconds
  "How long one step of the build may take."
  #:type count #:default (* 6 60 60) #:unit "seconds" #:evidence? #f)

(define-parameter build-stall-seconds
  "How long a step of the build may neither print nor compute: then it hangs."
  #:type count #:default (* 60 60) #:unit "seconds" #:evidence? #f)

(define build-root "/var/tmp/fruix-host-initiated-native-build")

;; Below the build root: objects, and one stage for each artifact.
(define (below name) (string-append build-root "/" name))
(define objects (below "obj"))
(define world-stage (below "stage-world"))
(define kernel-stage (below "stage-kernel"))
(define headers-stage (below "stage-headers"))
(define bootloader-stage (below "stage-bootloader"))

;;; Phase 20.1: the guest is the development system that was asked for.

(define (check-development-system guest)
  (step "wait until the system is ready"
    (wait-for-file "/var/lib/fruix/ready" guest
                   #:timeout boot-timeout-seconds))
  (step "check that the guest runs its closure"
    (let ((closure (guest-link-target guest "/run/current-system")))
      (check "the active system is a closure in the store"
             (store-path? closure))
      (check "the closure is there"
             (guest-directory? guest closure))))
  (step "check the development profile"
    (check "the closure has a development profile"
           (guest-directory? guest "/run/current-system/development-profile"))
    (for-each
     (lambda (link target)
       (check-equal link (guest-link-target guest link) target))
     '("/run/current-development"
       "/usr/include"
       "/usr/share/mk")
     '("/run/current-system/development-profile"
       "/run/current-system/development-profile/usr/include"
       "/run/current-system/development-profile/usr/share/mk"))
    (check "headers are found through /usr/include"
           (guest-file? guest "/usr/include/sys/param.h"))
    (check "make's rules are found through /usr/share/mk"
           (guest-file? guest "/usr/share/mk/bsd.prog.mk"))))

;;; The source that the system declares.

(define (recover-source guest)
  "Return the source store that GUEST's system declares and the root of the
FreeBSD tree in it, both as paths in GUEST."
  (step "recover the source from the system's metadata"
    (let* ((layout (guest-store-layout guest))
           (store (source-store layout))
           (root (guest-source-root guest store)))
      (check "the source store is materialized in the guest"
             (guest-directory? guest store))
      (check "the tree has FreeBSD's makefile"
             (guest-file? guest (string-append root "/Makefile")))
      (values store root))))

;;; FreeBSD's own steps, in an environment that holds nothing else.

(define build-environment
  ;; Development variables of the profile (CFLAGS and the like) break the
  ;; bootstrap of buildworld, and configuration files of the guest must not
  ;; reach a build that is to be compared with others.
  `(("HOME" . "/root")
    ("PATH" . "/sbin:/bin:/usr/sbin:/usr/bin")
    ("LC_ALL" . "C")
    ("TZ" . "UTC")
    ("TERM" . "dumb")
    ;; make refuses this one as an argument.
    ("MAKEOBJDIRPREFIX" . ,objects)
    ("SRCCONF" . "/dev/null")
    ("__MAKE_CONF" . "/dev/null")
    ("SRC_ENV_CONF" . "/dev/null")))

(define build-variables
  ;; Identical for every step, as build(7) asks.
  '("WITH_REPRODUCIBLE_BUILD=yes"
    "TARGET=amd64"
    "TARGET_ARCH=amd64"
    "KERNCONF=GENERIC"))

(define (staged-in stage)
  ;; The lean guest has no account database: owners come from the source.
  (list "DB_FROM_SRC=yes" (string-append "DESTDIR=" stage)))

(define (check-that-it-can-be-built guest source-root)
  ;; Hours into the build is a bad time to learn that a tool is missing.
  (step "preflight: look for what would fail late"
    (check-native-build guest
                        #:source-root source-root
                        #:build-root build-root
                        #:environment build-environment
                        #:variables (append build-variables
                                            (staged-in world-stage))
                        #:build-jobs build-jobs)))

(define* (make guest source-root target #:optional (variables '()))
  ;; A job goes on when the connection is lost, which in hours it will be.
  (step (string-append "make " target)
    #:proof (job-passed? guest target)
    (guest-run-job guest target
                   `("make" "-C" ,source-root
                     ,(string-append "-j" (number->string build-jobs))
                     ,@build-variables ,@variables ,target)
                   #:environment build-environment
                   #:live target
                   #:keep (run-file (string-append target ".log.gz"))
                   #:stall-timeout build-stall-seconds
                   #:timeout build-timeout-seconds)))

;; Beside what a step has made stands which step it was, so that nobody takes it
;; for another's; beside, and not in it, since it is weighed and hashed.
(define (mark-of directory) (string-append directory ".step"))

(define (mark! guest directory)
  (guest-write-file guest (mark-of directory) (step-nonce)))

(define (marked? guest directory)
  (and (guest-file? guest (mark-of directory))
       (string=? (step-nonce) (guest-file-ref guest (mark-of directory)))))

(define (build guest source-root)
  (check-that-it-can-be-built guest source-root)
  (step "prepare the build root"
    #:proof (marked? guest build-root)
    (guest-run guest `("rm" "-rf" ,build-root))
    (guest-run guest `("mkdir" "-p" ,objects ,world-stage ,kernel-stage
                       ,headers-stage ,bootloader-stage))
    (mark! guest build-root))
  (make guest source-root "buildworld")
  (make guest source-root "buildkernel")
  (make guest source-root "installworld" (staged-in world-stage))
  (make guest source-root "distribution" (staged-in world-stage))
  (make guest source-root "installkernel" (staged-in kernel-stage)))

(define (slice guest)
  "Copy headers and bootloader out of the staged world, each into a stage of its
own."
  (step "slice headers and bootloader"
    #:proof (and (marked? guest headers-stage) (marked? guest bootloader-stage))
    (copy-parts guest world-stage headers-stage '("usr/include" "usr/share/mk"))
    (copy-parts guest world-stage bootloader-stage
                '("boot/loader.efi" "boot/loader_lua.efi"
                  "boot/defaults" "boot/lua"))
    (mark! guest headers-stage)
    (mark! guest bootloader-stage)))

(define (copy-parts guest from to parts)
  ;; One tar for all parts keeps hard links: loader.efi and loader_lua.efi are
  ;; one file.
  (guest-run-script guest "cd \"$1\" && to=$2 && shift 2 && tar -cf - \"$@\" | tar -xpf - -C \"$to\""
                    (cons* from to parts)))

;;; What must have come out.

(define artifacts
  ;; The six shapes: a stage, and a file in it.
  `((,kernel-stage . "boot/kernel/kernel")
    (,headers-stage . "usr/include/sys/param.h")
    (,headers-stage . "usr/share/mk/bsd.prog.mk")
    (,bootloader-stage . "boot/loader.efi")
    (,bootloader-stage . "boot/defaults/loader.conf")
    (,bootloader-stage . "boot/lua/loader.lua")))

(define (check-artifacts guest)
  (step "check the shapes of the artifacts"
    (for-each
     (lambda (artifact)
       (let ((file (string-append (car artifact) "/" (cdr artifact))))
         (check (string-append (cdr artifact) " is there and not empty")
                (positive? (guest-file-size guest file)))))
     artifacts)))

(define (record-results guest)
  (step "record sizes and digests"
    (for-each
     (lambda (key directory)
       (record! key (guest-tree-size guest directory)))
     '(build_root_size world_stage_size kernel_stage_size
       headers_stage_size bootloader_stage_size)
     (list build-root world-stage kernel-stage headers-stage bootloader-stage))
    (for-each
     (lambda (key file)
       (record! key (guest-file-sha256 guest file)))
     '(sha_kernel sha_loader sha_param)
     (list (string-append kernel-stage "/boot/kernel/kernel")
           (string-append bootloader-stage "/boot/loader.efi")
           (string-append headers-stage "/usr/include/sys/param.h")))))

;;; The story.

(harness "phase20-host-initiated-native-build-xcpng"
  "FreeBSD's base is built natively in a guest that is a Fruix development system,
from the source that this system declares, and the artifacts have their shapes."
  #:record (build_jobs source_store source_root
            build_root world_stage kernel_stage headers_stage bootloader_stage
            build_root_size world_stage_size kernel_stage_size
            headers_stage_size bootloader_stage_size
            sha_kernel sha_loader sha_param
            host_initiated_native_build)
  (let ((guest (boot-approved-machine)))
    (check-development-system guest)
    (call-with-values (lambda () (recover-source guest))
      (lambda (source-store source-root)
        (record! 'build_jobs build-jobs)
        (record! 'source_store source-store)
        (record! 'source_root source-root)
        (record! 'build_root build-root)
        (record! 'world_stage world-stage)
        (record! 'kernel_stage kernel-stage)
        (record! 'headers_stage headers-stage)
        (record! 'bootloader_stage bootloader-stage)
        (build guest source-root)))
    (slice guest)
    (check-artifacts guest)
    (record-results guest)
    (record! 'host_initiated_native_build "ok")))
