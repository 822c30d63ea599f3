;;; A system with a store: what it runs, what it could go back to, what it built.
;;;
;;; A system is this machine, a directory that stands for `/', or a guest (see
;;; (fruix store guest)).  Where things are follows Fruix's published reports.
;;; How the files are written does not stand there, so a place that should name
;;; a closure may be a link, a file with a path in it, or metadata.

(define-module (fruix store system)
  #:use-module (fruix digest)
  #:use-module (fruix store)
  #:use-module (fruix store metadata)
  #:use-module (ice-9 ftw)
  #:use-module (ice-9 match)
  #:use-module (ice-9 rdelim)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (make-system
            local-system
            system?
            system-name
            system-store
            system-root
            system-read
            system-entries
            system-link
            system-sizes
            system-digests
            system-find
            system-current
            system-layout
            system-source-info
            system-generations
            system-gc-roots
            system-native-builds
            system-native-objects
            generation?
            generation-number
            generation-closure
            generation-current?
            generation-rollback?
            generation-metadata
            native-build?
            native-build-run-id
            native-build-latest?
            native-build-artifacts
            native-build-promotion))

(define-record-type <system>
  (make-system name store root read entries link sizes digests)
  system?
  (name     system-name)                ;string, for messages
  (store    system-store)               ;for #:store of (fruix store)
  (root     system-root)                ;string: stands for `/' here, or #f
  (read     system-read)                ;file -> string or #f
  (entries  system-entries)             ;directory -> sorted names, or ()
  (link     system-link)                ;file -> target or #f
  (sizes    system-sizes)               ;store paths -> list of bytes
  (digests  system-digests))            ;store paths -> list of (SHA-256 . KIND)

;; KIND is what a digest is of: `tree', `file', or `link' for a link that leads
;; nowhere, of which there is only the text.

;;;
;;; This machine, or a directory that stands for `/'.
;;;

(define* (local-system #:optional (root ""))
  "Return the system whose `/' is the directory ROOT; the default is this
machine.  Links in it are followed as if ROOT were `/', and never out of it."
  (let ((root (string-trim-right root #\/)))
    (define (place file)
      (string-append root (followed root file)))
    (make-system (if (string-null? root) "this machine" root)
                 root
                 root
                 (lambda (file)
                   (let ((file (place file)))
                     (and (regular? file)
                          (call-with-input-file file read-string))))
                 (lambda (directory)
                   (or (scandir (place directory)
                                (lambda (name) (not (member name '("." "..")))))
                       '()))
                 (lambda (file) (link-target (string-append root file)))
                 (lambda (items)
                   (map (lambda (item)
                          (let ((place (place item)))
                            (if (stat place #f) (digest-size-bytes place) 0)))
                        items))
                 (lambda (items)
                   (digests (map place items)
                            (map (lambda (item) (string-append root item))
                                 items))))))

(define (digests places names)
  "Return the digests of PLACES, which are the files NAMES with their links followed,
as pairs of SHA-256 and kind."
  (let loop ((places places)
             (names names)
             (trees (digest-trees (filter directory? places)))
             (digests '()))
    (match places
      (() (reverse digests))
      ((place . rest)
       (define (next digest kind trees)
         (loop rest (cdr names) trees (cons (cons digest kind) digests)))
       (cond ((directory? place) (next (car trees) 'tree (cdr trees)))
             ((stat place #f) (next (digest-file place) 'file trees))
             (else
              (next (digest-string (or (link-target (car names)) "")) 'link trees)))))))

(define (directory? file)
  (let ((status (stat file #f)))
    (and status (eq? 'directory (stat:type status)))))

(define (regular? file)
  (let ((status (stat file #f)))
    (and status (eq? 'regular (stat:type status)))))

(define (link-target file)
  "Return where the link FILE leads, or #f when it is none."
  (catch 'system-error
    (lambda () (readlink file))
    (lambda _ #f)))

(define (followed root file)
  "Return the absolute FILE with the links in it followed, ROOT standing for `/'.
