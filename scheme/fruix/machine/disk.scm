;;; The disk of a machine: which step of which run has written it, and its snapshots.
;;;
;;; What was done to a disk says so in its other_config, under a name for each thing
;;; that can be done: the step's nonce, a number that no other doing has, and the UUID
;;; of the disk, since the host copies it to clones and snapshots.

(define-module (fruix machine disk)
  #:use-module (fruix machine settings)
  #:use-module (fruix native run)
  #:use-module (fruix settings)
  #:use-module (fruix xapi)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (vm-disks
            replaces-the-disk?
            disk-written-by
            forget-who-has-written
            remember-who-has-written
            write-image
            disk-in-use
            take-snapshot
            snapshot-taken-by
            revert-disk
            disk-reverted-by))

(define %written "fruix-scm:written")
(define %snapshot "fruix-scm:snapshot")
(define %reverted "fruix-scm:reverted")

(define (mark session vdi name)
  (xapi-ref (xapi-call session "VDI.get_other_config" vdi) name))

(define (unmark session vdi name)
  (when (mark session vdi name)
    (xapi-call session "VDI.remove_from_other_config" vdi name)))

(define (put-mark session vdi name nonce)
  (unmark session vdi name)
  (xapi-call session "VDI.add_to_other_config" vdi name
             (string-join (list nonce (%run-unique)
                                (xapi-call session "VDI.get_uuid" vdi)))))

(define (marked-by session vdi name nonce)
  "Return the mark called NAME that the step with NONCE has put on VDI, or #f."
  (let ((mark (mark session vdi name)))
    (and mark
         (match (string-split mark #\space)
           ((by _ uuid)
            (and (string=? by nonce)
                 (string=? uuid (xapi-call session "VDI.get_uuid" vdi))
                 mark))
           (_ #f)))))

(define (vm-disks session vm)
  "Return the references of the VDIs that are attached to VM."
  (map (lambda (vbd) (xapi-vbd-vdi session vbd))
       (xapi-vm-disks session vm)))

;;; Images.

(define (replaces-the-disk? machine)
  "Return #t when the settings of MACHINE, a name or #f, say that the approved disk is
kept, and a fresh one put in its place; #f when it is overwritten."
  (let ((how (machine-setting-or machine 'disk-change "overwrite")))
    (cond ((string=? how "replace") #t)
          ((string=? how "overwrite") #f)
          (else
           (throw 'settings-error 'boot-approved-machine "~A"
                  (list (string-append "`disk-change' is \"" how
                                       "\"; it takes \"overwrite\" or \"replace\""))
                  '())))))

(define (disk-written-by session vm nonce)
  "Return the mark of the disk of VM that the step with NONCE has written whole, or
#f when there is none."
  (any (lambda (vdi) (marked-by session vdi %written nonce))
       (vm-disks session vm)))

(define (forget-who-has-written session vm)
  "Let no disk of VM say that it was written: what is written half must not be taken
for the whole."
  (for-each (lambda (vdi) (unmark session vdi %written))
            (vm-disks session vm)))

(define (remember-who-has-written session vdi nonce)
  "Let VDI say that the step with NONCE has written it."
  (put-mark session vdi %written nonce))

(define (write-image session machine vm vdi image)
  "Write IMAGE to VDI, or to a fresh disk that then stands for it in VM, as the settings
of MACHINE say, and return the disk that was written."
  (cond ((replaces-the-disk? machine)
         (assq-ref (xapi-vdi-replace session vm vdi image
                                     #:timeout-seconds (patience))
                   'vdi))
        (else
         (xapi-vdi-import session vdi image #:timeout-seconds (patience))
         vdi)))

(define (patience)
  (setting-or 'import-timeout-seconds 86400))

;;; Snapshots.  A revert of the whole VM would put new disks in place of the approved
;;; ones, of which no settings know; docs/decisions/0025 tells.

(define (disk-in-use session vm vdi)
  "Return the disk that VM boots from: VDI, or what stands for it."
  (let ((disks (vm-disks session vm)))
    (or (and (member vdi disks) vdi)
        (find (lambda (disk)
                (and disk (mark session disk "fruix-scm:stands-for")))
              disks)
        vdi)))

(define (take-snapshot session vdi name nonce)
  "Take a snapshot of VDI called NAME for the step with NONCE."
  (let ((snapshot (xapi-vdi-snapshot session vdi)))
    (unmark session snapshot %written)
    (xapi-vdi-set-name session snapshot name)
    (put-mark session snapshot %snapshot nonce)))

(define (snapshot-taken-by session vdi nonce)
  "Return the UUID of the snapshot of VDI that the step with NONCE has taken, or #f."
  (let ((snapshot (find (lambda (it) (marked-by session it %snapshot nonce))
                        (xapi-call session "VDI.get_snapshots" vdi))))
    (and snapshot
         (xapi-call session "VDI.get_uuid" snapshot))))

(define (revert-disk session vdi snapshot nonce)
  "Write what the disk SNAPSHOT holds onto VDI, which no VM that runs has, for the step
with NONCE."
  (let ((written (mark session vdi %written)))
    ;; Until it is whole the disk is nobody's work.
    (unmark session vdi %written)
    (unmark session vdi %reverted)
    (xapi-vdi-copy-into session snapshot #f #f vdi #:timeout-seconds (patience))
    (put-mark session vdi %reverted nonce)
    (when written
      (xapi-call session "VDI.add_to_other_config" vdi %written written))))

(define (disk-reverted-by session vdi nonce)
  "Return the mark of VDI that the step with NONCE has brought back whole, or #f."
  (marked-by session vdi %reverted nonce))
