;;; The layout that a media.scm makes from the closure that a guest runs.

(define-module (fruix media guest)
  #:use-module (fruix guest)
  #:use-module (fruix guest settings)
  #:use-module (fruix media)
  #:use-module (fruix native media)
  #:use-module (fruix ssh)
  #:use-module (fruix store guest)
  #:use-module (fruix store system)
  #:use-module (srfi srfi-1)
  #:export (guest-closure
            media-survey-with-guest))

(define (guest-closure guest directory)
  "Copy the closure that GUEST, a connection, runs into DIRECTORY, which stands for
`/', with the items that its etc, boot and usr/local are links to, and return its
name here.

Throw 'store-error when /run/current-system leads to no closure, and 'ssh-error
when one cannot be copied."
  (let ((closure (system-current (guest-system guest))))
    (define (fetch! item)
      (let ((place (string-append directory item)))
        (unless (file-exists? place)
          (make-directories (dirname place))
          (guest-fetch-tree guest item place))
        place))
    (fetch! closure)
    (for-each
     (lambda (part)
       (let ((target (false-if-exception
                      (readlink (string-append directory closure "/" part)))))
         (when (and target (string-prefix? "/frx/store/" target))
           (fetch! target))))
     '("etc" "boot" "usr" "usr/local"))
    (string-append directory closure)))

(define (make-directories directory)
  (unless (file-exists? directory)
    (make-directories (dirname directory))
    (mkdir directory)))

(define (media-survey-with-guest file closures)
  "Return what `media-survey' says of FILE and CLOSURES, a list, and the closure
that the guest of the settings runs.

Throw 'settings-error when the settings name no guest, 'ssh-error when it does
not answer."
  (let ((scratch (%media-scratch))
        (guest #f))
    (dynamic-wind
      (lambda () (set! guest (connect-to-guest-of-settings)))
      (lambda ()
        (media-survey file
                      #:closures
                      (append closures
                              (list (guest-closure
                                     guest (%media-scratch-rootfs scratch))))))
      (lambda ()
        (ssh-close guest)
        (%media-scratch-discard scratch)))))