What leads round in a circle is left as it is."
  (define (names text)
    (remove (lambda (name) (member name '("" ".")))
            (string-split text #\/)))
  (let loop ((pending (names file)) (reached '()) (links 0))
    (define (joined reached)
      (string-concatenate
       (append-map (lambda (name) (list "/" name)) (reverse reached))))
    (match pending
      (() (joined reached))
      ((".." . rest)
       (loop rest (if (null? reached) '() (cdr reached)) links))
      ((name . rest)
       (match (link-target (string-append root (joined (cons name reached))))
         ((? string? target)
          (if (> links 40)
              file
              (loop (append (names target) rest)
                    (if (string-prefix? "/" target) '() reached)
                    (+ links 1))))
         (_ (loop rest (cons name reached) links)))))))

;;;
;;; Finding items.
;;;

(define (item-of path)
  "Return the store path PATH without what is below the item."
  (string-append "/frx/store/" (store-path-hash path) "-" (store-path-name path)))

(define (store-path-in text)
  "Return the first store path in TEXT, without what is below it, or #f."
  (let ((end (string-length text)))
    (let loop ((from 0))
      (match (string-contains text "/frx/store/" from)
        (#f #f)
        (start
         (let* ((stop (or (string-index text
                                        (lambda (char)
                                          (or (char-whitespace? char)
                                              (memv char '(#\" #\' #\( #\) #\;))))
                                        start)
                          end))
                (path (substring text start stop)))
           (if (store-path? path)
               (item-of path)
               (loop (+ start 1)))))))))

(define (names-item system file)
  "Return the store path that FILE of SYSTEM names: a link to it, perhaps over
other links, or a file with it in its text; #f when there is none."
  (let loop ((file file) (links 0))
    (match ((system-link system) file)
      (#f
       (match ((system-read system) file)
         ((? string? text) (store-path-in text))
         (_ #f)))
      (target
       (let ((target (plain-path (if (string-prefix? "/" target)
                                     target
                                     (string-append (dirname file) "/" target)))))
         (or (and (store-path? target) (item-of target))
             (store-path-in target)
             (and (< links 40) (loop target (+ links 1)))))))))

(define (plain-path file)
  "Return the absolute FILE without `.' and `..', as text."
  (let loop ((names (string-split file #\/)) (plain '()))
    (match names
      (() (string-append "/" (string-join (reverse plain) "/")))
      (((or "" ".") . rest) (loop rest plain))
      ((".." . rest) (loop rest (if (null? plain) '() (cdr plain))))
      ((name . rest) (loop rest (cons name plain))))))

(define (system-current system)
  "Return the closure that SYSTEM runs: what /run/current-system names.  Throw
'store-error when it names none."
  (or (names-item system "/run/current-system")
      (metadata-error 'system-current
                      (string-append "cannot find the current system of "
                                     (system-name system)
                                     ": /run/current-system leads to no store path")
                      #:hint "name a closure")))

(define (system-find system text)
  "Return the store path of the item of SYSTEM that TEXT names: a store path,
HASH-NAME, the first digits of a hash, a name that only one item has, `current'
or `rollback', the number of a generation, or a file that leads to an item, such
as /run/current-system.

Throw 'store-error when there is none, or more than one."
  (cond ((string=? text "current") (system-current system))
        ((string=? text "rollback")
         (or (any (lambda (generation)
                    (and (generation-rollback? generation)
                         (generation-closure generation)))
                  (system-generations system))
             (none system text)))
        ((store-path? text) (store-find (item-of text) #:store (system-store system)))
        ((store-path-in text) => (lambda (path) (store-find path #:store (system-store system))))
        ((string-prefix? "/" text)
         (or (names-item system text) (none system text)))
        ((and (string-every char-numeric? text)
              (< (string-length text) 4)
              (find (lambda (generation)
                      (equal? (generation-number generation)
                              (string->number text)))
                    (system-generations system)))
         => (lambda (generation)
              (or (generation-closure generation) (none system text))))
        (else
         (match (filter (lambda (item) (string=? text (store-path-name item)))
                        (store-items #:store (system-store system)))
           ((item) item)
           (() (store-find text #:store (system-store system)))
           (several
            (metadata-error 'system-find
                            (string-append "cannot tell which `" text "` is meant: "
                                           (string-join several ", "))
                            #:hint "give the first digits of its hash"))))))

(define (none system text)
  (metadata-error 'system-find
                  (string-append "cannot find `" text "` in the store of "
                                 (system-name system))
                  #:hint "name a store path, the first digits of a hash, a name, `current` or a generation"))

(define* (system-layout system #:optional (closure "current"))
  "Return the store layout of CLOSURE, which `system-find' finds in SYSTEM.

Throw 'store-error when it has none."
  (let* ((closure (system-find system closure))
         (file (string-append closure "/metadata/store-layout.scm")))
    (match ((system-read system) file)
      ((? string? text)
       (store-layout-from-text text
                               #:origin (string-append (or (system-root system) "")
                                                       file)
                               #:root (or (system-root system) "")))
      (_ (metadata-error 'system-layout
                         (string-append "cannot read `" file "` of "
                                        (system-name system))
                         #:hint "is that item a system's closure?"
                         #:file file)))))

(define (system-source-info system source)
  "Return what .freebsd-source-info.scm of the source store SOURCE in SYSTEM says,
an association list; the empty list when there is no such file."
  (metadata-in system (string-append source "/.freebsd-source-info.scm")))

(define (metadata-in system file)
  "Return the metadata in FILE of SYSTEM, or the empty list when there is no such
file or none in it."
  (match ((system-read system) file)
    ((? string? text)
     (catch 'store-error
       (lambda () (or (forms->metadata (text->forms text file)) '()))
       (lambda _ '())))
    (_ '())))

;;;
;;; Generations and roots.
;;;

(define-record-type <generation>
  (make-generation number closure current? rollback? metadata)
  generation?
  (number     generation-number)        ;integer, or string: the folder's name
  (closure    generation-closure)       ;store path, or #f
  (current?   generation-current?)      ;boolean
  (rollback?  generation-rollback?)     ;boolean
  (metadata   generation-metadata))     ;alist: metadata, provenance, install

(define %generations "/var/lib/fruix/system")

(define (system-generations system)
  "Return the generations that SYSTEM keeps, by number, as records.  The
generation-metadata of each is an association list with what metadata.scm,
provenance.scm and install.scm of it say."
  (define folder (string-append %generations "/generations"))
  (define (marked name)
    ;; `current-generation' holds a number, or `current' leads to a generation.
    (let ((number ((system-read system)
                   (string-append %generations "/" name "-generation")))
          (link ((system-link system) (string-append %generations "/" name))))
      (lambda (folder-name closure)
        (cond ((and (string? number) (string->number (string-trim-both number)))
               => (lambda (number) (equal? number (string->number folder-name))))
              ((and link (string-contains link "generations/"))
               (string=? folder-name (basename link)))
              (else
               (and closure
                    (equal? closure
                            (names-item system
                                        (string-append %generations "/" name)))))))))
  (let ((current? (marked "current"))
        (rollback? (marked "rollback")))
    (define (generation name)
      (let* ((place (string-append folder "/" name))
             (metadata
              (filter-map (lambda (part)
                            (match (metadata-in system
                                                (string-append place "/" part ".scm"))
                              (() #f)
                              (metadata (cons (string->symbol part) metadata))))
                          '("metadata" "provenance" "install")))
             (closure (or (names-item system (string-append place "/closure"))
                          (any (lambda (text)
                                 (and (string-contains text "-fruix-system-")
                                      (store-path-in text)))
                               (metadata-strings metadata)))))
        (make-generation (or (string->number name) name)
                         closure
                         (and (current? name closure) #t)
                         (and (rollback? name closure) #t)
                         metadata)))
    (sort (map generation ((system-entries system) folder))
          (lambda (one other)
            (let ((one (generation-number one))
                  (other (generation-number other)))
              (cond ((and (number? one) (number? other)) (< one other))
                    ((number? one) #t)
                    ((number? other) #f)
                    (else (string<? one other))))))))

(define (system-gc-roots system)
  "Return what keeps items of SYSTEM alive, an association list from places to
store paths, #f where a place leads to none: the links and files below
/frx/var/fruix/gcroots, in directories as well, /run/current-system, and
`current' and `rollback' of the generations."
  (define (root place)
    (and (or ((system-link system) place) ((system-read system) place))
         (cons place (names-item system place))))
  (define (below directory depth)
    (append-map (lambda (name)
                  (let ((place (string-append directory "/" name)))
                    (cond ((root place) => list)
                          ((< depth 20) (below place (+ depth 1)))
                          (else '()))))
                ((system-entries system) directory)))
  (append (filter-map root '("/run/current-system"))
          ;; Usually these lead to a generation, and that to its closure.
          (filter cdr
                  (filter-map root
                              (map (lambda (name)
                                     (string-append %generations "/" name))
                                   '("current" "rollback"))))
          (below "/frx/var/fruix/gcroots" 0)))

;;;
;;; Native builds.
;;;

(define-record-type <native-build>
  (make-native-build run-id latest? artifacts promotion)
  native-build?
  (run-id     native-build-run-id)      ;string
  (latest?    native-build-latest?)     ;boolean
  (artifacts  native-build-artifacts)   ;list of directories
  (promotion  native-build-promotion))  ;alist: what promotion.scm says

(define (system-native-builds system)
  "Return the results of native builds that lie in SYSTEM below
/var/lib/fruix/native-builds, by their ids, as records."
  (define folder "/var/lib/fruix/native-builds")
  (define latest
    (match ((system-link system) (string-append folder "/latest"))
      ((? string? target) (basename target))
      (_ (match ((system-read system) (string-append folder "/latest"))
           ((? string? text) (basename (string-trim-both text)))
           (_ #f)))))
  (map (lambda (run-id)
         (let ((place (string-append folder "/" run-id)))
           (make-native-build run-id
                              (equal? run-id latest)
                              (map (lambda (name)
                                     (string-append place "/artifacts/" name))
                                   ((system-entries system)
                                    (string-append place "/artifacts")))
                              (metadata-in system
                                           (string-append place "/promotion.scm")))))
       (delete "latest" ((system-entries system) folder))))

(define (system-native-objects system)
  "Return the items of SYSTEM's store that native builds left there, an
association list from store paths to what .fruix-native-build-result.scm or
.fruix-native-build-object.scm in each says."
  (filter-map (lambda (item)
                (and (string-contains (store-path-name item) "fruix-native-")
                     (any (lambda (file)
                            (match (metadata-in system (string-append item file))
                              (() #f)
                              (metadata (cons item metadata))))
                          '("/.fruix-native-build-result.scm"
                            "/.fruix-native-build-object.scm"))))
              (store-items #:store (system-store system))))
