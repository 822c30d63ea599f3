;;; The rootfs of the closure that FRUIX_SCM_TEST_CLOSURE names.

(use-modules (fruix rootfs)
             (ice-9 match)
             (srfi srfi-1)
             (srfi srfi-64))

(define closure (getenv "FRUIX_SCM_TEST_CLOSURE"))
(define rootfs (string-append (getcwd) "/rootfs"))

(define (entry path)
  (find (lambda (entry) (string=? path (rootfs-entry-path entry)))
        (rootfs-plan closure)))

(define (differences)
  ;; Only root makes files that belong to root.
  (rootfs-verify closure rootfs #:any-owner? (not (zero? (getuid)))))

(test-begin "rootfs")

(test-equal "a link says where it leads and why it is there"
  '(link "/run/current-system/development-profile/usr/include" development)
  (let ((entry (entry "usr/include")))
    (list (rootfs-entry-type entry)
          (rootfs-entry-target entry)
          (rootfs-entry-rule entry))))

(test-equal "an account file is copied with its mode"
  '(file #o600 account)
  (let ((entry (entry "etc/master.passwd")))
    (list (rootfs-entry-type entry)
          (rootfs-entry-mode entry)
          (rootfs-entry-rule entry))))

(test-equal "all entries are made, then all are kept"
  (let ((count (length (rootfs-plan closure))))
    (list count 0 0 count))
  (let* ((first (rootfs-populate closure rootfs))
         (second (rootfs-populate closure rootfs)))
    (list (assq-ref first 'made) (assq-ref first 'kept)
          (assq-ref second 'made) (assq-ref second 'kept))))

(test-equal "what was made has no differences"
  '()
  (differences))

(delete-file (string-append rootfs "/bin"))
(symlink "/elsewhere" (string-append rootfs "/bin"))

(test-equal "a difference explains itself"
  '("bin" profile "a link to `/run/current-system/profile/bin`"
    "a link to `/elsewhere`")
  (match (differences)
    ((difference)
     (list (rootfs-difference-path difference)
           (rootfs-difference-rule difference)
           (rootfs-difference-wanted difference)
           (rootfs-difference-found difference)))))

(test-assert "what is in the way is refused with a hint"
  (catch 'rootfs-error
    (lambda () (rootfs-populate closure rootfs) #f)
    (lambda (key procedure format arguments details)
      (and (string-contains (car arguments) "there is a link to `/elsewhere`")
           (string? (assq-ref details 'hint))))))

(test-equal "and given up when told"
  '(1 ())
  (let ((counts (rootfs-populate closure rootfs #:replace? #t)))
    (list (assq-ref counts 'replaced)
          (differences))))

(let ((runner (test-runner-current)))
  (test-end "rootfs")
  (exit (zero? (test-runner-fail-count runner))))
