;;; Builder versions and layouts of the fixtures' media.scm, a copy of which is
;;; in the directory that FRUIX_SCM_TEST_MODULES names.

(use-modules (fruix media)
             (ice-9 match)
             (ice-9 textual-ports)
             (srfi srfi-1)
             (srfi srfi-64))

(define media
  (string-append (getenv "FRUIX_SCM_TEST_MODULES")
                 "/fruix/system/freebsd/media.scm"))

(define (states)
  (map builder-check-state (builder-check media #:remember? #f)))

(define (change! from to)
  "Replace the text FROM in media.scm, which has it once, by TO."
  (let* ((text (call-with-input-file media get-string-all))
         (at (string-contains text from)))
    (call-with-output-file media
      (lambda (port)
        (display (string-append (substring text 0 at) to
                                (substring text (+ at (string-length from))))
                 port)))))

(test-begin "media")

(test-equal "the four versions are found"
  '(image-builder-version install-builder-version
    installer-image-builder-version installer-iso-builder-version)
  (map builder-version-name (builder-versions media)))

(test-assert "the layout has the compatibility links"
  (member (string-append "./usr/include type=link"
                         " link=/run/current-system/development-profile/usr/include")
          (media-layout media)))

(test-assert "the layout does not depend on the closure's hash"
  (member "./run/current-system type=link link=/frx/store/…"
          (media-layout media)))

(test-equal "at first nothing is recorded"
  '(unknown unknown unknown unknown)
  (states))

(builder-record media)

(test-equal "what is recorded is current"
  '(current current current current)
  (states))

;; What phase 20.2 did, undone: a link less in every medium.
(change! "(link-entry \"usr/share/mk\"" "(link-entry \"usr/share/makefiles\"")

(test-equal "a changed layout makes all four stale"
  '(stale stale stale stale)
  (states))

(test-equal "the entries are named because of which a version must rise"
  '(("./usr/share/makefiles type=link link=/run/current-system/development-profile/usr/share/mk")
    ("./usr/share/mk type=link link=/run/current-system/development-profile/usr/share/mk"))
  (let ((check (first (builder-check media))))
    (list (builder-check-added check) (builder-check-removed check))))

(test-equal "a stale layout is not recorded"
  'media-error
  (catch #t
    (lambda () (builder-record media))
    (lambda (key . args) key)))

(test-equal "chosen versions are raised"
  '((image-builder-version "\"9\"" "\"10\""))
  (builder-bump media #:only '(image-builder-version)))

(test-equal "those that were not raised stay stale"
  '(current stale stale stale)
  (states))

(builder-bump media #:only '(install-builder-version) #:record? #f)

(test-equal "what was raised without a record is not current yet"
  '(current raised stale stale)
  (states))

(builder-check media)

(test-equal "a check remembers what a raised version stands for"
  '(current current stale stale)
  (states))

(builder-bump media #:only '(installer-image-builder-version
                             installer-iso-builder-version))
(builder-record media)

(test-equal "raised and recorded is current"
  '(current current current current)
  (states))

(test-assert "a file that is no module is told by its name"
  (catch 'media-error
    (lambda () (media-layout "/nonexistent/media.scm") #f)
    (lambda (key procedure format arguments details)
      (string-contains (car arguments) "`/nonexistent/media.scm`"))))

(let ((runner (test-runner-current)))
  (test-end "media")
  (exit (zero? (test-runner-fail-count runner))))
