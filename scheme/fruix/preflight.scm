;;; Preflight: what would fail hours into a native base build, found before it.
;;;
;;; Each check is a failure that is known to strike late: a tool that is missing
;;; at `installworld', a variable that breaks the bootstrap, a disk that fills.
;;; All of them are reported, not the first.
;;;
;;; Source: build(7), src.conf(5), FreeBSD's Makefile.inc1.

(define-module (fruix preflight)
  #:use-module (fruix guest)
  #:use-module (fruix ssh)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:export (native-build-troubles
            check-native-build))

(define %poisonous-variables
  ;; What development profiles export and buildworld must not see.
  '("CC" "CXX" "CFLAGS" "CXXFLAGS" "CPPFLAGS" "LDFLAGS" "MAKE" "MAKEFLAGS" "MFLAGS"
    "MAKEOBJDIR" "MAKESYSPATH" "SRCTOP" "OBJTOP" "DESTDIR" "MACHINE_ARCH" "TARGET"
    "TARGET_ARCH" "CPUTYPE" "CROSS_TOOLCHAIN" "KERNCONF" "LOCALBASE" "DEBUG_FLAGS"
    "LD_LIBRARY_PATH" "C_INCLUDE_PATH" "LIBRARY_PATH"))

(define %configuration-files
  ;; What make reads in the guest unless a variable names another file.
  '(("__MAKE_CONF" . "/etc/make.conf")
    ("SRCCONF" . "/etc/src.conf")
    ("SRC_ENV_CONF" . "/etc/src-env.conf")))

(define %environment-only
  ;; Options that are looked at before make has read its arguments.
  '("WITH_META_MODE" "WITH_DIRDEPS_BUILD"))

(define* (native-build-troubles guest
                                #:key
                                source-root
                                build-root
                                (environment '())
                                (variables '())
                                (build-jobs 1)
                                (need-bytes #f))
  "Return why a native base build in GUEST would fail, a list of strings; '()
when nothing is known to.

SOURCE-ROOT is the FreeBSD tree and BUILD-ROOT the directory that will hold
objects and stages, both in GUEST.  ENVIRONMENT is the association list of
variables that make will see, VARIABLES the list of its NAME=VALUE arguments.
The build is taken to need NEED-BYTES of disk; by default eight times what the
tree takes, as FreeBSD's objects and stages do."
  (append (name-troubles source-root)
          (environment-troubles environment)
          (variable-troubles variables)
          (system-troubles guest source-root)
          (configuration-troubles guest environment variables)
          (kernel-troubles guest source-root environment variables)
          (tool-troubles guest source-root)
          (let ((need-bytes (or need-bytes (needed-bytes guest source-root))))
            (match (disk-troubles guest build-root need-bytes)
              ;; Where bytes are lacking, files will be, too.
              (() (build-root-troubles guest build-root need-bytes))
              (troubles
               (append (build-root-troubles guest build-root #f) troubles))))
          (memory-troubles guest build-jobs)
          (clock-troubles guest)))

(define (needed-bytes guest source-root)
  "Return how much a build of SOURCE-ROOT takes, in bytes, or #f when there is no
such tree, which is another trouble."
  (and (guest-directory? guest source-root)
       (* 8 (guest-tree-size guest source-root))))

(define (check-native-build guest . options)
  "Check that nothing is known to make a native base build in GUEST fail.
OPTIONS are the keywords of `native-build-troubles'.

