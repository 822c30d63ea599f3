;;; The store: what a closure's metadata say, and what refers to what.
;;;
;;; `load-store-layout' opens metadata/store-layout.scm of a closure, a copied
;;; folder of metadata or a single file; `store-layout-from-datum' takes what
;;; was read elsewhere, such as in a guest.  The exact spelling of Fruix's
;;; metadata is not published, so (fruix store metadata) is tolerant.

(define-module (fruix store)
  #:use-module (fruix json)
  #:use-module (fruix native store)
  #:use-module (fruix store metadata)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:use-module (srfi srfi-9 gnu)
  #:export (load-store-layout
            store-layout-from-datum
            store-layout-from-text
            store-layout?
            store-layout-ref
            store-layout-entries
            store-layout-origin
            store-layout-root
            store-layout-troubles
            store-layout->warnings
            store-layout-store-paths
            store-layout->lines
            store-layout->json
            host-base-stores
            native-base-stores
            fruix-runtime-stores
            materialized-source-stores
            development-stores
            init-mode
            source-store
            source-root
            source-info
            store-path?
            store-path-hash
            store-path-name
            store-path-package
            store-path-version
            store-path-output
            store-path-below
            make-store-path
            store-from-text
            store-items
            store-find
            store-references
            store-referrers
            store-unread-items
            store-all-references
            store-dead
            store-closure
            store-why-depends
            store-changes))

;;;
;;; The layout.
;;;

