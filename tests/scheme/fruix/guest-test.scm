;;; A guest: the one that answers at FRUIX_SCM_TEST_PORT of this machine, with
;;; the host key and private key of the same family of variables.

(use-modules (fruix guest)
             (fruix job)
             (fruix preflight)
             (fruix ssh)
             (fruix wait)
             (ice-9 match)
             (rnrs bytevectors)
             (srfi srfi-1)
             (srfi srfi-64))

(define guest
  (ssh-connect #:address "127.0.0.1"
               #:port (string->number (getenv "FRUIX_SCM_TEST_PORT"))
               #:private-key (getenv "FRUIX_SCM_TEST_PRIVATE_KEY")
               #:host-key (getenv "FRUIX_SCM_TEST_HOST_KEY")))

(define (message key thunk)
  "Return the message of the error KEY that THUNK ends with."
  (catch key
    (lambda () (thunk) "no error")
    (lambda (key procedure format arguments . details)
      (car arguments))))

(define closure
  "/frx/store/6d22cc7dc9c54af978655babbdb33006bc8d7258-fruix-system-fruix-validation")
(define source
  "/frx/store/5193aa63a947a11ba05ef7a200fa056e7ef39c5a-freebsd-source-default")

(test-begin "guest")

(test-equal "words are not taken apart"
  "a  b $HOME *"
  (guest-output guest '("printf" "%s" "a  b $HOME *")))
(test-equal "a script sees its arguments"
  "2: it's"
  (guest-output guest (sh "echo \"$#: $2\"" "one" "it's")))
(test-equal "an environment is all there is"
  "A=b c"
  (guest-output guest '("env") #:environment '(("A" . "b c"))))
(test-equal "a directory is where it starts"
  "/frx/store"
  (guest-output guest '("pwd") #:directory "/frx/store"))
(test-equal "input is read"
  "given"
  (guest-output guest '("cat") #:input "given"))
(test-equal "a failing command says its status and last words"
  "`sh -c 'echo why >&2; exit 3'` ended with status 3 in the guest; last: why"
  (message 'guest-command-failed
           (lambda ()
             (guest-run guest '("sh" "-c" "echo why >&2; exit 3")))))
(test-equal "a failing command is a result for who asks"
  '(3 "out\n" "err\n")
  (let ((result (guest-try guest (sh "echo out; echo err >&2; exit 3"))))
    (list (ssh-result-status result)
          (ssh-result-stdout result)
          (ssh-result-stderr result))))

(test-equal "files are told apart"
  '(#t #t #f #t #f #t)
  (list (guest-file? guest "/etc/rc.conf")
        (guest-directory? guest "/usr/include")
        (guest-file? guest "/usr/include")
        (guest-link? guest "/usr/include")
        (guest-exists? guest "/no/such/file")
        (guest-executable? guest "/bin/sh")))
(test-equal "a link has its target as it is written"
  closure
  (guest-link-target guest "/run/current-system"))
(test-equal "what is no link has no target"
  #f
  (guest-link-target guest "/etc/passwd"))
(test-equal "a datum is read"
  '(version . 1)
  (car (guest-read guest
                   "/run/current-system/metadata/store-layout.scm")))
(test-equal "a file that is not there is named"
  "cannot read `/no/such` in the guest: cat: /no/such: No such file or directory"
  (message 'guest-command-failed
           (lambda () (guest-file-ref guest "/no/such"))))
(test-equal "contents, size and digest belong together"
  '("hello\n" 6
    "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
  (begin
    (guest-write-file guest "/tmp/hello world" "hello\n")
    (list (guest-file-ref guest "/tmp/hello world")
          (guest-file-size guest "/tmp/hello world")
          (guest-file-sha256 guest "/tmp/hello world"))))
(test-equal "a tree has a size, a directory its names"
  '(#t ("param.h"))
  (begin
    (guest-run guest '("mkdir" "-p" "/tmp/d"))
    (guest-write-file guest "/tmp/d/param.h" "x")
    (list (positive? (guest-tree-size guest "/tmp/d"))
          (guest-directory-list guest "/tmp/d"))))
(test-equal "the source root is found in its store"
  (string-append source "/tree")
  (guest-source-root guest source))

(test-equal "checks that hold say nothing"
  #t
  (guest-check guest
               '(exists "/etc/rc.conf")
               '(link "/usr/share/mk"
                      "/run/current-system/development-profile/usr/share/mk")
               '(contains "/etc/rc.conf" "sshd_enable")
               '(absent "/no/such")))
(test-equal "every check that does not hold is named"
  "`/no/such` is missing; `/usr/include` leads to /run/current-system/development-profile/usr/include instead of /elsewhere"
  (message 'check-failed
           (lambda ()
             (guest-check guest
                          '(exists "/no/such")
                          '(exists "/etc/passwd")
                          '(link "/usr/include" "/elsewhere")))))

(guest-run guest (sh "cd /tmp && printf 12345 > facts && chmod 4750 facts &&
ln -f facts facts-too && touch -t 200101010000 old && touch facts"))
(test-equal "facts of files come together, links followed"
  '("regular file" #o4750 "root" 5 2 "directory" #f)
  (match (guest-files-facts guest '("/tmp/facts" "/tmp" "/no/such"))
    ((file directory nothing)
     (append (map (lambda (name) (assq-ref file name))
                  '(kind mode owner size links))
             (list (assq-ref directory 'kind) nothing)))))
(test-equal "facts of a guest that hold say nothing"
  #t
  (guest-check guest
               '(mode "/tmp/facts" "4750")
               '(mode "/tmp/facts" #o4750)
               '(owner "/tmp/facts" "root")
               '(size "/tmp/facts" 5)
               '(links "/tmp/facts" 2)
               '(newer "/tmp/facts" "/tmp/old")
               '(as "root" (owner "/tmp/facts" "root"))
               '(listening 22)))
(test-equal "facts that do not hold are told with what is"
  "`/tmp/facts` has mode 4750 instead of 644; `/tmp/facts` has size 5 instead of 6; `/no/such` is missing; `no-such-program` does not run; `1` is not listened on; `no.such.name` is not known; `/no/mount` is not mounted; `/tmp/old` is not newer than /tmp/facts"
  (message 'check-failed
           (lambda ()
             (guest-check guest
                          '(mode "/tmp/facts" "644")
                          '(size "/tmp/facts" 6)
                          '(owner "/no/such" "root")
                          '(process "no-such-program")
                          '(listening 1)
                          '(sysctl "no.such.name" "1")
                          '(mounted "/no/mount")
                          '(newer "/tmp/old" "/tmp/facts")))))
(test-equal "bytes come out as they are"
  '(0 255 10 128)
  (bytevector->u8-list
   (guest-output-bytes guest (sh "printf '\\0\\377\\n\\200'"))))
(test-equal "bytes go in as they are"
  '(0 255 254)
  (bytevector->u8-list
   (guest-output-bytes guest '("cat") #:input #vu8(0 255 254))))
(test-equal "a script of many lines is read by /bin/sh"
  '(1 "a!b it's\n")
  (let ((result (guest-try guest (sh "set -e\ncd /etc\necho 'a!b' \"it's\"\nfalse\necho unreachable"))))
    (list (ssh-result-status result) (ssh-result-stdout result))))

(test-assert "a file that cannot be written leaves nothing beside it"
  (begin
    (guest-run guest '("mkdir" "-p" "/tmp/way/in"))
    (string-suffix? "/tmp/way/in is a directory"
                    (message 'guest-command-failed
                             (lambda ()
                               (guest-write-file guest "/tmp/way/in" "x"))))))
(test-equal "and nothing in it"
  '("in")
  (guest-directory-list guest "/tmp/way"))

(test-equal "a file is waited for, and read"
  'ready
  (wait-for-file "/var/lib/fruix/ready" guest))
(test-equal "what was seen in place of a file is said"
  "waited 0.3 s for `/tmp` in the guest; last: a directory"
  (message 'timeout
           (lambda () (wait-for-file "/tmp" guest #:timeout 0.3))))
(test-equal "a port is waited for"
  #t
  (wait-for-tcp-port 22 guest))

(test-equal "a job ends with its status and log"
  '(finished 0 "one\ntwo\n")
  (let ((result (guest-run-job guest "good" (sh "echo one; echo two"))))
    (list (job-result-end result)
          (job-result-status result)
          (job-result-tail result))))
(test-equal "a job that fails says the first cause"
  "job `bad` ended with status 2 in the guest; first cause: ERROR: Required ntpd user is missing, see /usr/src/UPDATING."
  (message 'guest-command-failed
           (lambda ()
             (guest-run-job guest "bad"
                            `("make" "-C" ,(string-append source "/tree")
                              "installworld")))))
(test-equal "a job is taken up by its name, at the byte that is wanted"
  '(finished "two\n")
  (let ((result (job-follow (job-attach guest "good") #:from 4)))
    (list (job-result-end result) (job-result-tail result))))
(test-equal "a job that never was has vanished"
  'vanished
  (job-result-end (job-follow (job-attach guest "never"))))
(test-equal "a name that would lead elsewhere is refused"
  "a job cannot be called `../x`: letters, digits, `.`, `_` and `-` only"
  (message 'usage-error (lambda () (job-attach guest "../x"))))

(define (troubles . options)
  (apply native-build-troubles guest
         #:source-root (string-append source "/tree")
         #:build-root "/var/tmp/build"
         #:need-bytes 1000
         options))

(test-equal "a build that would succeed has no troubles"
  '()
  (troubles #:environment '(("MAKEOBJDIRPREFIX" . "/var/tmp/build/obj"))))
(test-equal "every trouble of a build is reported"
  5
  (length (troubles #:environment '(("CFLAGS" . "-g"))
                    #:variables '("WITH_CLANG=no" "DB_FROM_SRC=yes"
                                  "MAKEOBJDIRPREFIX=/x"))))

(define clean '(("MAKEOBJDIRPREFIX" . "/var/tmp/build/obj")))

(define (only-trouble . options)
  "Return the one trouble that a build with OPTIONS has, or all of them."
  (match (apply troubles options)
    ((trouble) trouble)
    (several several)))

(define (after change undo thunk)
  "Return what THUNK returns while the guest is as the script CHANGE leaves it."
  (dynamic-wind
    (lambda () (guest-run guest (sh change)))
    thunk
    (lambda () (guest-run guest (sh undo)))))

(for-each
 (lambda (expected options)
   (test-equal expected expected (apply only-trouble options)))
 '("the environment sets LDFLAGS, which leaks into the bootstrap"
   "the environment sets WITHOUT_CLANG, which leaks into the bootstrap"
   "MAKEOBJDIRPREFIX is not in the environment, so objects would go to /usr/obj"
   "`WITH_CLANG=no` switches the option on whatever the value: write WITHOUT_CLANG=yes"
   "`WITHOUT_CLANG=no` switches the option off whatever the value: write WITH_CLANG=yes"
   "MAKEOBJDIRPREFIX is an argument; make takes it from the environment only"
   "DB_FROM_SRC is set without DESTDIR, which make refuses")
 `((#:environment (("LDFLAGS" . "-L/x") ,@clean))
   (#:environment (("WITHOUT_CLANG" . "yes") ,@clean))
   (#:environment ())
   (#:environment ,clean #:variables ("WITH_CLANG=no"))
   (#:environment ,clean #:variables ("WITHOUT_CLANG=no"))
   (#:environment ,clean #:variables ("MAKEOBJDIRPREFIX=/x"))
   (#:environment ,clean #:variables ("DB_FROM_SRC=yes"))))

(test-equal "a tree that is not there is one trouble among the others"
  #t
  (let ((found (apply native-build-troubles guest
                      #:source-root "/no/such/tree"
                      #:build-root "/etc/passwd"
                      #:environment clean '())))
    (and (member "`/no/such/tree/Makefile` is not a file" found)
         (member "/etc/passwd is not a directory" found)
         #t)))
(for-each
 (lambda (expected change undo options)
   (test-equal expected
     expected
     (after change undo (lambda () (apply only-trouble options)))))
 '("`/etc/make.conf` is in the guest and changes the build: set __MAKE_CONF=/dev/null to leave it out"
   "WITH_META_MODE is an argument; it counts in the environment or in src-env.conf only"
   "the environment sets MAKE, which leaks into the bootstrap")
 '("echo CFLAGS=-g > /etc/make.conf" "true" "true")
 '("rm /etc/make.conf" "true" "true")
 `((#:environment ,clean)
   (#:environment ,clean #:variables ("WITH_META_MODE=yes"))
   (#:environment (("MAKE" . "gmake") ,@clean))))
(test-equal "a kernel configuration that is nowhere in the tree"
  "the kernel configuration `NONE` is nowhere in the tree"
  (after "mkdir -p /tmp/tree/sys/amd64/conf && : > /tmp/tree/Makefile"
         "rm -r /tmp/tree"
         (lambda ()
           (only-trouble #:source-root "/tmp/tree" #:environment clean
                         #:variables '("KERNCONF=NONE")))))

(test-equal "a source path that make refuses"
  '("the source path `/tmp/a:b` holds a comma or colon, which make refuses"
    "`/tmp/a:b/Makefile` is not a file")
  (troubles #:source-root "/tmp/a:b" #:environment clean))
(test-equal "tools that the tree wants installed"
  "tools that the build takes from /bin, /usr/bin, /sbin and /usr/sbin are missing: cap_mkdb no-such"
  (after "mkdir -p /tmp/tree && cd /tmp/tree && : > Makefile &&
printf 'ITOOLS=\\t[ cat cap_mkdb \\\\\\n\\t${X} no-such\\n' > Makefile.inc1"
         "rm -r /tmp/tree"
         (lambda ()
           (only-trouble #:source-root "/tmp/tree" #:environment clean))))
(test-equal "libraries of those tools"
  "libraries that installworld's tools need are missing: libgone.so.1"
  (after "printf '%s\\n' '#!/bin/sh' 'printf \"$1:\\n\\tlibgone.so.1 => not found (0)\\n\"' > /usr/bin/ldd
chmod +x /usr/bin/ldd"
         "rm /usr/bin/ldd"
         (lambda () (only-trouble #:environment clean))))
(test-equal "locales"
  "`/usr/share/locale` is not a directory"
  (after "mv /usr/share/locale /usr/share/away"
         "mv /usr/share/away /usr/share/locale"
         (lambda () (only-trouble #:environment clean))))
(for-each
 (lambda (link file)
   (test-equal (string-append link " that leads elsewhere")
     (list (string-append "`" link "` leads to /elsewhere instead of "
                          "/run/current-system/development-profile" link)
           (string-append "`" file "` is not a file"))
     (after (string-append "ln -sfn /elsewhere " link)
            (string-append "ln -sfn /run/current-system/development-profile"
                           link " " link)
            (lambda () (troubles #:environment clean)))))
 '("/usr/include" "/usr/share/mk")
 '("/usr/include/sys/param.h" "/usr/share/mk/bsd.prog.mk"))
(test-assert "a disk with too little room"
  (string-suffix? "the build needs 1000000000000000000"
                  (only-trouble #:environment clean
                                #:need-bytes (expt 10 18))))
(test-assert "memory that is too small for so many jobs"
  (string-contains (only-trouble #:environment clean #:build-jobs 1000000)
                   "of memory; 1000000 jobs need about"))
(test-assert "FreeBSD's word on memory goes first"
  (string-prefix? "the guest has 4096 bytes of memory; 1 jobs need"
                  (after "cp -p /sbin/sysctl /sbin/sysctl.away
printf '#!/bin/sh\\necho 4096\\n' > /sbin/sysctl"
                         "mv /sbin/sysctl.away /sbin/sysctl"
                         (lambda () (only-trouble #:environment clean)))))
(test-assert "a clock that is off"
  (string-contains (after "mv /bin/date /bin/date.away
printf '#!/bin/sh\\necho 1000\\n' > /bin/date; chmod +x /bin/date"
                          "mv /bin/date.away /bin/date"
                          (lambda () (only-trouble #:environment clean)))
                   "s away from ours, which confuses make"))

(ssh-close guest)
(test-equal "a closed connection says so"
  #t
  (string-suffix? "has been closed"
                  (message 'connection-error
                           (lambda () (guest-run guest '("true"))))))

(let ((runner (test-runner-current)))
  (test-end "guest")
  (exit (zero? (test-runner-fail-count runner))))