Throw 'check-failed with every trouble there is."
  (match (apply native-build-troubles guest options)
    (() #t)
    (troubles
     (throw 'check-failed 'check-native-build "~A"
            (list (string-append "the build would fail: "
                                 (string-join troubles "; ")))
            `((troubles . ,troubles))))))

;;; What can be said without asking the guest.

(define (name-troubles source-root)
  (if (or (string-index source-root #\,)
          (string-index source-root #\:))
      (list (format #f "the source path `~a` holds a comma or colon, which make refuses"
                    source-root))
      '()))

(define (environment-troubles environment)
  (append
   (filter-map (match-lambda
                 ((name . _)
                  (and (or (member name %poisonous-variables)
                           (string-prefix? "WITH_" name)
                           (string-prefix? "WITHOUT_" name))
                       (format #f "the environment sets ~a, which leaks into the bootstrap"
                               name))))
               environment)
   (if (assoc "MAKEOBJDIRPREFIX" environment)
       '()
       '("MAKEOBJDIRPREFIX is not in the environment, so objects would go to /usr/obj"))))

(define (variable-troubles variables)
  (append
   (filter-map
    (lambda (variable)
      (let ((name (variable-name variable)))
        (cond ((string=? name "MAKEOBJDIRPREFIX")
               "MAKEOBJDIRPREFIX is an argument; make takes it from the environment only")
              ((member name %environment-only)
               (format #f "~a is an argument; it counts in the environment or in src-env.conf only"
                       name))
              ((and (any (lambda (prefix) (string-prefix? prefix name))
                         '("WITH_" "WITHOUT_"))
                    (member (string-downcase (variable-value variable))
                            '("no" "false" "0")))
               (format #f "`~a` switches the option ~a whatever the value: write ~a=yes"
                       variable
                       (if (string-prefix? "WITH_" name) "on" "off")
                       (opposite name)))
              (else #f))))
    variables)
   (if (and (any (lambda (variable)
                   (string=? (variable-name variable) "DB_FROM_SRC"))
                 variables)
            (not (any (lambda (variable)
                        (string=? (variable-name variable) "DESTDIR"))
                      variables)))
       '("DB_FROM_SRC is set without DESTDIR, which make refuses")
       '())))

(define (opposite name)
  "Return the name of the variable that says the opposite of NAME, which begins
with WITH_ or WITHOUT_."
  (if (string-prefix? "WITH_" name)
      (string-append "WITHOUT_" (string-drop name 5))
      (string-append "WITH_" (string-drop name 8))))

(define (variable-name variable)
  (car (string-split variable #\=)))

(define (variable-value variable)
  (match (string-index variable #\=)
    (#f "")
    (at (string-drop variable (+ at 1)))))

;;; What the guest must have.

(define (setting name environment variables)
  "Return the value of the variable NAME among VARIABLES or in ENVIRONMENT, or #f."
  (or (any (lambda (variable)
             (and (string=? (variable-name variable) name)
                  (variable-value variable)))
           variables)
      (assoc-ref environment name)))

(define (configuration-troubles guest environment variables)
  "Return which files of the guest would change the build unseen."
  (let ((looked-at (remove (match-lambda
                             ((variable . _)
                              (setting variable environment variables)))
                           %configuration-files)))
    (filter-map (match-lambda*
                  (((variable . file) result)
                   (and (ssh-result-passed? result)
                        (format #f "`~a` is in the guest and changes the build: set ~a=/dev/null to leave it out"
                                file variable))))
                looked-at
                (ssh-ask guest
                         (map (match-lambda
                                ((_ . file) (sh "test -s \"$1\"" file)))
                              looked-at)
                         #:again? #t))))

(define (kernel-troubles guest source-root environment variables)
  "Return which kernel configurations that are named are not in the tree."
  (let ((names (string-tokenize (or (setting "KERNCONF" environment variables) "")))
        (directory (setting "KERNCONFDIR" environment variables)))
    (filter-map
     (lambda (name result)
       (and (not (ssh-result-passed? result))
            (format #f "the kernel configuration `~a` is nowhere in the tree" name)))
     names
     (ssh-ask guest
              (map (lambda (name)
                     (sh "case $1 in /*) test -f \"$1\"; exit ;; esac
test -n \"$3\" && test -f \"$3/$1\" && exit
for file in \"$2\"/sys/*/conf/\"$1\"; do test -f \"$file\" && exit; done
! ls -d \"$2\"/sys/*/conf > /dev/null 2>&1"
                         name source-root (or directory "")))
                   names)
              #:again? #t))))

(define (build-root-troubles guest build-root need-bytes)
  ;; An object or an installed file takes about 32 KiB.
  "Return why BUILD-ROOT cannot hold what the build makes, NEED-BYTES or #f."
  (match (ssh-ask
          guest
          (list (sh "directory=$1
until test -e \"$directory\"; do directory=$(dirname \"$directory\"); done
test -d \"$directory\" || { echo \"$directory is not a directory\"; exit; }
probe=$directory/.fruix-preflight.$$
printf '#!/bin/sh\\nexit 0\\n' 2> /dev/null > \"$probe\" || { echo \"$directory cannot be written\"; exit; }
chmod 700 \"$probe\"
\"$probe\" 2> /dev/null || echo \"what is in $directory cannot be run: it is mounted noexec\"
rm -f \"$probe\"
free=$(df -Pi \"$directory\" 2> /dev/null | awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^[iI][fF]ree$/) at = i } END { if (at) print $at }')
case $free in
''|*[!0-9]*|0) ;;
*) test \"$free\" -ge \"$2\" || echo \"$directory has room for $free more files, the build makes about $2\" ;;
esac"
                    build-root
                    (number->string (quotient (or need-bytes 0) 32768))))
          #:again? #t)
    ((result)
     (map (lambda (line) (ssh-visible line))
          (remove string-null?
                  (string-split (ssh-result-stdout result) #\newline))))))

(define (system-troubles guest source-root)
  (map (match-lambda
         (((_ file . _) . trouble)
          (format #f "`~a` ~a" file trouble)))
       (guest-troubles
        guest
        `((file ,(string-append source-root "/Makefile"))
          (directory "/usr/share/locale")
          (link "/usr/include"
                "/run/current-system/development-profile/usr/include")
          (link "/usr/share/mk"
                "/run/current-system/development-profile/usr/share/mk")
          (file "/usr/include/sys/param.h")
          (file "/usr/share/mk/bsd.prog.mk")))))

(define (tool-troubles guest source-root)
  ;; make resets PATH, so a tool in the profile alone does not count.  The tree
  ;; itself lists the tools that installworld copies, with their libraries.
  (match (ssh-ask
          guest
          (list
           (sh "PATH=/sbin:/bin:/usr/sbin:/usr/bin
tools=$(sed -n -e '/^ITOOLS=/,/[^\\\\]$/p' \"$1/Makefile.inc1\" 2> /dev/null |
    sed -e 's/^ITOOLS=//' -e 's/${[^}]*}//g' -e 's/[^][a-zA-Z0-9_. -]//g')
for tool in make sh $tools; do
    command -v \"$tool\" > /dev/null || printf '%s ' \"$tool\"
done
echo
command -v ldd > /dev/null || exit 0
for tool in make sh $tools; do
    program=$(command -v \"$tool\") && case $program in
    /*) ldd \"$program\" 2> /dev/null ;;
    esac
done | sed -n 's/^[[:space:]]*\\([^[:space:]]*\\) => not found.*/\\1/p' | sort -u | tr '\\n' ' '"
               source-root))
          #:again? #t)
    ((result)
     (match (map string-tokenize
                 (string-split (ssh-result-stdout result) #\newline))
       ((tools libraries . _)
        (append
         (missing "tools that the build takes from /bin, /usr/bin, /sbin and /usr/sbin are missing: ~a"
                  tools)
         (missing "libraries that installworld's tools need are missing: ~a"
                  libraries)))))))

(define (missing text names)
  (if (null? names)
      '()
      (list (format #f text (string-join names " ")))))

(define (disk-troubles guest build-root need-bytes)
  (match (ssh-ask
          guest
          (list (sh "directory=$1
until test -d \"$directory\"; do directory=$(dirname \"$directory\"); done
df -Pk \"$directory\" | tail -n 1 | awk '{ print $4 }'"
                    build-root))
          #:again? #t)
    ((result)
     (let ((free (string->number (string-trim-both (ssh-result-stdout result)))))
       (if (and free need-bytes (< (* 1024 free) need-bytes))
           (list (format #f "`~a` has ~a bytes free, the build needs ~a"
                         build-root (* 1024 free) need-bytes))
           '())))))

(define %physical-memory
  ;; Prints bytes: FreeBSD's way, or else Linux's.
  "sysctl -n hw.physmem 2> /dev/null ||
awk '$1 == \"MemTotal:\" { printf \"%.0f\\n\", $2 * 1024 }' /proc/meminfo 2> /dev/null")

(define (memory-troubles guest build-jobs)
  ;; The linker of LLVM takes about 1 GiB a job.
  (match (ssh-ask guest (list (sh %physical-memory)) #:again? #t)
    ((result)
     (let* ((bytes (string->number (string-trim-both (ssh-result-stdout result))))
            (a-job (* 1024 1024 1024))
            (need (* build-jobs a-job)))
       (if (and bytes (< bytes need))
           (let ((fit (max 1 (quotient bytes a-job))))
             (list (format #f "the guest has ~a bytes of memory; ~a jobs need about ~a, and ~a would fit (--build-jobs=~a)"
                           bytes build-jobs need fit fit)))
           '())))))

(define (clock-troubles guest)
  (match (ssh-ask guest (list '("date" "+%s")) #:again? #t)
    ((result)
     (let* ((there (string->number (string-trim-both (ssh-result-stdout result))))
            (skew (and there (abs (- there (current-time))))))
       (if (and skew (> skew 60))
           (list (format #f "the guest's clock is ~a s away from ours, which confuses make"
                         skew))
           '())))))
