;;; Builder versions of media, the layout they stand for, and disk images.
;;;
;;; The builder versions in media.scm are part of each medium's identity: when
;;; the visible layout of a booted system changes, they must rise, or stale
;;; media are reused.  `builder-check' compares the layouts that the module's own
;;; procedure makes, from several closures, with what each value of a version is
;;; known to have stood for, and names the versions that must rise.

(define-module (fruix media)
  #:use-module (fruix digest)
  #:use-module (fruix native media)
  #:use-module (fruix rootfs)
  #:use-module (ice-9 format)
  #:use-module (ice-9 ftw)
  #:use-module (ice-9 match)
  #:use-module (ice-9 textual-ports)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-13)
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
            builder-check-state
            builder-check-why
            builder-check-added
            builder-check-removed
            builder-check->string
            builder-record
            media-layout
            media-survey
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

(define* (builder-bump file #:key (only '()) (record? #t) (closures '()))
  "Raise the builder versions in FILE by one, or those whose names are in ONLY, a
list of symbols, and return a list of (NAME BEFORE AFTER).  Every other byte of
FILE stays as it is, and a value that stood for something before is passed over.
With RECORD? record that they stand for the layouts that FILE makes then, from
the reference closures and CLOSURES; see `media-survey'.

Throw 'media-error, leaving FILE as it was, when one is not there, is there
twice, has a value that cannot be raised, neither an integer nor a string that
ends in one, or keeps another value when FILE is loaded.  What loading FILE
throws leaves it as it was, too."
  (let* ((names (map symbol->string only))
         (before (and record? (call-with-input-file file get-string-all
                                #:encoding "UTF-8")))
         (raised (%media-builder-bump file names (%media-record-file file))))
    (when record?
      (let ((done? #f))
        (dynamic-wind
          (const #t)
          (lambda ()
            (let ((survey (media-survey file #:closures closures))
                  (names (map (lambda (fields)
                                (symbol->string (assq-ref fields 'name)))
                              raised)))
              (for-each (lambda (fields) (check-raised file fields survey)) raised)
              (%media-builder-record survey (%media-record-file file) names)
              (set! done? #t)))
          (lambda ()
            (unless done?
              (%media-replace file before))))))
    (map (lambda (fields)
           (map (lambda (key) (assq-ref fields key)) '(name before after)))
         raised)))

(define (check-raised file fields survey)
  "Throw 'media-error when what was raised in the text of FILE, as FIELDS say, has
another value in SURVEY."
  (let* ((name (symbol->string (assq-ref fields 'name)))
         (wanted (string-trim (assq-ref fields 'after) #\'))
         (found (assoc-ref (first survey) name)))
    (unless (equal? found (list wanted))
      (media-error 'builder-bump
                   (string-append "cannot raise `" name "` in `" file "` to " wanted
                                  ": when it is loaded, it "
                                  (match found
                                    ((value) (string-append "is " value))
                                    (_ "is not defined")))
                   #:hint "something in the module sets it later; raise that by hand"
                   #:file file))))

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

(define (plain-path file)
  "Return FILE as an absolute path without `.' and `..', links left alone."
  (let loop ((names (string-split (if (string-prefix? "/" file)
                                      file
                                      (string-append (getcwd) "/" file))
                                  #\/))
             (plain '()))
    (match names
      (() (string-append "/" (string-join (reverse plain) "/")))
      (((or "" ".") . rest) (loop rest plain))
      ((".." . rest) (loop rest (if (null? plain) '() (cdr plain))))
      ((name . rest) (loop rest (cons name plain))))))

(define (module-place file name)
  "Return the directory below which FILE is the module called NAME, and FILE as it
stands there, as a pair: where the file itself is, or else the link to it."
  (let* ((suffix (string-append
                  "/" (string-join (map symbol->string name) "/") ".scm"))
         (place (find (lambda (place) (string-suffix? suffix place))
                      (list (canonicalize-path file) (plain-path file)))))
    (unless place
      (media-error 'load-media-module
                   (string-append "cannot load `" file "` as a module: "
                                  "its place does not end in " suffix)
                   #:hint "name the file in its tree of modules"
                   #:file file))
    (cons (string-drop-right place (string-length suffix)) place)))

(define (without-exit file doing thunk)
  "Call THUNK, in which code of FILE is at work DOING something, and return what it
returns.  Throw 'media-error when that asks for the end of the program: there
would be no answer, and a status that looks like one."
  (catch 'quit
    thunk
    (lambda (key . status)
      (media-error 'load-media-module
                   (string-append "cannot " doing " `" file "`: it calls `exit`"
                                  (match status
                                    ((status)
                                     (format #f " with status ~s" status))
                                    (_ "")))
                   #:hint "take the call out, or do it only when run as a script"
                   #:file file))))

(define (load-media-module file)
  "Load FILE, a media.scm in its tree of modules, and return its module; the
modules it uses are found beside it.

Throw 'media-error when FILE is no module or ends the program, and what loading
it throws."
  (let ((name (module-name-of file)))
    (match (module-place file name)
      ((directory . place)
       (unless (member directory %load-path)
         (eval `(add-to-load-path ,directory) (resolve-module '(guile))))
       (without-exit file "load"
         (lambda ()
           (save-module-excursion
            (lambda () (primitive-load place)))))
       (resolve-module name)))))

(define (populating-procedure module file)
  (let ((populate (module-ref module 'populate-rootfs-from-closure #f)))
    (unless (procedure? populate)
      (media-error 'media-layout
                   (string-append "cannot find `populate-rootfs-from-closure` in `"
                                  file "`")
                   #:hint "name Fruix's modules/fruix/system/freebsd/media.scm"
                   #:file file))
    populate))

(define (call-with-scratch proc)
  "Call PROC with a temporary place that has the reference closures in it."
  (let ((scratch #f))
    (dynamic-wind
      (lambda () (set! scratch (%media-scratch)))
      (lambda () (proc scratch))
      (lambda () (%media-scratch-discard scratch)))))

(define* (media-layout file #:key (closure #f))
  "Return the visible layout of a booted system as FILE, a media.scm, makes it: a
list of lines in mtree's language, without the contents of files and without the
hashes and the closure's name in paths of the store.  A file with the contents
of one of the closure has `from=' and that file's name.

FILE's own `populate-rootfs-from-closure' is called with a closure and a rootfs.
CLOSURE is the closure to make it from; the default is a development system that
comes with this program, so that the layout changes only when FILE does.

Throw 'media-error when FILE does not define the procedure."
  (let ((module (load-media-module file)))
    (call-with-scratch
     (lambda (scratch)
       (let ((closure (or closure
                          (find development-closure?
                                (%media-scratch-closures scratch '())))))
         (layout-from file module closure
                      (%media-scratch-rootfs scratch)))))))

(define (development-closure? closure)
  (false-if-exception (lstat (string-append closure "/development-profile"))))

(define (layout-from file module closure rootfs)
  "Return the lines of the layout that MODULE, which is FILE's, makes in ROOTFS from
CLOSURE."
  (match (rootfs-closure-place closure)
    ((root . name)
     (let ((place (string-append root name))
           (populate (populating-procedure module file)))
       (without-exit file "make a rootfs with"
         (lambda () (populate place rootfs)))
       (let ((contents (contents-of root name)))
         (map (lambda (line) (visible line root name contents))
              (remove string-null?
                      (string-split (digest-tree-manifest rootfs) #\newline))))))))

(define (manifest-fields line)
  "Return the path in LINE of a manifest, without `./', and an association list of
its keywords."
  (match (string-split line #\space)
    ((path . words)
     (cons (if (string-prefix? "./" path) (string-drop path 2) path)
           (map (lambda (word)
                  (let ((at (string-index word #\=)))
                    (cons (string-take word at) (string-drop word (+ at 1)))))
                words)))))

(define (contents-of root name)
  "Return a procedure from a path and a digest to the name of a file of the closure
called NAME below ROOT with that digest, or #f: the file at that path when it
has it, or else the first."
  (define closure (string-append root name))
  (define table (make-hash-table))
  (define (add! directory prefix)
    (when (file-exists? directory)
      (for-each
       (lambda (line)
         (match (manifest-fields line)
           ((path . keywords)
            (let ((digest (assoc-ref keywords "sha256digest")))
              (when digest
                (hash-set! table digest
                           (append (hash-ref table digest '())
                                   (list (string-append prefix path)))))))))
       (remove string-null?
               (string-split (digest-tree-manifest directory) #\newline)))))
  (add! closure "")
  ;; A directory of the closure may be a link to an item of its own.
  (for-each
   (lambda (part)
     (let ((target (false-if-exception
                    (readlink (string-append closure "/" part)))))
       (when (and target (string-prefix? "/" target))
         (add! (string-append root target) (string-append part "/")))))
   '("etc" "boot" "usr/local"))
  (lambda (path digest)
    (let ((places (hash-ref table digest '())))
      (cond ((member path places) path)
            ((pair? places) (car places))
            (else #f)))))

(define (visible line root name contents)
  "Return LINE of the manifest of a rootfs without what the closure called NAME
below ROOT decides."
  (match (manifest-fields line)
    ((path . keywords)
     (let ((words
            (filter-map
             (match-lambda
               (("size" . _) #f)
               (("sha256digest" . digest)
                (let ((file (contents path digest)))
                  (and file (string-append "from=" file))))
               ((keyword . value) (string-append keyword "=" value)))
             keywords)))
       (masked (string-join (cons (if (string=? path ".")
                                      path
                                      (string-append "./" path))
                                  words)
                            " ")
               root (basename name))))))

(define (masked text root base)
  "Return TEXT with `…' for hashes of the store, and for BASE, the name of the
closure with its hash; and without ROOT where it stands before the store."
  (define store "/frx/store/")
  (define (hash-end from)
    ;; Where the digits of a hash that begins at FROM end, or #f.
    (let ((end (or (string-skip text char-set:hex-digit from)
                   (string-length text))))
      (and (memv (- end from) '(40 64))
           (< end (string-length text))
           (char=? #\- (string-ref text end))
           end)))
  (let loop ((from 0) (parts '()))
    (match (string-contains text store from)
      (#f
       (string-concatenate-reverse parts (substring text from)))
      (at
       (let* ((before (substring text from at))
              (before (if (and (not (string-null? root))
                               (string-suffix? root before))
                          (string-append (string-drop-right before
                                                            (string-length root))
                                         "…")
                          before))
              (start (+ at (string-length store)))
              (parts (cons* store before parts))
              (end (hash-end start))
              (base-end (+ start (string-length base))))
         (cond ((and (<= base-end (string-length text))
                     (string=? base (substring text start base-end))
                     (or (= base-end (string-length text))
                         (memv (string-ref text base-end) '(#\/ #\space))))
                (loop base-end (cons "…" parts)))
               (end (loop end (cons "…" parts)))
               (else (loop start parts))))))))

(define (strings-in datum)
  (match datum
    ((? string? text) (list text))
    ((first . rest) (append (strings-in first) (strings-in rest)))
    ((? vector? items) (append-map strings-in (vector->list items)))
    (_ '())))

(define (words-of file name)
  "Return all strings in the texts of the modules beside FILE, the module called
NAME: names that these may treat in a way of their own."
  (define directory (dirname (cdr (module-place file name))))
  (define (words file)
    (catch #t
      (lambda ()
        (call-with-input-file file
          (lambda (port)
            (let loop ((words '()))
              (match (read port)
                ((? eof-object?) words)
                (datum (loop (append (strings-in datum) words))))))))
      ;; What cannot be read is the loader's to tell.
      (const '())))
  (delete-duplicates
   (append-map (lambda (name) (words (string-append directory "/" name)))
               (or (scandir directory
                            (lambda (name) (string-suffix? ".scm" name)))
                   '()))))

(define (version-values module file)
  "Return the builder versions of MODULE, which is FILE's, as a list of (NAME VALUE),
both strings, the value as it is written; in the order of the text, and after
them those that are not plain to see there."
  (define found '())
  (define textual
    (catch 'media-error
      (lambda () (map builder-version-name (builder-versions file)))
      (const '())))
  (module-for-each
   (lambda (name variable)
     (when (and (string-suffix? "-builder-version" (symbol->string name))
                (variable-bound? variable))
       (let ((value (variable-ref variable)))
         (when (or (string? value) (number? value) (symbol? value))
           (set! found (acons name (format #f "~s" value) found))))))
   module)
  (let ((order (append (filter (lambda (name) (assq name found))
                               (delete-duplicates textual))
                       (sort (remove (lambda (name) (memq name textual))
                                     (map car found))
                             (lambda (one other)
                               (string<? (symbol->string one)
                                         (symbol->string other)))))))
    (map (lambda (name) (list (symbol->string name) (assq-ref found name)))
         order)))

(define* (media-survey file #:key (closures '()))
  "Return what FILE, a media.scm, makes now, for `builder-check': a list of two.  The
first is its builder versions, lists (NAME VALUE) of strings; the second its
visible layouts, see `media-layout', lists (CLOSURE IDENTITY LINE ...).  The
layouts are made from closures that come with this program, a development
system, a lean one, and one with files of every name that the modules mention,
unless these refuse it, and from CLOSURES.

Throw 'media-error when FILE cannot be loaded or defines no version."
  (let* ((module (load-media-module file))
         (versions (version-values module file))
         (words (words-of file (module-name-of file))))
    (when (null? versions)
      (media-error 'media-survey
                   (string-append "cannot find a builder version in `" file "`")
                   #:file file))
    (call-with-scratch
     (lambda (scratch)
       (define number 0)
       (define (made closure)
         (set! number (+ number 1))
         (layout-from file module closure
                      (string-append (%media-scratch-rootfs scratch) "-"
                                     (number->string number))))
       (define (row closure identity lines)
         (cons* (closure-name closure) identity lines))
       (let* ((references (%media-scratch-closures scratch words))
              (ample? (lambda (closure)
                        (string-suffix? "-fruix-system-ample" closure)))
              (plain (remove ample? references))
              (identities (map digest-tree plain)))
         (list versions
               (append
                (map (lambda (closure identity)
                       (row closure identity (made closure)))
                     plain identities)
                (filter-map
                 (lambda (closure)
                   ;; What it is furnished with says nothing by itself; and a
                   ;; module may refuse what it does not expect in a closure.
                   (catch #t
                     (lambda ()
                       (row closure
                            (digest-string (string-join identities " "))
                            (%media-peculiar (made closure) words)))
                     (lambda (key . args)
                       (and (memq key '(interrupted quit media-error))
                            (apply throw key args)))))
                 (filter ample? references))
                (map (lambda (closure)
                       (row closure (digest-tree closure) (made closure)))
                     closures))))))))

(define (closure-name closure)
  "Return the name of CLOSURE without its hash."
  (let* ((base (match (rootfs-closure-place closure)
                 ((root . name) (basename name))))
         (dash (string-index base #\-)))
    (if (and dash (memv dash '(40 64)))
        (string-drop base (+ dash 1))
        base)))

;;;
;;; Checks.
;;;

(define-record-type <builder-check>
  (make-builder-check name value state why added removed)
  builder-check?
  (name     builder-check-name)         ;symbol
  (value    builder-check-value)        ;string: as Scheme writes it
  (state    builder-check-state)        ;current, raised, stale, unknown or gone
  (why      builder-check-why)          ;string: the reason, or what it was raised from
  (added    builder-check-added)        ;lines that make it stale …
  (removed  builder-check-removed))     ;… and lines that are gone

(define (fields->check fields)
  (make-builder-check (assq-ref fields 'name)
                      (assq-ref fields 'value)
                      (assq-ref fields 'state)
                      (assq-ref fields 'why)
                      (assq-ref fields 'added)
                      (assq-ref fields 'removed)))

(define* (builder-check file #:key (closures '()) (survey #f) (record #f)
                        (remember? #t))
  "Return how each builder version in FILE stands:

`current' when its value stands for the layouts that are there and for no other;
`raised' when the value is new and greater than those before it;
`stale' when the value has stood for another layout, or may have: it must rise;
`unknown' when that cannot be said, because nothing is recorded;
`gone' when the record has it and FILE has not.

Only the first two are a success.  With REMEMBER?, what a raised version stands
for is recorded, so that the next change under that value is seen.  SURVEY is
what `media-survey' says of FILE and CLOSURES; RECORD is the file that
`builder-record' wrote, by default beside FILE."
  (let* ((survey (or survey (media-survey file #:closures closures)))
         (record (or record (%media-record-file file)))
         (checks (map fields->check (%media-builder-check survey record)))
         (raised (filter (lambda (check) (eq? 'raised (builder-check-state check)))
                         checks)))
    (when (and remember? (pair? raised))
      (%media-builder-record survey record
                             (map (compose symbol->string builder-check-name)
                                  raised)))
    checks))

(define (builder-check->string check)
  "Return CHECK as text for people: a line and, when the version must rise, the
entries because of which it must."
  (string-join
   (cons (string-append
          (symbol->string (builder-check-name check))
          " " (builder-check-value check) ": "
          (match (builder-check-state check)
            ('current "the layout is the recorded one")
            ('raised (string-append "raised from " (builder-check-why check)))
            ('stale (string-append "must rise: " (builder-check-why check)))
            ('unknown (string-append "cannot be checked: "
                                     (builder-check-why check)))
            ('gone "is recorded, and the module does not define it")))
         (append (map (lambda (line) (string-append "  + " line))
                      (builder-check-added check))
                 (map (lambda (line) (string-append "  - " line))
                      (builder-check-removed check))))
   "\n"))

(define* (builder-record file #:key (closures '()) (survey #f) (record #f))
  "Record in the file RECORD, by default beside FILE, that the builder versions in
FILE stand for its layouts: SURVEY, by default what `media-survey' says of FILE
and CLOSURES.  Return the name of that file.

Throw 'media-error, recording nothing, when a version is stale: to record its
layout would hide that it must rise."
  (let* ((survey (or survey (media-survey file #:closures closures)))
         (record (or record (%media-record-file file)))
         (stale (filter (lambda (check) (eq? 'stale (builder-check-state check)))
                        (builder-check file #:survey survey #:record record
                                       #:remember? #f))))
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
    (%media-builder-record survey record '())
    record))

;;;
;;; Disk images.
;;;

(define (disk-image file)
  "Return what is known of the raw disk image FILE, an association list:
`size-bytes', `partitions', `backup-at-end?', which is true when the copy of the
partition table is whole and at the very end, and `backup-trouble', #f or a
string that says what is wrong with that copy.

Throw 'media-error when FILE is no image with a GUID partition table, when it is
shorter than its table says, or when partitions overlap."
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
when it is smaller; and when the image is damaged, the copy of its partition
table included."
  (let ((trouble (assq-ref (disk-image file) 'backup-trouble)))
    (when trouble
      (media-error 'disk-image-check-vdi
                   (string-append "cannot put `" file "` on the VDI: " trouble)
                   #:hint "build the image again, or copy it again"
                   #:file file)))
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
