;;; The store of a guest: its layout, references and digests, asked for over SSH.
;;;
;;; What comes back are the values of (fruix store) and (fruix store system), so
;;; every question about a system on this machine can be asked about a guest.

(define-module (fruix store guest)
  #:use-module (fruix digest)
  #:use-module (fruix guest)
  #:use-module (fruix ssh)
  #:use-module (fruix store)
  #:use-module (fruix store system)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (guest-store-layout
            guest-store
            guest-system
            guest-tree-manifests))

(define* (guest-store-layout guest #:optional (closure "/run/current-system"))
  "Return the store layout of CLOSURE in GUEST.

Throw 'store-error when its metadata cannot be understood, and
'guest-command-failed when they cannot be read."
  (let ((file (string-append closure "/metadata/store-layout.scm")))
    (store-layout-from-text (guest-file-ref guest file)
                            #:origin (string-append "`" file "` in the guest"))))

(define (guest-store guest)
  "Return the store of GUEST, for `store-closure' and its neighbours in (fruix
store): all items and what they refer to, asked for by one command.  It does not
follow later changes."
  (store-from-text
   (guest-output guest
                 (sh "links() {
                    find \"$1\" -type l -exec sh -c 'for link; do
                      target=$(readlink \"$link\")
                      case $target in
                        /*) printf \" %s\\n\" \"$target\" ;;
                        *) printf \" %s\\n\" \"${link%/*}/./$target\" ;;
                      esac
                    done' sh {} +
                  }
                  for item in /frx/store/*-*; do
                    printf '%s\\n' \"$item\"
                    if test ! -L \"$item\" && test ! -L \"$item/.references\" &&
                       test -f \"$item/.references\"; then
                      sed 's/^/ /' \"$item/.references\"
                    else
                      links \"$item\"
                    fi
                  done"))
   #:origin "the guest"))

(define* (guest-system guest #:key (name "the guest"))
  "Return the system of GUEST, a connection, for (fruix store system): its store
is asked for once, its files when they are needed."
  (define (answer command)
    (match (ssh-ask guest (list command) #:again? #t)
      ((result) (and (ssh-result-passed? result) (ssh-result-stdout result)))))
  (make-system name
               (guest-store guest)
               #f
               (lambda (file)
                 (answer (sh "test -f \"$1\" && cat \"$1\"" file)))
               (lambda (directory)
                 (match (answer (sh "ls -A \"$1\"/" directory))
                   ((? string? text)
                    (sort (remove string-null? (string-split text #\newline))
                          string<?))
                   (_ '())))
               (lambda (file)
                 (match (answer (sh "test -L \"$1\" && readlink \"$1\"" file))
                   ((? string? text) (string-trim-right text #\newline))
                   (_ #f)))
               (lambda (items)
                 (map digest-manifest-bytes (guest-tree-manifests guest items)))
               (lambda (items)
                 (map (lambda (manifest) (cons (digest-manifest manifest) 'tree))
                      (guest-tree-manifests guest items)))))

(define* (guest-tree-manifests guest directories #:key (timeout 3600))
  "Return the manifest of each of DIRECTORIES in GUEST, as the guest's mtree(8)
writes it, asked for all at once.  TIMEOUT is in seconds.

Throw 'guest-command-failed when one cannot be read."
  (map (lambda (directory result)
         (unless (ssh-result-passed? result)
           (throw 'guest-command-failed 'guest-tree-manifests "~A"
                  (list (string-append
                         "cannot hash `" directory "` in the guest: "
                         (string-trim-right (ssh-result-stderr result))))
                  `((file . ,directory)
                    (status . ,(ssh-result-status result))
                    (hint . "the guest needs mtree(8), which FreeBSD's base has"))))
         (ssh-result-stdout result))
       directories
       (ssh-ask guest
                (map (lambda (directory)
                       (sh "mtree -c -k type,mode,link,size,device,sha256digest -p \"$1\""
                           directory))
                     directories)
                #:timeout-seconds timeout
                #:again? #t)))
