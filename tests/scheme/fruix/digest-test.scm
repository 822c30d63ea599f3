;;; Digests of files and trees.

(use-modules (fruix digest)
             (srfi srfi-1)
             (srfi srfi-64))

(define tree (string-append (getcwd) "/tree"))

(define (write-file name text)
  (call-with-output-file (string-append tree "/" name)
    (lambda (port) (display text port))))

(mkdir tree)
(chmod tree #o755)
(write-file "a" "hello\n")
(chmod (string-append tree "/a") #o644)
(symlink "a" (string-append tree "/link"))

(define hello "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")

(test-begin "digest")

(test-equal "a file" hello (digest-file (string-append tree "/a")))
(test-equal "a string" hello (digest-string "hello\n"))
(test-equal "a range"
  (digest-string "ell")
  (digest-file (string-append tree "/a") #:start 1 #:end 4))

(test-equal "a manifest, and the digest of a tree is its digest"
  (list (string-append ". type=dir mode=0755\n"
                       "./a type=file mode=0644 size=6 sha256digest=" hello "\n"
                       "./link type=link link=a\n")
        #t)
  (let ((manifest (digest-tree-manifest tree)))
    (list manifest
          (string=? (digest-tree tree) (digest-string manifest)))))

(test-equal "the bytes of a tree" 6 (digest-size-bytes tree))

(test-equal "names of one file"
  '(("a" "b"))
  (begin
    (link (string-append tree "/a") (string-append tree "/b"))
    (digest-tree-hard-links tree)))

(test-equal "a comparison says what was and what is"
  '(("./a" mode "0644" "0600"))
  (map (lambda (difference)
         (list (string-append "./" (digest-difference-path difference))
               (digest-difference-keyword difference)
               (digest-difference-recorded difference)
               (digest-difference-found difference)))
       (digest-compare "./a type=file mode=0644\n" "./a type=file mode=0600\n")))

(test-equal "a recorded digest is checked"
  '(() ("a"))
  (let ((file (string-append (getcwd) "/sums")))
    (call-with-output-file file
      (lambda (port) (display (string-append hello "  a\n") port)))
    (let ((before (digest-check file #:directory tree)))
      (write-file "a" "changed\n")
      (list before
            (map car (digest-check file #:directory tree))))))

(test-equal "a missing file is a digest-error"
  'digest-error
  (catch #t
    (lambda () (digest-file "/nonexistent"))
    (lambda (key . args) key)))

(let ((runner (test-runner-current)))
  (test-end "digest")
  (exit (zero? (test-runner-fail-count runner))))
