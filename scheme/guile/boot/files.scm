;;; Files, directories, users, processes and time: what needs Scheme.

;;; A directory stream is a port-like vector: mark, entries left, open?, all entries.

(define (opendir name)
  "Return a stream of the names in the directory called NAME."
  (let ((names (%directory-entries name)))
    (vector '%directory-stream names #t names)))

(define (directory-stream? object)
  "Return whether OBJECT is a directory stream."
  (and (vector? object)
       (eqv? (vector-length object) 4)
       (eq? (vector-ref object 0) '%directory-stream)))

(define (%check-directory stream procedure)
  (if (not (directory-stream? stream))
      (scm-error 'wrong-type-arg procedure
                 "Wrong type argument in position ~A (expecting ~A): ~S"
                 (list 1 "directory stream" stream) (list stream))))

(define (readdir stream)
  "Return the next name of STREAM, or the end-of-file object."
  (%check-directory stream "readdir")
  (let ((names (vector-ref stream 1)))
    (if (pair? names)
        (begin
          (vector-set! stream 1 (cdr names))
          (car names))
        (%eof-object))))

(define (rewinddir stream)
  "Go back to the first name of STREAM."
  (%check-directory stream "rewinddir")
  (if (vector-ref stream 2)
      (vector-set! stream 1 (vector-ref stream 3))))

(define (closedir stream)
  "Close STREAM."
  (%check-directory stream "closedir")
  (vector-set! stream 1 '())
  (vector-set! stream 2 #f))

(define (stat:dev stat)
  "Return the number of the device that the file is on; STAT is what `stat' gives."
  (vector-ref stat 0))
(define (stat:ino stat)
  "Return the number that the file has on its device; STAT is what `stat' gives."
  (vector-ref stat 1))
(define (stat:mode stat)
  "Return the kind and the permissions of the file as one number; STAT is what
`stat' gives."
  (vector-ref stat 2))
(define (stat:nlink stat)
  "Return how many names the file has; STAT is what `stat' gives."
  (vector-ref stat 3))
(define (stat:uid stat)
  "Return the number of the file's owner; STAT is what `stat' gives."
  (vector-ref stat 4))
(define (stat:gid stat)
  "Return the number of the file's group; STAT is what `stat' gives."
  (vector-ref stat 5))
(define (stat:rdev stat)
  "Return the number of the device that the file stands for; STAT is what `stat'
gives."
  (vector-ref stat 6))
(define (stat:size stat)
  "Return how many bytes the file has; STAT is what `stat' gives."
  (vector-ref stat 7))
(define (stat:atime stat)
  "Return when the file was last read, in seconds since 1970; STAT is what `stat'
gives."
  (vector-ref stat 8))
(define (stat:mtime stat)
  "Return when the file's content last changed, in seconds since 1970; STAT is what
`stat' gives."
  (vector-ref stat 9))
(define (stat:ctime stat)
  "Return when what is known of the file last changed, in seconds since 1970; STAT
is what `stat' gives."
  (vector-ref stat 10))
(define (stat:blksize stat)
  "Return how many bytes are best read at once; STAT is what `stat' gives."
  (vector-ref stat 11))
(define (stat:blocks stat)
  "Return how many blocks of 512 bytes the file takes; STAT is what `stat' gives."
  (vector-ref stat 12))
(define (stat:type stat)
  "Return the kind of the file, a symbol such as regular or directory; STAT is what
`stat' gives."
  (vector-ref stat 13))
(define (stat:perms stat)
  "Return the file's permissions as a number; STAT is what `stat' gives."
  (vector-ref stat 14))
(define (stat:atimensec stat)
  "Return the nanoseconds of when the file was last read; STAT is what `stat'
gives."
  (vector-ref stat 15))
(define (stat:mtimensec stat)
  "Return the nanoseconds of when the file's content last changed; STAT is what
`stat' gives."
  (vector-ref stat 16))
(define (stat:ctimensec stat)
  "Return the nanoseconds of when what is known of the file last changed; STAT is
what `stat' gives."
  (vector-ref stat 17))

(define (passwd:name entry)
  "Return the account's name; ENTRY is what `getpw' gives."
  (vector-ref entry 0))
(define (passwd:passwd entry)
  "Return the account's encrypted password, or a letter that stands for it; ENTRY
is what `getpw' gives."
  (vector-ref entry 1))
(define (passwd:uid entry)
  "Return the account's number; ENTRY is what `getpw' gives."
  (vector-ref entry 2))
(define (passwd:gid entry)
  "Return the number of the account's group; ENTRY is what `getpw' gives."
  (vector-ref entry 3))
(define (passwd:gecos entry)
  "Return what else is known of the person; ENTRY is what `getpw' gives."
  (vector-ref entry 4))
(define (passwd:dir entry)
  "Return the account's home directory; ENTRY is what `getpw' gives."
  (vector-ref entry 5))
(define (passwd:shell entry)
  "Return the program that the account logs in to; ENTRY is what `getpw' gives."
  (vector-ref entry 6))
(define (group:name entry)
  "Return the group's name; ENTRY is what `getgr' gives."
  (vector-ref entry 0))
(define (group:passwd entry)
  "Return the group's encrypted password, or a letter that stands for it; ENTRY is
what `getgr' gives."
  (vector-ref entry 1))
(define (group:gid entry)
  "Return the group's number; ENTRY is what `getgr' gives."
  (vector-ref entry 2))
(define (group:mem entry)
  "Return the names of the accounts in the group, a list; ENTRY is what `getgr'
gives."
  (vector-ref entry 3))

(define (getpwnam name)
  "Return the account called NAME."
  (%getpw name))
(define (getpwuid uid)
  "Return the account with number UID."
  (%getpw uid))
(define (getpwent)
  "Return the next account, or #f."
  (%getpw))
(define (getpw . argument)
  "Return the account that ARGUMENT names, or the next one."
  (apply %getpw argument))
(define (setpwent)
  "Begin with the first account again."
  (%setpw))
(define (endpwent)
  "End reading accounts."
  (%setpw))
(define (setpw . argument)
  "Begin with the first account again."
  (%setpw))
(define (getgrnam name)
  "Return the group called NAME."
  (%getgr name))
(define (getgrgid gid)
  "Return the group with number GID."
  (%getgr gid))
(define (getgrent)
  "Return the next group, or #f."
  (%getgr))
(define (getgr . argument)
  "Return the group that ARGUMENT names, or the next one."
  (apply %getgr argument))
(define (setgrent)
  "Begin with the first group again."
  (%setgr))
(define (endgrent)
  "End reading groups."
  (%setgr))

(define (utsname:sysname name)
  "Return the name of the operating system; NAME is what `uname' gives."
  (vector-ref name 0))
(define (utsname:nodename name)
  "Return the name of this machine; NAME is what `uname' gives."
  (vector-ref name 1))
(define (utsname:release name)
  "Return the operating system's release; NAME is what `uname' gives."
  (vector-ref name 2))
(define (utsname:version name)
  "Return the operating system's version; NAME is what `uname' gives."
  (vector-ref name 3))
(define (utsname:machine name)
  "Return what kind of machine this is; NAME is what `uname' gives."
  (vector-ref name 4))

(define (tm:sec time)
  "Return the second, from 0 to 60; TIME is what `localtime' gives."
  (vector-ref time 0))
(define (tm:min time)
  "Return the minute, from 0 to 59; TIME is what `localtime' gives."
  (vector-ref time 1))
(define (tm:hour time)
  "Return the hour, from 0 to 23; TIME is what `localtime' gives."
  (vector-ref time 2))
(define (tm:mday time)
  "Return the day of the month, from 1 to 31; TIME is what `localtime' gives."
  (vector-ref time 3))
(define (tm:mon time)
  "Return the month, from 0 to 11; TIME is what `localtime' gives."
  (vector-ref time 4))
(define (tm:year time)
  "Return the year, less 1900; TIME is what `localtime' gives."
  (vector-ref time 5))
(define (tm:wday time)
  "Return the day of the week, from 0, which is Sunday, to 6; TIME is what
`localtime' gives."
  (vector-ref time 6))
(define (tm:yday time)
  "Return the day of the year, from 0 to 365; TIME is what `localtime' gives."
  (vector-ref time 7))
(define (tm:isdst time)
  "Return the mark of daylight saving time: 0 where it is not in force; TIME is
what `localtime' gives."
  (vector-ref time 8))
(define (tm:gmtoff time)
  "Return the seconds west of UTC; TIME is what `localtime' gives."
  (vector-ref time 9))
(define (tm:zone time)
  "Return the name of the time zone; TIME is what `localtime' gives."
  (vector-ref time 10))
(define (set-tm:sec time value)
  "Make VALUE the second, from 0 to 60, of TIME."
  (vector-set! time 0 value))
(define (set-tm:min time value)
  "Make VALUE the minute, from 0 to 59, of TIME."
  (vector-set! time 1 value))
(define (set-tm:hour time value)
  "Make VALUE the hour, from 0 to 23, of TIME."
  (vector-set! time 2 value))
(define (set-tm:mday time value)
  "Make VALUE the day of the month, from 1 to 31, of TIME."
  (vector-set! time 3 value))
(define (set-tm:mon time value)
  "Make VALUE the month, from 0 to 11, of TIME."
  (vector-set! time 4 value))
(define (set-tm:year time value)
  "Make VALUE the year, less 1900, of TIME."
  (vector-set! time 5 value))
(define (set-tm:wday time value)
  "Make VALUE the day of the week, from 0, which is Sunday, to 6, of TIME."
  (vector-set! time 6 value))
(define (set-tm:yday time value)
  "Make VALUE the day of the year, from 0 to 365, of TIME."
  (vector-set! time 7 value))
(define (set-tm:isdst time value)
  "Make VALUE the mark of daylight saving time: 0 where it is not in force, of
TIME."
  (vector-set! time 8 value))
(define (set-tm:gmtoff time value)
  "Make VALUE the seconds west of UTC, of TIME."
  (vector-set! time 9 value))
(define (set-tm:zone time value)
  "Make VALUE the name of the time zone, of TIME."
  (vector-set! time 10 value))

(define (tms:clock times)
  "Return the time that has gone by, in `internal-time-units-per-second'; TIMES is
what `times' gives."
  (vector-ref times 0))
(define (tms:utime times)
  "Return the time that the program took, in `internal-time-units-per-second';
TIMES is what `times' gives."
  (vector-ref times 1))
(define (tms:stime times)
  "Return the time that the system took for the program, in
`internal-time-units-per-second'; TIMES is what `times' gives."
  (vector-ref times 2))
(define (tms:cutime times)
  "Return the time that ended children took, in `internal-time-units-per-second';
TIMES is what `times' gives."
  (vector-ref times 3))
(define (tms:cstime times)
  "Return the time that the system took for ended children, in
`internal-time-units-per-second'; TIMES is what `times' gives."
  (vector-ref times 4))

(define internal-time-units-per-second 1000000000)

(define file-name-separator-string "/")

(define (file-name-separator? character)
  "Return whether CHARACTER separates the parts of a file name."
  (eqv? character #\/))

(define (in-vicinity directory file)
  "Return the name of FILE in DIRECTORY."
  (if (or (string-null? directory) (string-suffix? "/" directory))
      (string-append directory file)
      (string-append directory "/" file)))

(define R_OK 4)
(define W_OK 2)
(define X_OK 1)
(define F_OK 0)

(define (system-error-errno exception)
  "Return the error number in the list that an exception of key system-error is."
  (if (eq? (car exception) 'system-error)
      (car (list-ref exception 4))
      #f))

(define* (mknod name type permissions #:optional (device 0))
  "Make the special file called NAME; of TYPE fifo only."
  (if (eq? type 'fifo)
      (%mkfifo name)
      (scm-error 'misc-error "mknod" "only a fifo can be made, not ~S" (list type) #f)))

(define (raise-signal signal)
  "Send SIGNAL to this process."
  (kill (getpid) signal))

(define (gc)
  "Return #t: memory is given back without being asked for."
  #t)
(define (gc-stats)
  "Return the list of names that Guile's collector has figures for, all 0: nothing
is counted."
  '((gc-time-taken . 0) (heap-size . 0) (heap-free-size . 0)
    (heap-total-allocated . 0) (gc-times . 0)))

(define (version)
  "Return the version of Guile that programs find here, a string."
  "3.0.8")
(define (effective-version)
  "Return the major and minor version, a string."
  "3.0")
(define (major-version)
  "Return the major version, a string."
  "3")
(define (minor-version)
  "Return the minor version, a string."
  "0")
(define (micro-version)
  "Return the micro version, a string."
  "8")
(define %host-type "x86_64-unknown-linux-gnu")

(define %guile-build-info
  ;; How this was built, as far as programs ask.
  '((guileversion . "3.0.8") (host . "x86_64-unknown-linux-gnu")))

(define LC_ALL 6)
(define LC_COLLATE 3)
(define LC_CTYPE 0)
(define LC_MESSAGES 5)
(define LC_MONETARY 4)
(define LC_NUMERIC 1)
(define LC_TIME 2)

;; The names of the locales in force, by category; text is UTF-8 in all of them.
(define %locale-names (make-vector LC_ALL "C.UTF-8"))

(define (%locale-of-all)
  (let ((names (vector->list %locale-names)))
    (if (every (lambda (name) (string=? name (car names))) (cdr names))
        (car names)
        (string-join (map (lambda (category name) (string-append category "=" name))
                          '("LC_CTYPE" "LC_NUMERIC" "LC_TIME" "LC_COLLATE"
                            "LC_MONETARY" "LC_MESSAGES")
                          names)
                     ";"))))

(define (setlocale category . names)
  "Make the locale that is named after CATEGORY the one for it, and return its name.
Without a name return that of the one in force.  What text is made of stays UTF-8.

Throw 'system-error when there is no such locale."
  (when (pair? names)
    (unless (%locale-known? (car names))
      (scm-error 'system-error "setlocale" "~A" (list (strerror EINVAL)) (list EINVAL)))
    (let* ((name (car names))
           (name (cond ((string-null? name) "C.UTF-8")
                       ((string=? name "POSIX") "C")
                       (else name))))
      (if (= category LC_ALL)
          (vector-fill! %locale-names name)
          (vector-set! %locale-names category name))))
  (if (= category LC_ALL)
      (%locale-of-all)
      (vector-ref %locale-names category)))

(define (getlogin)
  "Return the name of the user who logged in, or #f."
  (or (getenv "LOGNAME") (getenv "USER")
      (false-if-exception-procedure (lambda () (passwd:name (getpwuid (getuid)))))))

(define (adjust-port-revealed! port addend)
  "Add ADDEND to how often the descriptor of PORT was told to others."
  (set-port-revealed! port (+ (port-revealed port) addend)))

(define (release-port-handle port)
  "Say that one of those to whom the descriptor of PORT was told needs it no more."
  (if (> (port-revealed port) 0)
      (adjust-port-revealed! port -1)))

(define* (string-xcopy! target at string from #:optional (to (+ from (string-length string)))
                        (start 0) (end (string-length string)))
  "Put characters FROM to TO of STRING, repeated as often as needed, into TARGET."
  (string-copy! target at (xsubstring string from to start end)))
