;;; SSH: connections to a guest, and commands over them.
;;;
;;; A connection is made to a server whose host key is known beforehand, and
;;; lasts until it is closed or lost.  Commands are lists of words, which no
;;; shell takes apart; what a shell is to read is written `(sh "TEXT")'.
;;; (fruix guest) asks the questions that harnesses ask, in fewer words.

(define-module (fruix ssh)
  #:use-module (fruix datum)
  #:use-module (fruix native ssh)
  #:use-module (ice-9 match)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (ssh-connect
            ssh-check-private-key
            ssh-host-config
            ssh-login-line
            ssh-close
            ssh-alive?
            ssh-address
            ssh-boot
            ssh-same-boot?
            call-with-ssh
            ssh-run
            ssh-ask
            ssh-port-open?
            ssh-quote
            ssh-visible
            sh
            sh?
            become
            ssh-command-line
            ssh-result?
            ssh-result-status
            ssh-result-stdout
            ssh-result-stderr
            ssh-result-passed?))

(define-record-type <ssh-result>
  (make-ssh-result status stdout stderr)
  ssh-result?
  (status  ssh-result-status)           ;integer, or string: a signal's name
  (stdout  ssh-result-stdout)           ;string
  (stderr  ssh-result-stderr))          ;string

(declare-datum-record! 'ssh-result ssh-result? make-ssh-result
                       ssh-result-status ssh-result-stdout ssh-result-stderr)

(define-record-type <shell-text>
  (make-shell-text text arguments)
  sh?
  (text       shell-text-text)          ;string
  (arguments  shell-text-arguments))    ;list of strings: $1 and so on

(define (sh text . arguments)
  "Return the command that lets /bin/sh read TEXT, in which $1, $2 and so on are
ARGUMENTS, strings that are not taken apart, or lists of such."
  (make-shell-text text (append-map (lambda (argument)
                                      (if (list? argument)
                                          argument
                                          (list argument)))
                                    arguments)))

(define* (become command #:key (user "root"))
  "Return the command that runs COMMAND, a list of words or a `sh' text, as USER
with the help of sudo(8), or else of doas(1), which must not ask for a password."
  (sh "user=$1
shift
if command -v sudo > /dev/null 2>&1; then exec sudo -n -u \"$user\" -- \"$@\"
elif command -v doas > /dev/null 2>&1; then exec doas -n -u \"$user\" \"$@\"
elif test \"$(id -un)\" = \"$user\"; then exec \"$@\"
fi
echo neither sudo nor doas is there >&2
exit 127"
      user (command-words command)))

(define (ssh-result-passed? result)
  "Return #t when the command of RESULT ended with status zero."
  (eqv? 0 (ssh-result-status result)))

