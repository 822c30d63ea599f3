;;; SHA-256 of files and trees on this machine, and what they weigh.
;;;
;;; The digest of a tree is that of its manifest, a text in mtree(5)'s language
;;; with type, mode, size, link and digest of every entry, sorted, without
;;; times and owners.  (fruix guest) hashes files that are in a guest.

(define-module (fruix digest)
  #:use-module (fruix native digest)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-9)
  #:export (digest-file
            digest-string
            digest-tree
            digest-trees
            digest-manifest
            digest-manifest-bytes
            digest-tree-manifest
            digest-tree-hard-links
            digest-compare
            digest-check
            digest-size-bytes
            digest-allocated-bytes
            digest-difference?
            digest-difference-path
            digest-difference-keyword
            digest-difference-recorded
            digest-difference-found))

(define-record-type <digest-difference>
  (make-digest-difference path keyword recorded found)
  digest-difference?
  (path      digest-difference-path)      ;string, relative to the tree
  (keyword   digest-difference-keyword)   ;symbol: type, mode, size, link …
  (recorded  digest-difference-recorded)  ;string, or #f for what is new
  (found     digest-difference-found))    ;string, or #f for what is missing

(define* (digest-file file #:key (start #f) (end #f))
  "Return the SHA-256 of FILE as 64 hexadecimal digits; with START and END, of
its bytes from START up to but without END.

Throw 'digest-error when FILE cannot be read or is shorter than END."
  (cond ((and (not start) (not end))
         (%digest-file file))
        (end
         (%digest-range file (or start 0) end))
        (else
         (%digest-range file start (stat:size (stat file))))))

(define (digest-string string)
  "Return the SHA-256 of the UTF-8 bytes of STRING as 64 hexadecimal digits."
  (%digest-string string))

(define (digest-tree tree)
  "Return the SHA-256 of the directory TREE: that of its manifest.

Throw 'digest-error when something in it cannot be read."
  (assq-ref (%digest-tree tree) 'sha256))

(define (digest-trees trees)
  "Return the SHA-256 of each of the directories TREES, a list in their order.
All files of all of them are hashed in parallel.

Throw 'digest-error when something in one cannot be read."
  (%digest-trees trees))

(define (digest-manifest manifest)
  "Return the SHA-256 of the tree that MANIFEST, a text of ours or of mtree(8),
records: the same that `digest-tree' has for it.

Throw 'digest-error when MANIFEST cannot be understood."
  (assq-ref (%digest-manifest manifest) 'sha256))

(define (digest-manifest-bytes manifest)
  "Return the number of bytes in the files that MANIFEST records."
  (assq-ref (%digest-manifest manifest) 'bytes))

(define (digest-tree-manifest tree)
  "Return the manifest of the directory TREE as a string of lines, which
FreeBSD's mtree(8) can check."
  (assq-ref (%digest-tree tree) 'manifest))

(define (digest-tree-hard-links tree)
  "Return a list of lists of paths: the names, below the directory TREE, of each
file that has several there."
  (assq-ref (%digest-tree tree) 'hard-links))

(define (digest-compare recorded found)
  "Return how the manifest FOUND differs from the manifest RECORDED, a list of
differences by path; the empty list when nothing does.  Only what both record is
compared.

Throw 'digest-error when one cannot be understood."
  (map (lambda (fields)
         (make-digest-difference (assq-ref fields 'path)
                                 (assq-ref fields 'keyword)
                                 (assq-ref fields 'recorded)
                                 (assq-ref fields 'found)))
       (%digest-compare recorded found)))

(define* (digest-check file #:key (directory "."))
  "Check what is recorded in FILE, with its paths relative to DIRECTORY, and
return the list of (PATH . TROUBLE) of what is not as recorded; the empty list
when all is.  FILE is an mtree manifest of DIRECTORY, or lines as sha256sum
prints them, in which a path that ends in / is a tree.

Throw 'digest-error when FILE cannot be understood."
  (let loop ((checked (%digest-check file directory)) (troubles '()))
    (match checked
      (() (reverse troubles))
      (((_ . #f) . rest) (loop rest troubles))
      ((trouble . rest) (loop rest (cons trouble troubles))))))

(define (digest-size-bytes file)
  "Return the number of bytes in FILE, or in all files below it when it is a
directory; a file with several names is counted once."
  (assq-ref (%digest-size file) 'bytes))

(define (digest-allocated-bytes file)
  "Return the number of bytes that the file system has set aside for FILE and all
below it, as du(1) counts them."
  (assq-ref (%digest-size file) 'allocated-bytes))