(define-record-type <store-layout>
  (make-store-layout entries origin root troubles)
  store-layout?
  (entries   store-layout-entries)      ;alist of symbols to data, unknown keys too
  (origin    store-layout-origin)       ;string: file, or where the datum is from
  (root      store-layout-root)         ;string: stands for `/'; usually empty
  (troubles  store-layout-troubles))    ;list of (LINE or #f . TEXT)

(set-record-type-printer! <store-layout>
  (lambda (layout port)
    (display "#<store-layout " port)
    (display (store-layout-origin layout) port)
    (display ", " port)
    (display (length (store-layout-store-paths layout)) port)
    (display " store items>" port)))

(define %roles
  ;; Each role and the keys under which it may stand, the best first.
  '((host-base-stores host-base-stores host-base-store host-base)
    (native-base-stores native-base-stores native-base-store native-base)
    (fruix-runtime-stores fruix-runtime-stores fruix-runtime-store
                          fruix-runtime runtime-stores)
    (materialized-source-stores materialized-source-stores
                                materialized-source-store
                                materialized-sources source-stores)
    (development-stores development-stores development-store
                        development-base-stores development-profile-stores
                        development)))

(define (layout-metadata? metadata)
  "Return true when METADATA has a key of a store layout, or at least a store
path in it."
  (or (any (lambda (role) (metadata-ref metadata (car role))) %roles)
      (pair? (store-paths metadata))))

(define (store-paths datum)
  (distinct (map without-slash (filter store-path? (metadata-strings datum)))))

(define (distinct paths)
  "Return PATHS, each once; there may be a million."
  (let ((seen (make-hash-table)))
    (filter (lambda (path)
              (let ((new? (not (hash-ref seen path))))
                (hash-set! seen path #t)
                new?))
            paths)))

(define (without-slash path)
  "Return PATH without slashes at its end: it is the same item."
  (string-trim-right path #\/))

(define (root-of file)
  "Return what of FILE stands before the store: the directory that stands for
`/', or the empty string."
  (match (string-contains file "/frx/store/")
    (#f "")
    (index (string-take file index))))

(define (layout-file file)
  "Return the store layout that FILE, a file or a directory, names."
  (if (and (file-exists? file) (eq? 'directory (stat:type (stat file))))
      (let ((candidates (map (lambda (name) (string-append file "/" name))
                             '("metadata/store-layout.scm" "store-layout.scm"))))
        (or (find file-exists? candidates)
            (metadata-error
             'load-store-layout
             (string-append "cannot find a store layout in `" file
                            "`: no metadata/store-layout.scm and no store-layout.scm")
             #:hint "name a closure, its metadata folder, or the file"
             #:file file)))
      file))

(define* (load-store-layout file #:key (root #f))
  "Return the store layout in FILE: a store-layout.scm, the metadata folder it is
in, or a closure.  ROOT is the directory that stands for `/' where the store is,
and FILE is looked for below it too; the default is what stands before
/frx/store in FILE's name.

Throw 'store-error, saying what was tried, when FILE is missing, cannot be read
or says nothing about a store."
  (let* ((below (string-append (or root "") file))
         (file (layout-file (if (and (not (file-exists? file))
                                     (file-exists? below))
                                below
                                file)))
         (forms (read-metadata file)))
    (make-layout (forms->metadata-of-file forms file layout-metadata?)
                 forms file (or root (root-of file)))))

(define* (store-layout-from-datum datum #:key (origin "a datum") (root ""))
  "Return the store layout that DATUM, as `read' returned it, stands for.  ORIGIN
says in messages where it is from, ROOT is the directory that stands for `/'.
Nothing is evaluated.

Throw 'store-error when DATUM says nothing about a store."
  (layout-from-forms (list datum) origin root))

(define* (store-layout-from-text text #:key (origin "a text") (root ""))
  "Return the store layout that TEXT, the contents of a store-layout.scm, holds.
ORIGIN says in messages where it is from, ROOT is the directory that stands for
`/'.  Nothing is evaluated, so TEXT may come from a guest.

Throw 'store-error when TEXT cannot be read or says nothing about a store."
  (layout-from-forms (text->forms text origin) origin root))

(define (layout-from-forms forms origin root)
  (match (forms->metadata forms #:wanted? layout-metadata?)
    (#f
     (metadata-error
      'store-layout
      (string-append "cannot find a store layout in " origin
                     ": it is no association list")
      #:hint "read the whole of the closure's metadata/store-layout.scm"
      #:file origin))
    (metadata (make-layout metadata forms origin root))))

;; The first keys of METADATA as text: hostile metadata may have a million.
(define (some-keys metadata)
  (let* ((keys (map car metadata))
         (most 10)
         (shown (if (> (length keys) most) (list-head keys most) keys))
         (more (- (length keys) (length shown))))
    (string-append (string-join (map symbol->string shown) ", ")
                   (if (> more 0)
                       (string-append ", … (" (number->string more) " more)")
                       ""))))

(define (make-layout metadata forms origin root)
  (unless (layout-metadata? metadata)
    (metadata-error
     'load-store-layout
     (string-append "cannot find a store layout in `" origin
                    "`: it has the keys "
                    (some-keys metadata)
                    " and no store path")
     #:hint "name the closure's metadata/store-layout.scm"
     #:file origin))
  (make-store-layout metadata origin root
                     (append (metadata-troubles forms)
                             (role-troubles metadata forms)
                             (unread-forms metadata forms))))

(define (unread-forms metadata forms)
  "Return what is to be said of those of FORMS that could be a layout, too, when
METADATA stand for another one, as (LINE . TEXT)."
  (match forms
    ((or () (_) (('define . _) . _)) '())
    (_
     (if (equal? metadata (datum->metadata forms))
         '()
         (filter-map (lambda (form)
                       (let ((other (datum->metadata form)))
                         (and other
                              (not (equal? other metadata))
                              (layout-metadata? other)
                              (cons #f "a further form looks like a layout and is not read"))))
                     forms)))))

(define (role-troubles metadata forms)
  "Return what is odd about the roles in METADATA, which FORMS stand for, as
(LINE . TEXT)."
  (append-map
   (match-lambda
     ((role . keys)
      (let* ((datum (or (metadata-ref metadata role) '()))
             (strings (metadata-strings datum))
             (others (remove store-path? strings)))
        (map (lambda (text)
               (cons (key-line forms keys)
                     (string-append "no store path in " (symbol->string role)
                                    ": " text)))
             (cond ((null? datum) '())
                   ((null? strings)
                    (list (call-with-output-string
                            (lambda (port) (write datum port)))))
                   ;; A name beside its path is no trouble.
                   ((equal? strings others) others)
                   (else (filter (lambda (text) (string-prefix? "/" text))
                                 others)))))))
   %roles))

(define (store-layout->warnings layout)
  "Return what in LAYOUT could not be understood, a list of strings that begin
with file and line."
  (map (match-lambda
         ((line . text)
          (string-append (store-layout-origin layout) ":"
                         (if line
                             (string-append (number->string line) ":")
                             "")
                         " " text)))
       (store-layout-troubles layout)))

(define (store-layout-ref layout key)
  "Return what LAYOUT says about KEY, a symbol, as it stands there, or #f.  Keys
that are nested or spelt with underscores are found too."
  (metadata-ref (store-layout-entries layout) key))

(define (store-layout-store-paths layout)
  "Return every store path in LAYOUT, each once, in order."
  (store-paths (store-layout-entries layout)))

(define (role-stores layout role)
  (let ((metadata (store-layout-entries layout)))
    (or (any (lambda (key)
               (let ((datum (metadata-ref metadata key)))
                 (and datum (store-paths datum))))
             (assq-ref %roles role))
        '())))

(define (host-base-stores layout)
  "Return the store paths of LAYOUT that hold a base copied from a host."
  (role-stores layout 'host-base-stores))

(define (native-base-stores layout)
  "Return the store paths of LAYOUT that hold a base built from source."
  (role-stores layout 'native-base-stores))

(define (fruix-runtime-stores layout)
  "Return the store paths of LAYOUT that hold Fruix's own runtime."
  (role-stores layout 'fruix-runtime-stores))

(define (materialized-source-stores layout)
  "Return the store paths of LAYOUT that hold source trees."
  (role-stores layout 'materialized-source-stores))

(define (development-stores layout)
  "Return the store paths of LAYOUT that hold development content."
  (role-stores layout 'development-stores))

(define (init-mode layout)
  "Return the init mode that LAYOUT records, as a symbol, or #f."
  (match (metadata-scalar
          (or (store-layout-ref layout 'init-mode)
              (store-layout-ref layout 'init)))
    ((? string? text) (string->symbol text))
    ((? symbol? mode) mode)
    (_ #f)))

;;;
;;; The source.
;;;

(define (source-item? path)
  (string-contains (store-path-name path) "freebsd-source-"))

(define (source-store layout)
  "Return the store path of the source that LAYOUT declares: its materialized
source store or, when it names none, the item whose name contains
-freebsd-source-, in LAYOUT and then in the store itself.

Throw 'store-error when there is none, or when there are several to choose
from."
  (define (choose paths from)
    (match (delete-duplicates (map store-path-item paths))
      (() #f)
      ((path) path)
      (several
       (match (filter source-item? several)
         ((path) path)
         (_ (metadata-error
             'source-store
             (string-append "cannot choose the source store among "
                            (string-join several ", ") " (" from ")")
             #:hint "pass the one that is meant"
             #:file (store-layout-origin layout)))))))
  (let ((origin (store-layout-origin layout)))
    (or (choose (materialized-source-stores layout) origin)
        (choose (filter source-item? (store-layout-store-paths layout)) origin)
        (choose (filter source-item? (items-or-none (store-layout-root layout)))
                "the store")
        (metadata-error
         'source-store
         (string-append "cannot find the source store: " origin
                        " names no materialized source store,"
                        " and no item is called -freebsd-source-")
         #:hint "materialize the source before building, or name it"
         #:file origin))))

(define (items-or-none root)
  (catch 'store-error
    (lambda () (%store-items root))
    (lambda _ '())))

(define* (source-info source #:key (root ""))
  "Return what .freebsd-source-info.scm of the source store SOURCE says, an
association list; the empty list when there is no such file.  ROOT is the
directory that stands for `/'."
  (let ((file (string-append root source "/.freebsd-source-info.scm")))
    (if (file-exists? file)
        (load-metadata file)
        '())))

(define* (source-root layout #:key (exists? #f))
  "Return the directory of the source tree that LAYOUT declares: the effective
source root where it is recorded, or `tree', `tree/usr/src' or nothing below the
source store, whichever has a Makefile.

EXISTS? answers whether a file exists where the store is; the default looks on
this machine, below LAYOUT's root.  A harness passes one that asks the guest.

Throw 'store-error naming what was looked at when there is none."
  (let* ((store (source-store layout))
         (root (store-layout-root layout))
         (exists? (or exists?
                      (lambda (file) (file-exists? (string-append root file)))))
         (recorded (filter string?
                           (list (metadata-scalar
                                  (or (store-layout-ref layout
                                                        'effective-source-root)
                                      '())))))
         ;; A path that leads out of its item is no store path.
         (candidates (append (filter (lambda (path)
                                       (and (store-path? path)
                                            (string-prefix? store path)))
                                     recorded)
                             (map (lambda (below) (string-append store below))
                                  '("/tree" "/tree/usr/src" "")))))
    (or (find (lambda (directory)
                (exists? (string-append directory "/Makefile")))
              candidates)
        (metadata-error
         'source-root
         (string-append "cannot find the source tree of `" store
                        "`: no Makefile in "
                        (string-join (map (lambda (directory)
                                            (string-append "`" directory "`"))
                                          candidates)
                                     ", "))
         #:hint "is the source store complete on this system?"
         #:file store))))

;;;
;;; Showing a layout.
;;;

(define (summary layout)
  "Return LAYOUT as a list of (KEY . STRING, INTEGER or list of strings)."
  (append
   `((store-layout-file . ,(store-layout-origin layout))
     (init-mode . ,(let ((mode (init-mode layout)))
                     (if mode (symbol->string mode) ""))))
   (append-map
    (match-lambda
      ((role . _)
       (let ((paths (role-stores layout role))
             (name (symbol->string role)))
         `((,(string->symbol
              (string-append (string-drop-right name 1) "-count"))
            . ,(length paths))
           (,role . ,paths)))))
    %roles)
   (known 'source-store (lambda () (source-store layout)))
   (known 'source-root (lambda () (source-root layout)))
   `((unknown-keys . ,(map symbol->string (unknown-keys layout))))))

(define (known key thunk)
  "Return KEY and what THUNK returns, in a list, or the empty list when the store
has no answer."
  (catch 'store-error
    (lambda () `((,key . ,(thunk))))
    (lambda _ '())))

(define (unknown-keys layout)
  (remove (lambda (key)
            (or (memq key '(init-mode init))
                (any (lambda (role) (memq key role)) %roles)))
          (map car (store-layout-entries layout))))

(define (store-layout->lines layout)
  "Return LAYOUT as a list of KEY=VALUE strings, with the words of Fruix's own
command line; the members of a list are separated by spaces."
  (map (match-lambda
         ((key . value)
          (string-append
           (json-key key)
           "="
           (cond ((string? value) value)
                 ((integer? value) (number->string value))
                 (else (string-join value " "))))))
       (summary layout)))

(define (store-layout->json layout)
  "Return LAYOUT as the text of a JSON object with the keys of
`store-layout->lines', and what could not be understood."
  (scm->json
   (append (summary layout)
           `((troubles . ,(map (match-lambda
                                 ((line . text)
                                  `((line . ,(or line 'null))
                                    (text . ,text))))
                               (store-layout-troubles layout)))))))

;;;
;;; Store paths.
;;;

(define (store-path? text)
  "Return true when TEXT is a store path: /frx/store/, 40 or 64 hexadecimal
digits, a hyphen and a name, and perhaps something below."
  (%store-path? text))

(define (path-part text part)
  (assq-ref (%store-path-parse text) part))

(define (store-path-hash text)
  "Return the hexadecimal digits of the store path TEXT.  Throw 'store-error when
it is none; so do the other procedures that take a store path apart."
  (path-part text 'hash))

(define (store-path-name text)
  "Return what follows the hash in the store path TEXT."
  (path-part text 'name))

(define (store-path-package text)
  "Return the name in the store path TEXT without version and output."
  (path-part text 'package))

(define (store-path-version text)
  "Return the version in the store path TEXT, or #f."
  (path-part text 'version))

(define (store-path-output text)
  "Return the output in the store path TEXT, such as \"debug\", or #f."
  (path-part text 'output))

(define (store-path-below text)
  "Return what the store path TEXT names below the item, or #f."
  (path-part text 'below))

(define (store-path-item text)
  (string-append "/frx/store/" (store-path-hash text) "-" (store-path-name text)))

(define* (make-store-path kind name payload #:key (output ""))
  "Return the store path of the object of KIND called NAME whose contents PAYLOAD
identifies, all strings.  The scheme is ours: Fruix's is not published, and its
paths are others."
  (%store-path-make kind name output payload))

;;;
;;; References.
;;;

(define* (store-from-text text #:key (origin "a text"))
  "Return the store that TEXT tells of, for the procedures below: a line with a
store path is an item, and the indented lines after it hold what it refers to.
ORIGIN says in messages where TEXT is from.  `guest-store' makes such a text."
  (%store-told text origin))

(define* (store-items #:key (store ""))
  "Return the store paths of all items, sorted.  STORE is the directory that
stands for `/', or what `store-from-text' returned; the same holds for the
procedures below.

Throw 'store-error when there is no store."
  (%store-items store))

(define* (store-find text #:key (store ""))
  "Return the store path of the item that TEXT names: a store path, HASH-NAME, or
the first digits of a hash.  Throw 'store-error when there is none."
  (%store-find store text))

(define* (store-references item #:key (store ""))
  "Return what ITEM refers to, sorted: what its .references lists or, without
one, where its links lead, relative ones included.  An item that is a link
refers to the item in which it leads."
  (%store-references store item))

(define* (store-referrers item #:key (store ""))
  "Return the items that refer to ITEM, sorted; `store-unread-items' are not among
them."
  (car (%store-referrers store item)))

(define* (store-unread-items #:key (store ""))
  "Return the items of which it cannot be told what they refer to, an association
list from store paths to strings that say why."
  (filter (match-lambda ((item . told) (string? told)))
          (%store-all-references store)))

(define* (store-all-references #:key (store ""))
  "Return an association list from all items to what they refer to, a list or,
where that cannot be told, a string that says why."
  (%store-all-references store))

(define* (store-dead roots #:key (store ""))
  "Return the items that none of ROOTS, store paths, leads to, sorted.  Roots that
are not in the store lead nowhere.

Throw 'store-error when an item that is reached cannot be read: nobody knows
what it leads to."
  (%store-dead store roots))

(define* (store-closure item #:key (store ""))
  "Return ITEM and everything it leads to, sorted."
  (%store-closure store item))

(define* (store-why-depends item other #:key (store ""))
  "Return a shortest chain of references from ITEM to OTHER, or #f when ITEM does
not depend on OTHER."
  (%store-why store item other))

(define* (store-changes before after #:key (store ""))
  "Return how the closure of AFTER differs from that of BEFORE: an association
list with the store paths `added' and `removed' and, under `changed', pairs of
items of one name."
  (%store-changes store before after))
