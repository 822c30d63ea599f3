;;; Working in a guest: run programs, ask about files.
;;;
;;; A guest is a connection that `ssh-connect' returned.  A command that fails
;;; is an error unless `guest-try' runs it.  Questions about files go to one
;;; shell that is there already, so hundreds of them cost little; they use what
;;; POSIX and FreeBSD's base system have, and GNU's options nowhere.

(define-module (fruix guest)
  #:use-module (fruix native ssh)
  #:use-module (fruix ssh)
  #:use-module (ice-9 format)
  #:use-module (ice-9 match)
  #:use-module (rnrs bytevectors)
  #:use-module (srfi srfi-1)
  #:export (guest-run
            guest-run-script
            guest-try
            guest-output
            guest-output-bytes
            guest-passes?
            guest-exists?
            guest-file?
            guest-directory?
            guest-executable?
            guest-link?
            guest-link-target
            guest-description
            guest-file-ref
            guest-read
            guest-file-size
            guest-file-facts
            guest-files-facts
            guest-file-sha256
            guest-tree-size
            guest-directory-list
            guest-write-file
            guest-fetch
            guest-send
            guest-fetch-tree
            guest-send-tree
            guest-source-root
            guest-check
            guest-troubles))

;;; Running programs.

(define* (guest-try guest command
                    #:key
                    (input "")
                    (environment #f)
                    (directory #f)
                    (live #f)
                    (binary? #f)
                    (timeout 600))
  "Run COMMAND, a list of words or a `sh' text, in GUEST and return its result,
whatever its status; see `ssh-run', whose arguments these are.  TIMEOUT is in
seconds."
  (ssh-run guest command
           #:input input
           #:environment environment
           #:directory directory
           #:live live
           #:binary? binary?
           #:timeout-seconds timeout))

(define (guest-run guest command . options)
  "Run COMMAND, a list of words or a `sh' text, in GUEST and return its result.
OPTIONS are those of `guest-try': #:input, #:environment, #:directory, #:live,
#:binary? and #:timeout.

Throw 'guest-command-failed, with the status and the last line that COMMAND
printed, when it ends with a status other than zero or by a signal."
  (let ((result (apply guest-try guest command options)))
    (unless (ssh-result-passed? result)
      (throw-failed 'guest-run guest command result))
    result))

(define (guest-run-script guest text arguments . options)
  "Let /bin/sh in GUEST read TEXT, in which $1, $2 and so on are ARGUMENTS, a
list of strings, and return the result.  OPTIONS and what is thrown are those
of `guest-run'."
  (apply guest-run guest (apply sh text arguments) options))

(define (guest-output guest command . options)
  "Run COMMAND in GUEST as `guest-run' does and return what it printed, a
string, without the newlines at its end."
  (string-trim-right (ssh-result-stdout (apply guest-run guest command options))
                     #\newline))

(define (guest-output-bytes guest command . options)
  "Run COMMAND in GUEST as `guest-run' does and return what it printed, a
bytevector."
  (ssh-result-stdout (apply guest-run guest command #:binary? #t options)))

(define (guest-passes? guest command)
  "Return #t when COMMAND, a small one, ends with status zero in GUEST."
  (match (ssh-ask guest (list command))
    ((result) (ssh-result-passed? result))))

(define (look-yourself guest)
  "Return the hint how somebody gets into GUEST to see for himself."
  (string-append "to look for yourself: " (ssh-login-line guest)))

(define (throw-failed procedure guest command result)
  (let* ((line (ssh-visible (ssh-command-line command)))
         (status (ssh-result-status result))
         (stdout (text (ssh-result-stdout result)))
         (stderr (text (ssh-result-stderr result)))
         (last (or (first-cause stdout)
                   (first-cause stderr)
                   (last-line stderr)
                   (last-line stdout))))
    (throw 'guest-command-failed procedure "~A"
           (list (format #f "`~a` ~a in the guest~a" line
                         (if (string? status)
                             (string-append "was ended by signal " status)
                             (format #f "ended with status ~a" status))
                         (if last
                             (string-append "; last: " last)
                             "; it has printed nothing")))
           `((command . ,line)
             (status . ,status)
             (last . ,(or last ""))
             (hint . ,(look-yourself guest))))))

(define (text output)
  "Return OUTPUT, a string or a bytevector, as a string that may be shown."
  (if (bytevector? output)
      (list->string (map (lambda (byte)
                           (if (< byte 128) (integer->char byte) #\?))
                         (bytevector->u8-list output)))
      output))

(define (first-cause text)
  "Return what made `make' stop, if TEXT is what it printed; otherwise #f."
  (let ((cause (%build-log-cause text)))
    (and cause (ssh-visible (assq-ref cause 'told)))))

(define (last-line text)
  "Return the last line of TEXT that says something, as it may be shown, or #f."
  (let ((lines (remove string-null?
                       (map string-trim-both (string-split text #\newline)))))
    (if (null? lines)
        #f
        (ssh-visible (last lines)))))

;;; Asking about files.

(define (ask guest command)
  "Return the result of COMMAND, a small one that changes nothing, in GUEST."
  (match (ssh-ask guest (list command) #:again? #t)
    ((result) result)))

(define (holds? guest command)
  "Return #t when COMMAND, which changes nothing, ends with status zero."
  (ssh-result-passed? (ask guest command)))

(define (answer guest doing file command)
  "Return what COMMAND, a small one, prints in GUEST.  When it fails throw a
message saying that DOING, such as \"read\", is not possible with FILE."
  (let ((result (ask guest command)))
    (unless (ssh-result-passed? result)
      (let ((last (or (last-line (ssh-result-stderr result))
                      (format #f "status ~a" (ssh-result-status result)))))
        (throw 'guest-command-failed #f "~A"
               (list (format #f "cannot ~a `~a` in the guest: ~a"
                             doing file last))
               `((file . ,file)
                 (status . ,(ssh-result-status result))
                 (last . ,last)))))
    (ssh-result-stdout result)))

(define (guest-exists? guest file)
  "Return #t when FILE exists in GUEST; links are followed."
  (holds? guest `("test" "-e" ,file)))

(define (guest-file? guest file)
  "Return #t when FILE is a regular file in GUEST; links are followed."
  (holds? guest `("test" "-f" ,file)))

(define (guest-directory? guest file)
  "Return #t when FILE is a directory in GUEST; links are followed."
  (holds? guest `("test" "-d" ,file)))

(define (guest-executable? guest file)
  "Return #t when FILE is something that can be run in GUEST."
  (holds? guest (sh "test -f \"$1\" && test -x \"$1\"" file)))

(define (guest-link? guest file)
  "Return #t when FILE is a symbolic link in GUEST, whatever it leads to."
  (holds? guest `("test" "-L" ,file)))

(define (guest-link-target guest file)
  "Return where the symbolic link FILE leads to in GUEST, a string as the link
has it, or #f when FILE is not a link."
  (if (guest-link? guest file)
      (without-newline
       (answer guest "read the link" file `("readlink" ,file)))
      #f))

(define (guest-description guest file)
  "Return what is at FILE in GUEST, in words: \"nothing\", \"a directory\", \"a
link to `/frx`\", …"
  (without-newline
   (answer guest "look at" file
           (sh "if test -L \"$1\"; then
                  if test -e \"$1\"; then kind=; else kind='dangling '; fi
                  printf 'a %slink to `%s`\\n' \"$kind\" \"$(readlink \"$1\")\"
                elif test -f \"$1\"; then echo a file
                elif test -d \"$1\"; then echo a directory
                elif test -e \"$1\"; then echo something else
                else echo nothing
                fi"
               file))))

(define (guest-file-ref guest file)
  "Return the contents of FILE in GUEST, a string.

Throw 'guest-command-failed when FILE cannot be read."
  (answer guest "read" file `("cat" ,file)))

(define (guest-read guest file)
  "Return the first datum in FILE in GUEST.

Throw 'guest-command-failed when FILE cannot be read, and 'read-error when it
does not hold one."
  (call-with-input-string (guest-file-ref guest file) read))

(define (guest-file-size guest file)
  "Return the size of FILE in GUEST in bytes.

Throw 'guest-command-failed when FILE cannot be read."
  (string->number
   (string-trim-both
    (answer guest "tell the size of" file (sh "wc -c < \"$1\"" file)))))

(define %facts
  ;; A shell function that prints the kind of a file, its mode in octal, owner,
  ;; group, size, time of change and number of names: FreeBSD's stat(1), or GNU's.
  "facts() {
if stat -c %a / > /dev/null 2>&1
then stat -L -c '%F|%a|%U|%G|%s|%Y|%h' \"$1\"
else stat -L -f '%HT|%Mp%Lp|%Su|%Sg|%z|%m|%l' \"$1\"
fi
}
")

(define (guest-file-facts guest file)
  "Return what is known of FILE in GUEST, links followed: an association list of
`kind' (\"regular file\", \"directory\", …), `mode' (an integer), `owner' and `group'
(strings), `size' (bytes), `time' (of its last change, in seconds since 1970) and
`links' (how many names it has); #f when nothing is there."
  (car (guest-files-facts guest (list file))))

(define (guest-files-facts guest files)
  "Return the list of what `guest-file-facts' returns for each of FILES, which
costs one message."
  (map (lambda (result)
         (and (ssh-result-passed? result)
              (match (string-split (string-trim-both (ssh-result-stdout result))
                                   #\|)
                ((kind mode owner group size time links)
                 `((kind . ,(string-downcase kind))
                   (mode . ,(string->number mode 8))
                   (owner . ,owner)
                   (group . ,group)
                   (size . ,(string->number size))
                   (time . ,(string->number time))
                   (links . ,(string->number links))))
                (_ #f))))
       (ssh-ask guest
                (map (lambda (file)
                       (sh (string-append %facts "facts \"$1\"") file))
                     files)
                #:again? #t)))

(define (guest-file-sha256 guest file)
  "Return the SHA-256 of FILE in GUEST, 64 hexadecimal digits.

FreeBSD's sha256 computes it, or sha256sum elsewhere.  Throw
'guest-command-failed when FILE cannot be read."
  (let ((text (answer guest "hash" file
                      (sh "if command -v sha256 > /dev/null; then sha256 -q \"$1\"
                           else sha256sum < \"$1\"
                           fi"
                          file))))
    (string-take (string-trim-both text) 64)))

(define (guest-tree-size guest directory)
  "Return how much room DIRECTORY and all below it take in GUEST, in bytes, as
du(1) counts it."
  (match (string-split (answer guest "tell the size of" directory
                               (sh "du -sk \"$1\"" directory))
                       #\tab)
    ((kibibytes . _)
     (* 1024 (string->number (string-trim-both kibibytes))))))

(define (guest-directory-list guest directory)
  "Return the names in DIRECTORY in GUEST, sorted, a list of strings.

Throw 'guest-command-failed when there is no such directory."
  (sort (remove string-null?
                (string-split (answer guest "list" directory
                                      (sh "ls -A \"$1\"/" directory))
                              #\newline))
        string<?))

(define (guest-write-file guest file contents)
  "Make FILE in GUEST hold CONTENTS, a string.  FILE is replaced in one step: a
reader sees the old contents or the new."
  (guest-run guest
             (sh "if test -d \"$1\"; then echo \"$1 is a directory\" >&2; exit 1; fi
cat > \"$1.part\" && mv \"$1.part\" \"$1\" && exit
status=$?
rm -f \"$1.part\"
exit $status"
                 file)
             #:input contents)
  (if #f #f))

(define (guest-fetch guest file local)
  "Copy FILE of GUEST to the file LOCAL here, over sftp, and return its SHA-256,
which is the same on both sides.  A transfer that was cut goes on where it
stopped; blocks of zeros become holes.

Throw 'ssh-error when FILE cannot be read or the guest has no sftp server,
'system-error when LOCAL cannot be written."
  (%ssh-fetch guest file local))

(define (guest-send guest local file)
  "Copy the file LOCAL here to FILE in GUEST, over sftp, and return its SHA-256,
which is the same on both sides.  FILE, a link too, is replaced when all of it has
arrived; a transfer that was cut goes on where it stopped, and holes stay holes.

Throw 'ssh-error when FILE cannot be written, a full disk included."
  (%ssh-send guest local file))

(define (guest-fetch-tree guest directory local)
  "Make the directory LOCAL here hold what DIRECTORY of GUEST holds: directories,
files and symbolic links, with their modes.  Files that are there already, by
SHA-256, are not moved; what LOCAL holds besides stays.  Return a list of three
numbers: files moved, bytes moved, files that were there."
  (%ssh-fetch-tree guest directory local))

(define (guest-send-tree guest local directory)
  "Make DIRECTORY of GUEST hold what the directory LOCAL here holds, as
`guest-fetch-tree' does the other way, and return what it returns."
  (%ssh-send-tree guest local directory))

;;; Where things are in a Fruix system.

(define (guest-source-root guest store)
  "Return the root of the FreeBSD tree in STORE, a materialized source store in
GUEST: its `tree`, or `tree/usr/src`.

Throw 'store-error when neither holds a Makefile."
  (let ((roots (list (string-append store "/tree")
                     (string-append store "/tree/usr/src"))))
    (or (find (lambda (root)
                (guest-file? guest (string-append root "/Makefile")))
              roots)
        (throw 'store-error 'guest-source-root "~A"
               (list (format #f "no FreeBSD tree in `~a` in the guest: neither `tree/Makefile` nor `tree/usr/src/Makefile` is there"
                             store))
               `((store . ,store))))))

(define (without-newline text)
  (if (string-suffix? "\n" text)
      (string-drop-right text 1)
      text))

;;; Many checks in one message.

(define (check-command check)
  "Return the command that prints how CHECK does not hold, or nothing."
  (match check
    (('exists file)
     (sh "test -e \"$1\" || echo is missing" file))
    (('absent file)
     (sh "if test -e \"$1\" || test -L \"$1\"; then echo is there; fi" file))
    (('file file)
     (sh "test -f \"$1\" || echo is not a file" file))
    (('directory file)
     (sh "test -d \"$1\" || echo is not a directory" file))
    (('executable file)
     (sh "test -f \"$1\" && test -x \"$1\" || echo is not a program" file))
    (('not-empty file)
     (sh "test -s \"$1\" || echo is missing or empty" file))
    (('link file target)
     (sh "if test -L \"$1\"; then
            found=$(readlink \"$1\")
            test \"$found\" = \"$2\" || echo \"leads to $found instead of $2\"
          else echo is not a link
          fi"
         file target))
    (('contains file text)
     (sh "if test -f \"$1\"; then
            grep -F -q -e \"$2\" < \"$1\" || echo \"does not contain $2\"
          else echo is not a file
          fi"
         file text))
    (('mode file mode)
     (fact-command file 2 (octal mode) "has mode"))
    (('owner file owner)
     (fact-command file 3 owner "belongs to user"))
    (('group file group)
     (fact-command file 4 group "belongs to group"))
    (('size file size)
     (fact-command file 5 (number->string size) "has size"))
    (('links file count)
     (fact-command file 7 (number->string count) "has names:"))
    (('newer file other)
     (sh "if ! test -e \"$1\"; then echo is missing
          else test \"$1\" -nt \"$2\" || echo \"is not newer than $2\"
          fi"
         file other))
    (('mounted directory . type)
     (sh "found=$(mount 2> /dev/null | sed -n -e \"s,^.* on $1 type \\([^ ]*\\) .*,\\1,p\" \\
            -e \"s|^.* on $1 (\\([^,)]*\\).*|\\1|p\" | tail -n 1)
          if test -z \"$found\"; then echo is not mounted
          elif test -n \"$2\" && test \"$found\" != \"$2\"; then echo \"is mounted as $found instead of $2\"
          fi"
         directory (match type (() "") ((type) type))))
    (('process name)
     (sh "ps -ax -o comm= 2> /dev/null | sed 's,.*/,,' | grep -F -q -x -e \"$1\" ||
            echo does not run"
         name))
    (('service name)
     (sh "if test \"$(uname -s)\" = FreeBSD; then service \"$1\" onestatus > /dev/null 2>&1
          elif command -v systemctl > /dev/null; then systemctl -q is-active \"$1\"
          else service \"$1\" status > /dev/null 2>&1
          fi || echo is not running"
         name))
    (('listening port)
     ;; Linux's table has ports in hexadecimal, and state 0A.
     (sh "if test -r /proc/net/tcp; then
            cat /proc/net/tcp /proc/net/tcp6 2> /dev/null |
              grep -q \"^ *[0-9]*: [0-9A-F]*:$2 [0-9A-F:]* 0A \"
          else sockstat -46l -P tcp -p \"$1\" | grep -q \":$1 \"
          fi || echo is not listened on"
         (number->string port)
         (string-upcase (string-pad (number->string port 16) 4 #\0))))
    (('package name)
     (sh "if command -v pkg > /dev/null && pkg -N > /dev/null 2>&1; then pkg info -e \"$1\"
          elif command -v dpkg-query > /dev/null
          then dpkg-query -W -f '${Status}' \"$1\" 2> /dev/null | grep -q '^install ok installed'
          else rpm -q \"$1\" > /dev/null 2>&1
          fi || echo is not installed"
         name))
    (('sysctl name value)
     (sh "found=$(sysctl -n \"$1\" 2> /dev/null)
          test -n \"$found\" || { echo is not known; exit; }
          test \"$found\" = \"$2\" || echo \"is $found instead of $2\""
         name value))
    (('as user check)
     (become (check-command check) #:user user))
    (_
     (throw 'wrong-type-arg 'guest-check "not a check: ~S"
            (list check) (list check)))))

(define (octal mode)
  "Return MODE, an integer or a string such as \"755\", in octal digits."
  (number->string (if (string? mode) (string->number mode 8) mode) 8))

(define (fact-command file place value words)
  "Return the command that prints WORDS and what is found unless fact number PLACE
of FILE is VALUE, a string."
  (sh (string-append %facts
                     "found=$(facts \"$1\" 2> /dev/null) || { echo is missing; exit; }
found=$(printf '%s\\n' \"$found\" | cut -d '|' -f \"$2\")
if test \"$2\" = 2; then while test \"${found#0?}\" != \"$found\"; do found=${found#0}; done; fi
test \"$found\" = \"$3\" || echo \"$4 $found instead of $3\"")
      file (number->string place) value words))

(define (check-subject check)
  "Return what CHECK is about, a string."
  (match check
    (('as _ check) (check-subject check))
    ((_ subject . _) (if (string? subject) subject (format #f "~a" subject)))))

(define (guest-troubles guest checks)
  "Return those of CHECKS that do not hold in GUEST, each as a pair of the check
and a string that says how; '() when all hold.

A check is one of
  (exists FILE) (absent FILE) (file FILE) (directory FILE) (executable FILE)
  (not-empty FILE) (link FILE TARGET) (contains FILE TEXT)
  (mode FILE MODE) (owner FILE USER) (group FILE GROUP) (size FILE BYTES)
  (links FILE COUNT) (newer FILE OTHER-FILE) (mounted DIRECTORY [TYPE])
  (process NAME) (service NAME) (listening PORT) (package NAME)
  (sysctl NAME VALUE) (as USER CHECK)
and all of them together cost one message.  MODE is an integer or a string such as
\"755\"; `as' asks with the help of sudo or doas."
  (filter-map
   (lambda (check result)
     (let ((said (string-append (ssh-result-stdout result)
                                (ssh-result-stderr result))))
       (if (string-null? said)
           #f
           (cons check (ssh-visible said)))))
   checks
   (ssh-ask guest (map check-command checks) #:again? #t)))

(define (guest-check guest . checks)
  "Check that all CHECKS, as `guest-troubles' has them, hold in GUEST.

Throw 'check-failed with everything that does not hold."
  (match (guest-troubles guest checks)
    (() #t)
    (troubles
     (throw 'check-failed 'guest-check "~A"
            (list (string-join
                   (map (match-lambda
                          ((check . trouble)
                           (string-append "`" (check-subject check) "` " trouble)))
                        troubles)
                   "; "))
            `((failed . ,(length troubles))
              (hint . ,(look-yourself guest)))))))
