;;; The root file system of a Fruix system: plan it, make it, verify it.
;;;
;;; The layout is that of `populate-rootfs-from-closure' in Fruix's media.scm:
;;; links into the closure by way of /run/current-system, and copies of the
;;; account files.  What is planned here is data, so that a harness can ask
;;; which rule wants an entry before anything is made.

(define-module (fruix rootfs)
  #:use-module (fruix native rootfs)
  #:use-module (srfi srfi-9)
  #:export (rootfs-plan
            rootfs-populate
            rootfs-verify
            rootfs-closure-place
            rootfs-entry?
            rootfs-entry-type
            rootfs-entry-path
            rootfs-entry-target
            rootfs-entry-source
            rootfs-entry-mode
            rootfs-entry-rule
            rootfs-difference?
            rootfs-difference-path
            rootfs-difference-rule
            rootfs-difference-reason
            rootfs-difference-wanted
            rootfs-difference-found
            rootfs-difference->string))

(define-record-type <rootfs-entry>
  (make-rootfs-entry type path target source mode rule)
  rootfs-entry?
  (type    rootfs-entry-type)           ;directory, link or file
  (path    rootfs-entry-path)           ;string, relative to the rootfs
  (target  rootfs-entry-target)         ;string, or #f for what is no link
  (source  rootfs-entry-source)         ;string, or #f for what is no file
  (mode    rootfs-entry-mode)           ;integer, or #f for a link
  (rule    rootfs-entry-rule))          ;symbol: why the entry is there

(define-record-type <rootfs-difference>
  (make-rootfs-difference path rule reason wanted found)
  rootfs-difference?
  (path    rootfs-difference-path)      ;string, relative to the rootfs
  (rule    rootfs-difference-rule)      ;symbol
  (reason  rootfs-difference-reason)    ;string: what the rule says
  (wanted  rootfs-difference-wanted)    ;string
  (found   rootfs-difference-found))    ;string

(define* (rootfs-plan closure #:key (development? #f))
  "Return what the rootfs of CLOSURE is made of: a list of entries in the order
in which they are made, a directory before what is in it.

The links for headers and make files are there when CLOSURE has a development
profile; DEVELOPMENT? insists on one.  CLOSURE may lie below a directory that
stands for `/'.

Throw 'rootfs-error when CLOSURE is not one."
  (map (lambda (fields)
         (make-rootfs-entry (assq-ref fields 'type)
                            (assq-ref fields 'path)
                            (assq-ref fields 'target)
                            (assq-ref fields 'source)
                            (assq-ref fields 'mode)
                            (assq-ref fields 'rule)))
       (%rootfs-plan closure development?)))

(define* (rootfs-populate closure rootfs #:key (development? #f) (replace? #f))
  "Make the rootfs of CLOSURE in the directory ROOTFS, and return how many
entries were `made', `kept' because they were right, and `replaced', as an
association list.

Nothing is made when something else is in the way, unless REPLACE? gives it up;
a directory is never given up.  No link in ROOTFS is
followed.  A population that was interrupted is completed by the next one.

Throw 'rootfs-error naming what is in the way."
  (%rootfs-populate closure rootfs development? replace?))

(define* (rootfs-verify closure rootfs #:key (development? #f) (any-owner? #f))
  "Return how ROOTFS differs from what CLOSURE asks for, as a list of
differences in the order of the plan; the empty list when all is right.  What
the plan does not name is not looked at.  Files and directories must belong to
user and group 0, unless ANY-OWNER?, and have no flag such as schg.

Throw 'rootfs-error when CLOSURE is not one or ROOTFS cannot be read."
  (map (lambda (fields)
         (make-rootfs-difference (assq-ref fields 'path)
                                 (assq-ref fields 'rule)
                                 (assq-ref fields 'reason)
                                 (assq-ref fields 'wanted)
                                 (assq-ref fields 'found)))
       (%rootfs-verify closure rootfs development? any-owner?)))

(define (rootfs-closure-place closure)
  "Return a pair of the directory that stands for `/' where CLOSURE is, the empty
string when that is this machine's own, and what the system itself calls the
closure.  CLOSURE may be a link to one, such as ROOT/run/current-system.

Throw 'rootfs-error when there is no such file."
  (%rootfs-closure-place closure))

(define (rootfs-difference->string difference)
  "Return DIFFERENCE as one line for people."
  (string-append "/" (rootfs-difference-path difference)
                 ": wanted " (rootfs-difference-wanted difference)
                 ", found " (rootfs-difference-found difference)
                 " (" (symbol->string (rootfs-difference-rule difference))
                 ": " (rootfs-difference-reason difference) ")"))
