;;; Builder versions of media, the layout they stand for, and disk images.
;;;
;;; The builder versions in media.scm are part of each medium's identity: when
;;; the visible layout of a booted system changes, they must rise, or stale
;;; media are reused.  `builder-check' compares the layout that the module's own
;;; procedure makes with the one that was recorded when the versions were last
;;; raised, and names those that must rise.

(define-module (fruix media)
  #:use-module (fruix digest)
  #:use-module (fruix native media)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (builder-versions
            builder-version?
            builder-version-name
            builder-version-value
            builder-version-line
            builder-version-column
            builder-bump
            builder-check
            builder-check?
            builder-check-name
            builder-check-value
            builder-check-line
            builder-check-state
            builder-check-added
            builder-check-removed
            builder-check->string
            builder-record
            media-layout
            load-media-module
            disk-image
            disk-image-size-bytes
            disk-image-partitions
            disk-image-partition-size-bytes
            disk-image-check-vdi))

(define* (media-error procedure message #:key (hint #f) (file #f))
  (throw 'media-error procedure "~A" (list message)
         (append (if file `((file . ,file)) '())
                 (if hint `((hint . ,hint)) '()))))

;;;
;;; Builder versions.
;;;

(define-record-type <builder-version>
  (make-builder-version name value line column)
  builder-version?
  (name    builder-version-name)        ;symbol, such as image-builder-version
  (value   builder-version-value)       ;string: as it is written, with quotes
  (line    builder-version-line)        ;integer, counted from 1
  (column  builder-version-column))     ;integer, counted from 1

(define (builder-versions file)
  "Return the builder versions that FILE, a media.scm, defines, in its order.
FILE is read and not loaded.

Throw 'media-error when it defines none."
  (map (lambda (fields)
         (make-builder-version (assq-ref fields 'name)
                               (assq-ref fields 'value)
                               (assq-ref fields 'line)
                               (assq-ref fields 'column)))
       (%media-builder-versions file)))

(define* (builder-bump file #:key (only '()) (record? #t))
  "Raise the builder versions in FILE by one, or those whose names are in ONLY, a
list of symbols, and return a list of (NAME BEFORE AFTER).  Every other byte of
FILE stays as it is.  With RECORD? record that they stand for the layout that
FILE makes now.

Throw 'media-error, leaving FILE as it was, when one is not there, is there
twice, or has a value that cannot be raised: neither an integer nor a string
that ends in one."
  (let* ((names (map symbol->string only))
         (layout (and record? (media-layout file)))
         (raised (%media-builder-bump file names)))
    (when layout
      (%media-builder-record file layout (%media-record-file file) names))
    (map (lambda (fields)
           (map (lambda (key) (assq-ref fields key)) '(name before after)))
         raised)))

;;;
;;; Layouts.
;;;

(define (module-name-of file)
  "Return the name in the define-module form of FILE, a list of symbols."
  (define (nothing reason)
    (media-error 'load-media-module
                 (string-append "cannot load `" file "` as a module: " reason)
                 #:hint "name Fruix's modules/fruix/system/freebsd/media.scm"
                 #:file file))
  (unless (file-exists? file)
    (nothing "no such file"))
  (call-with-input-file file
    (lambda (port)
      (let loop ()
        (match (read port)
          ((? eof-object?) (nothing "it has no define-module form"))
          (('define-module ((? symbol? name) ...) . _) name)
          (_ (loop)))))))

(define (load-directory file name)
  "Return the directory below which FILE is the module called NAME."
  (let ((suffix (string-append
                 "/" (string-join (map symbol->string name) "/") ".scm"))
        (file (if (string-prefix? "/" file)
                  file
                  (string-append (getcwd) "/" file))))
    (if (string-suffix? suffix file)
        (string-drop-right file (string-length suffix))
        (media-error 'load-media-module
                     (string-append "cannot load `" file "` as a module: "
                                    "its place does not end in " suffix)
                     #:hint "name the file in its tree of modules"
                     #:file file))))

(define (load-media-module file)
  "Load FILE, a media.scm in its tree of modules, and return its module; the
modules it uses are found beside it.

Throw 'media-error when FILE is no module, and what loading it throws."
  (let* ((name (module-name-of file))
         (directory (load-directory file name)))
    (unless (member directory %load-path)
      (eval `(add-to-load-path ,directory) (resolve-module '(guile))))
    (save-module-excursion
     (lambda () (primitive-load file)))
    (resolve-module name)))