(define* (ssh-connect #:key
                      address
                      (port #f)
                      (user #f)
                      (private-key #f)
                      (host-key #f)
                      (known-hosts #f)
                      (agent (getenv "SSH_AUTH_SOCK"))
                      (config #t)
                      (timeout-seconds 30)
                      (outage-timeout 600))
  "Return a connection to the SSH server at ADDRESS, a string, and PORT, logged
in as USER with the key in the file PRIVATE-KEY, or with one that the agent at
the socket AGENT holds.

HOST-KEY is the server's public key line, such as \"ssh-ed25519 AAAA…\"; without
it the server's key must be in the file KNOWN-HOSTS, by default the files that ssh
looks into.  ADDRESS may be a Host of CONFIG, a file of ssh_config(5); #t stands
for the user's own and the system's, #f for none.  What it says of where to go, as
whom, through what, with which key and whom to trust counts where nothing is
passed here.  Otherwise PORT is 22 and USER root, and the keys are those of the
agent and the usual ones in `~/.ssh'.  The passphrase of an encrypted key is asked
for at the terminal.

Connecting is tried again while nothing answers, for at most TIMEOUT-SECONDS.  A
connection that is lost, or silent, is made again when it is needed, for at most
OUTAGE-TIMEOUT seconds.

Throw 'timeout with what was last seen, 'trust-error with both fingerprints
when the server shows another key, 'ssh-error when the login is refused, and
'settings-error when a key or CONFIG cannot be used.

Source: ssh(1), ssh_config(5)."
  (unless address
    (throw 'settings-error 'ssh-connect "~A"
           '("cannot connect: #:address is needed")
           '()))
  (%ssh-connect address port user private-key host-key known-hosts
                agent config (getenv "HOME") timeout-seconds outage-timeout
                (environ)))

(define* (ssh-check-private-key file #:key (agent (getenv "SSH_AUTH_SOCK")))
  "Do nothing when FILE holds a private key that `ssh-connect' can use, with the
help of the agent at the socket AGENT when it is encrypted.

Throw 'settings-error otherwise: early, rather than when a guest has booted."
  (%ssh-check-private-key file agent))

(define* (ssh-host-config address #:key (port #f) (user #f) (config #t))
  "Return what CONFIG, as `ssh-connect' takes it, says of ADDRESS, an association
list: `hostname', `port', `user', `proxyjump', `proxycommand', `hostkeyalias' and
`identityagent', each a string, a number or #f; `identityfile', `certificatefile'
and `userknownhostsfile', lists of strings as they are written; `identitiesonly';
and `ignored', an association list of keywords and values that are not followed.
PORT and USER are what the command line of ssh would say.

Throw 'settings-error when CONFIG makes no sense.

Source: ssh(1), \"-G\"."
  (%ssh-host-config address port user config (getenv "HOME") (environ)))

(define (ssh-login-line connection)
  "Return the command line with which somebody logs in where CONNECTION leads, a
string."
  (let ((place (%ssh-destination connection)))
    (%ssh-quote `("ssh" "-p" ,(number->string (assq-ref place 'port))
                  ,(string-append (assq-ref place 'user) "@"
                                  (assq-ref place 'address))))))

(define (ssh-close connection)
  "Close CONNECTION; what runs over it ends."
  (%ssh-close connection))

(define (ssh-alive? connection)
  "Return #t when CONNECTION is up, as far as is known."
  (%ssh-alive? connection))

(define (ssh-address connection)
  "Return the address that CONNECTION was made to, a string."
  (assq-ref (%ssh-destination connection) 'address))

(define (ssh-boot connection)
  "Return what tells the boot of the system where CONNECTION leads from its other
boots, a string; see `ssh-same-boot?'.

Source: random(4), proc(5), sysctl(8) `kern.boot_id' and `kern.boottime'."
  (%ssh-boot connection))

(define (ssh-same-boot? one other)
  "Return #t when ONE and OTHER, which `ssh-boot' has returned, are of one boot: where
only the clock tells, it may have been set meanwhile."
  (%ssh-same-boot? one other))

(define (call-with-ssh connection proc)
  "Call PROC with CONNECTION, close it whichever way PROC is left, and return
the values of PROC."
  (dynamic-wind
    (lambda () #t)
    (lambda () (proc connection))
    (lambda () (%ssh-close connection))))

(define (ssh-quote words)
  "Return WORDS, a list of strings, as one command line for /bin/sh."
  (%ssh-quote words))

(define (ssh-visible text)
  "Return TEXT, which a guest has said, as it may stand in a message: on one
line, with nothing that a terminal would obey."
  (%ssh-visible text))

(define (command-words command)
  "Return COMMAND, a list of words or a `sh' text, as a list of words."
  (cond ((sh? command)
         (cons* "/bin/sh" "-c" (shell-text-text command) "sh"
                (shell-text-arguments command)))
        ((and (pair? command) (list? command) (and-map string? command))
         command)
        (else
         (throw 'wrong-type-arg 'ssh-run
                "a command is a list of strings or (sh TEXT): ~S"
                (list command) (list command)))))

(define (environment-words environment)
  "Return ENVIRONMENT, a list of pairs of strings, as words of the form
NAME=VALUE."
  (map (match-lambda
         ((name . value) (string-append name "=" value)))
       environment))

(define* (ssh-command-line command #:key (environment #f) (directory #f))
  "Return the command line that runs COMMAND, a list of words or a `sh' text.

With ENVIRONMENT, an association list of strings, COMMAND sees those variables
and no others.  With DIRECTORY it starts there."
  (let ((line (%ssh-quote
               (if environment
                   `("env" "-i" ,@(environment-words environment)
                     ,@(command-words command))
                   (command-words command)))))
    (if directory
        (string-append "cd " (%ssh-quote (list directory)) " && " line)
        line)))

(define* (ssh-run connection command
                  #:key
                  (input "")
                  (environment #f)
                  (directory #f)
                  (live #f)
                  (binary? #f)
                  (timeout-seconds 600))
  "Run COMMAND, a list of words or a `sh' text, over CONNECTION and return its
result, whatever its status: see `ssh-result-status', `ssh-result-stdout' and
`ssh-result-stderr'.

COMMAND reads INPUT, a string or a bytevector.  With BINARY? what it prints is
bytevectors, byte by byte; otherwise text, in which bytes that are none are
replaced.  With ENVIRONMENT, an association list of
strings, it sees those variables and no others.  With DIRECTORY it starts
there.  With LIVE, a string, each line of output is shown as it comes, as that
of LIVE.

Throw 'timeout after TIMEOUT-SECONDS, 'connection-error when the connection is
lost, and 'ssh-error when the server does not run commands."
  (apply make-ssh-result
         (%ssh-run connection
                   (ssh-command-line command
                                     #:environment environment
                                     #:directory directory)
                   input live timeout-seconds binary?)))

(define* (ssh-ask connection commands
                  #:key (timeout-seconds 60) (again? #f))
  "Put COMMANDS, each a list of words or a `sh' text, to the one shell that
CONNECTION keeps in the guest, all at once, and return the list of their
results.  Their input is empty, and their environment is that of the shell:
HOME, PATH and little else.

This is for small questions, which leave nothing behind that prints; a signal
shows as a status above 128.  With AGAIN?, which is for questions that change nothing, they are put once more when
the connection is lost under them.  Throw as `ssh-run' does."
  (map (lambda (answer)
         (apply make-ssh-result answer))
       (%ssh-ask connection
                 (map question commands)
                 timeout-seconds again?)))

(define (question command)
  "Return COMMAND as the guest's shell is asked: a list of words, or a text
whose arguments are set in the shell instead of being passed to another."
  (if (sh? command)
      (string-append (%ssh-quote (cons* "set" "--"
                                        (shell-text-arguments command)))
                     "\n" (shell-text-text command))
      (command-words command)))

(define* (ssh-port-open? connection port #:key (address "127.0.0.1"))
  "Return #t when something accepts connections at PORT and ADDRESS as seen
from the guest."
  (%ssh-port-open? connection address port))
