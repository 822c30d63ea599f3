;;; Words of a harness that reads as the story it proves: its guest is named once.
;;;
;;; They are the words of (fruix guest), (fruix job) and (fruix digest) that stories use
;;; most, of the guest at hand: the one that `boot-approved-machine' has returned last,
;;; or the one of the `with-guest' around.  Whoever has several guests names them.

(define-module (fruix story)
  #:use-module (fruix guest)
  #:use-module (fruix harness)
  #:use-module (fruix job)
  #:use-module (fruix ssh)
  #:use-module (fruix wait)
  #:export (current-guest
            with-guest
            path
            run
            output-of
            copy-parts
            run-as-job
            job-done?
            wait-until-there
            exists?
            file?
            directory?
            link-target
            contents-of
            size-of
            tree-size
            disk-usage
            sha256-of
            source-root-of
            mark!
            marked?))

(define %guest
  ;; The guest of the `with-guest' around, or #f.
  (make-parameter #f))

(define (current-guest)
  "Return the guest that the words of this module are about.

Throw 'usage-error when there is none."
  (or (%guest)
      (at-hand 'guest)
      (throw 'usage-error 'current-guest "~A"
             '("no guest is at hand: boot the machine first, or say `with-guest'")
             '())))

(define-syntax-rule (with-guest guest body ...)
  "Do BODY with GUEST, a connection, as the guest at hand, and return its values."
  (parameterize ((%guest guest)) body ...))

(define (path . parts)
  "Return PARTS, strings, with a slash between each and the next.

    (path \"/var/tmp\" \"stage\" \"boot/kernel\")  =>  \"/var/tmp/stage/boot/kernel\""
  (string-join parts "/"))

;;; Doing.

(define (run . words)
  "Run the command WORDS, strings, in the guest; see `guest-run'.

Throw 'guest-command-failed unless it ends with status 0."
  (guest-run (current-guest) words))

(define (output-of . words)
  "Return what the command WORDS, strings, prints in the guest, without the newline at
its end; see `guest-output'."
  (guest-output (current-guest) words))

(define (copy-parts from to . parts)
  "Copy PARTS, files and directories below the directory FROM, to the same places below
the directory TO, which is there.  Hard links among them, modes and times stay."
  ;; One tar for all of them, since a link is one only within it.
  (guest-run-script (current-guest)
                    "cd \"$1\" && to=$2 && shift 2 && tar -cf - \"$@\" | tar -xpf - -C \"$to\""
                    (cons* from to parts)))

(define (run-as-job name command . options)
  "Run COMMAND, a list of strings, as the job NAME, which goes on when the connection is
lost; its output is shown, and its log kept in the run's folder.  OPTIONS are those of
`guest-run-job'."
  (apply guest-run-job (current-guest) name command
         #:live name
         #:keep (run-file (string-append name ".log.gz"))
         options))

(define (job-done? name)
  "Return how the job NAME of the guest passed, as the proof of a step wants it, or #f."
  (job-passed? (current-guest) name))

(define* (wait-until-there file #:key (timeout 300))
  "Wait until FILE is there in the guest.

Throw 'timeout after TIMEOUT seconds."
  (wait-for-file file (current-guest) #:timeout timeout))

;;; Asking.

(define (exists? file)
  "Return #t when there is something at FILE in the guest."
  (guest-exists? (current-guest) file))

(define (file? file)
  "Return #t when FILE is a regular file in the guest, or leads to one."
  (guest-file? (current-guest) file))

(define (directory? file)
  "Return #t when FILE is a directory in the guest, or leads to one."
  (guest-directory? (current-guest) file))

(define (link-target link)
  "Return where LINK in the guest leads, as it is written in it, a string."
  (guest-link-target (current-guest) link))

(define (contents-of file)
  "Return the contents of FILE in the guest, a string."
  (guest-file-ref (current-guest) file))

(define (size-of file)
  "Return the size of FILE in the guest, in bytes."
  (guest-file-size (current-guest) file))

(define (tree-size directory)
  "Return the bytes that DIRECTORY takes on the guest's disk, with all below it."
  (guest-tree-size (current-guest) directory))

(define (disk-usage directory)
  "Return the same as the guest's `du -sh' prints it, a string such as \"7.6G\"."
  (car (string-split (string-trim (output-of "du" "-sh" directory))
                     (lambda (letter) (memv letter '(#\tab #\space))))))

(define (sha256-of file)
  "Return the SHA-256 of FILE in the guest, 64 digits."
  (guest-file-sha256 (current-guest) file))

(define (source-root-of store)
  "Return the root of the FreeBSD tree in the source store STORE of the guest; see
`guest-source-root'."
  (guest-source-root (current-guest) store))

;;; Marks: beside what a step has made stands which step it was, so that its proof does
;;; not take it for another's; beside, and not in it, since it may be weighed and hashed.

(define (mark-of directory) (string-append directory ".step"))

(define (mark! . directories)
  "Note beside each of DIRECTORIES that the step that goes on has made it."
  (for-each (lambda (directory)
              (guest-write-file (current-guest) (mark-of directory) (step-nonce)))
            directories))

(define (marked? . directories)
  "Return #t when the step that goes on has noted so beside each of DIRECTORIES."
  (and-map (lambda (directory)
             (and (file? (mark-of directory))
                  (string=? (step-nonce) (contents-of (mark-of directory)))))
           directories))