(define* (media-layout file #:key (closure #f))
  "Return the visible layout of a booted system as FILE, a media.scm, makes it: a
list of lines in mtree's language, without what is in files and without the
hash of the closure.

FILE's own `populate-rootfs-from-closure' is called with a closure and a rootfs.
CLOSURE is the closure to make it from; the default is one that comes with this
program, so that the layout changes only when FILE does.

Throw 'media-error when FILE does not define the procedure."
  (let ((populate (module-ref (load-media-module file)
                              'populate-rootfs-from-closure #f))
        (scratch #f))
    (unless (procedure? populate)
      (media-error 'media-layout
                   (string-append "cannot find `populate-rootfs-from-closure` in `"
                                  file "`")
                   #:hint "name Fruix's modules/fruix/system/freebsd/media.scm"
                   #:file file))
    (dynamic-wind
      (lambda () (set! scratch (%media-scratch)))
      (lambda ()
        (let ((rootfs (%media-scratch-rootfs scratch)))
          (populate (or closure (%media-scratch-closure scratch)) rootfs)
          (map visible
               (remove string-null?
                       (string-split (digest-tree-manifest rootfs) #\newline)))))
      (lambda () (%media-scratch-discard scratch)))))

(define (visible line)
  "Return LINE of a manifest without what a closure decides."
  (string-join (filter-map (lambda (word)
                             (cond ((string-prefix? "size=" word) #f)
                                   ((string-prefix? "sha256digest=" word) #f)
                                   ((string-prefix? "link=/frx/store/" word)
                                    "link=/frx/store/…")
                                   (else word)))
                           (string-split line #\space))
               " "))

(define-record-type <builder-check>
  (make-builder-check name value line state added removed)
  builder-check?
  (name     builder-check-name)         ;symbol
  (value    builder-check-value)        ;string: as it is written
  (line     builder-check-line)         ;integer, counted from 1
  (state    builder-check-state)        ;current, unrecorded, raised or stale
  (added    builder-check-added)        ;lines that make it stale …
  (removed  builder-check-removed))     ;… and lines that are gone

(define* (builder-check file #:key (layout #f) (record #f))
  "Return how each builder version in FILE stands: `current' when the layout is
the recorded one, `stale' when the layout has changed and the version has not,
`raised' when both have, `unrecorded' when nothing is recorded of it.

LAYOUT is a list of lines, by default what `media-layout' says of FILE; RECORD
is the file that `builder-record' wrote, by default beside FILE."
  (map (lambda (fields)
         (make-builder-check (assq-ref fields 'name)
                             (assq-ref fields 'value)
                             (assq-ref fields 'line)
                             (assq-ref fields 'state)
                             (assq-ref fields 'added)
                             (assq-ref fields 'removed)))
       (%media-builder-check file
                             (or layout (media-layout file))
                             (or record (%media-record-file file)))))

(define (builder-check->string check)
  "Return CHECK as text for people: a line and, when the version must rise, the
entries because of which it must."
  (string-join
   (cons (string-append
          (symbol->string (builder-check-name check))
          " " (builder-check-value check) ": "
          (match (builder-check-state check)
            ('current "the layout is the recorded one")
            ('unrecorded "no layout is recorded for it yet")
            ('raised "raised since the layout changed; record the new layout")
            ('stale "must rise, because the layout has changed")))
         (append (map (lambda (line) (string-append "  + " line))
                      (builder-check-added check))
                 (map (lambda (line) (string-append "  - " line))
                      (builder-check-removed check))))
   "\n"))

(define* (builder-record file #:key (layout #f) (record #f))
  "Record that the builder versions in FILE stand for LAYOUT, by default what
`media-layout' says of FILE, in the file RECORD, by default beside FILE.  Return
the name of that file.

Throw 'media-error, recording nothing, when a version is stale: to record its
layout would hide that it must rise."
  (let* ((layout (or layout (media-layout file)))
         (record (or record (%media-record-file file)))
         (stale (filter (lambda (check) (eq? 'stale (builder-check-state check)))
                        (builder-check file #:layout layout #:record record))))
    (unless (null? stale)
      (media-error 'builder-record
                   (string-append
                    "cannot record the layout of `" file "`: "
                    (string-join (map (lambda (check)
                                        (symbol->string (builder-check-name check)))
                                      stale)
                                 ", ")
                    " must rise first")
                   #:hint "raise them with builder-bump (builder bump FILE)"
                   #:file file))
    (%media-builder-record file layout record '())
    record))

;;;
;;; Disk images.
;;;

(define (disk-image file)
  "Return what is known of the raw disk image FILE, an association list:
`size-bytes', `partitions' and `backup-at-end?', which is true when the copy of
the partition table is at the very end.

Throw 'media-error when FILE is no image with a GUID partition table."
  (%media-image file))

(define (disk-image-size-bytes file)
  "Return the size of the raw disk image FILE in bytes."
  (assq-ref (disk-image file) 'size-bytes))

(define (disk-image-partitions file)
  "Return the partitions of the raw disk image FILE, each an association list
with `number', `label', `type' (a GUID), `start-bytes' and `size-bytes'."
  (assq-ref (disk-image file) 'partitions))

(define (disk-image-partition-size-bytes file label)
  "Return the size in bytes of the partition called LABEL of the raw disk image
FILE, or #f when there is none."
  (let ((partition (find (lambda (partition)
                           (string=? label (assq-ref partition 'label)))
                         (disk-image-partitions file))))
    (and partition (assq-ref partition 'size-bytes))))

(define* (disk-image-check-vdi file vdi-bytes #:key (exact? #f))
  "Return by how many bytes the raw disk image FILE is smaller than a VDI of
VDI-BYTES.

Throw 'media-error naming both sizes when it is larger, and with EXACT? also
when it is smaller."
  (match (%media-image-fit file vdi-bytes)
    (('exact . _) 0)
    (((and fit (or 'smaller 'too-large)) . by)
     (if (and (eq? fit 'smaller) (not exact?))
         by
         (media-error
          'disk-image-check-vdi
          (string-append "cannot put `" file "` on the VDI: the image has "
                         (number->string (disk-image-size-bytes file))
                         " bytes, the VDI " (number->string vdi-bytes))
          #:hint "build the image with the VDI's size (--disk-capacity)"
          #:file file)))))
