"""Forms made at random: any procedure with any arguments, fifty forms a process.

Each is a call of a procedure of Guile's, with data that no program would give it:
circles, ports of the program's own, numbers and sizes without measure. It gives a value
or throws. A hundred thousand forms are two thousand trials.
"""

import os
import re
import subprocess

import _programs
import soak

FORMS = 50

MODULES = [
    "(guile)", "(srfi srfi-1)", "(srfi srfi-4)", "(srfi srfi-13)", "(srfi srfi-14)",
    "(srfi srfi-43)", "(rnrs bytevectors)", "(ice-9 binary-ports)", "(ice-9 textual-ports)",
    "(ice-9 rdelim)", "(ice-9 exceptions)", "(ice-9 vlist)", "(ice-9 pretty-print)",
    "(ice-9 weak-vector)", "(ice-9 regex)", "(ice-9 format)", "(ice-9 control)",
]

# What ends or leaves the process, waits for nothing, or reaches out of the folder.
AVOIDED = re.compile(
    r"exit|quit|abort$|halt|^crash|fork|exec|system|kill|raise-signal|sleep|pause|select|"
    r"accept|wait|alarm|itimer|repl|read-line$|^read$|getchar|pipe|popen|spawn|chroot|chdir|"
    r"setuid|setgid|seteuid|setegid|setgroups|setpgid|setsid|setrlimit|setpriority|nice|"
    r"delete|rename|rmdir|mkdir|mknod|mkstemp|mkdtemp|link|chmod|chown|utime|truncate|umask|"
    r"fdes|close|dup|redirect|fcntl|flock|tcset|ctermid|primitive-move|set-current|"
    r"socket|connect|bind|listen|getaddrinfo|gethost|getnet|getserv|getproto|sync$|"
    r"read-options|read-set|read-enable|print-options|program-arguments|setlocale|^%|"
    r"environ|setenv|putenv|module|trap|debug|thread|mutex|sigaction|compile|backtrace"
)

NUMBERS = [
    "0", "1", "-1", "2", "255", "256", "-128", "65536", "2147483647", "4294967296",
    "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "4611686018427387904", "(expt 2 70)", "(- (expt 10 400))", "1/2", "-7/3", "0.0", "-0.0",
    "1.5", "1e308", "+inf.0", "-inf.0", "+nan.0", "1+2i", "1000000", "1000000000000",
]
STRINGS = [
    '""', '"a"', '"abc def"', '(string-copy "héllo")', '(make-string 3 #\\a)',
    '"~a~s~v,10f~{~a~}~"', '"~999999999999a"', '"1e1000000000"', '"#e1e1000000"',
    '"no/such/file"', '"(((("', '"a{1,99999}"', '(make-string 70000 #\\é)', '"/dev/zero"',
]
LISTS = [
    "'()", "'(1 2 3)", "'(1 . 2)", "(list 1 2 3)", "(list 'a \"b\" #\\c 1.5)", "ring",
    "car-ring", "(list ring)", "'((a . 1) (b . 2))", "(make-list 1000 0)", "deep",
    "`(,ring . 5)", "(list #\\a #\\b)", "(list 255 0 256)", "knot",
]
VECTORS = [
    "(vector)", "(vector 1 2 3)", "#(1 2 3)", "vector-ring", "(bytevector 255 0 128)",
    "(make-bytevector 17 7)", "(make-array 0 2 3)", "(make-typed-array 'f64 0 2 2)",
    "(make-bitvector 10 #t)", "(make-s16vector 3 -1)",
    "(make-shared-array (make-array 0 4 4) (lambda (i) (list i i)) 4)",
]
PROCEDURES = [
    "car", "(lambda x x)", "(lambda () 1)", "(lambda (a) a)", "(lambda (a b) a)", "<", "+",
    "(lambda (a b c) (error \"x\" a))", "(lambda x (throw 'k x))", "values", "(lambda x #f)",
    "(lambda x #t)", "call/cc", "raise", "(lambda x (set-cdr! held ring) 1)", "cons", "apply",
    "(lambda x (call/cc (lambda (k) (set! kept k) 1)))", "(lambda x (if kept (kept 1) 2))",
    "(lambda x (call/cc (lambda (k) (set! kept k) (error \"x\"))))", "(lambda x (car record-ring))",
    "(lambda x (kill (getpid) SIGUSR1))", "(lambda x (values 1 2 3))", "without-end",
]
OTHERS = [
    "#t", "#f", "'a", "#:key", "#\\a", "(if #f #f)", "(eof-object)", "(make-hash-table)", "held",
    "(current-output-port)", '(open-input-string "héllo (1 2")', "(open-output-string)",
    "(soft-port)", "(output-port)", '(let ((p (open-input-string "x"))) (close-port p) p)',
    "(open-bytevector-input-port (bytevector 255 254 0))", "(make-parameter 1)",
    "(make-fluid 1)", "(delay 1)", "char-set:letter", "(make-guardian)", "(make-variable ring)",
    "(make-record-type 'r '(a b))", "(datum->syntax #f 'x)", '(open-file "/dev/null" "r+")',
    "(make-exception-with-message ring)", "(make-exception-with-irritants (list (soft-port)))",
    "(make-weak-key-hash-table)", "(make-hook 1)", "(localtime 0)", "(record ring)",
    "(record knot)", "record-ring", "(datum->syntax #f ring)", "(make-fluid ring)", "-1.0e9",
    "(delay (car record-ring))", "(list (record ring) record-ring)", "(vector ring vector-ring)",
]
KINDS = [NUMBERS, NUMBERS, STRINGS, LISTS, LISTS, VECTORS, PROCEDURES, OTHERS]

BEGINNING = """
(use-modules (srfi srfi-1) (srfi srfi-4) (rnrs bytevectors) (ice-9 binary-ports)
             (ice-9 exceptions) (srfi srfi-9))
(define kept #f)
(define held (list 1 2 3 4 5))
(define ring (let ((p (list 1 2 3))) (set-cdr! (cddr p) p) p))
(define car-ring (let ((p (list 1 2))) (set-car! p p) p))
(define knot (let ((p (list 1 2 3))) (set-car! (cdr p) p) (set-cdr! (cddr p) (cdr p)) p))
(define vector-ring (let ((v (vector 1 2 3))) (vector-set! v 1 v) v))
(define deep (let loop ((i 0) (d '())) (if (= i 20000) d (loop (+ i 1) (list d)))))
(define (without-end . x) (+ 1 (without-end)))
(define-record-type <record> (record field) record? (field record-field))
(define-record-type <node> (node next) node? (next node-next set-node-next!))
(define record-ring (let ((n (node #f))) (set-node-next! n (list n ring)) n))
(define (soft-port)
  (make-soft-port (vector display display display (lambda () #\\a) #f) "rw"))
(define (output-port)
  (make-custom-binary-output-port "p" (lambda (bytes start count) count) #f #f #f))
(sigaction SIGUSR1 (lambda (signal) (set! held (list ring signal))))
(define calls 0)
(define (try thunk)
  (set! calls 0)
  (catch #t
    (lambda ()
      (call-with-prompt (default-prompt-tag)
        (lambda ()
          (set! calls (+ calls 1))
          (if (< calls 3) (thunk)))
        (lambda rest #f)))
    (lambda (key . rest)
      (if (eq? key 'interrupted) (apply throw key rest))
      (catch #t
        (lambda ()
          (call-with-output-string
            (lambda (port) (print-exception port #f key rest))))
        (lambda rest #f)))))
"""

NAMES = []


def names():
    """The procedures, as (@ MODULE NAME)."""
    if not NAMES:
        asked = " ".join(MODULES)
        program = f"""
(for-each (lambda (name)
            (hash-for-each (lambda (word variable)
                             (if (and (variable-bound? variable)
                                      (procedure? (variable-ref variable)))
                                 (begin (write word) (display " ") (write name) (newline))))
                           (module-obarray (resolve-interface name))))
          '({asked}))"""
        told = subprocess.run(
            [soak.BINARY, "-c", program], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        for line in sorted(told.splitlines()):
            word, _, module = line.partition(" (")
            if not AVOIDED.search(word):
                NAMES.append(f"(@ ({module} {word})")
    return NAMES


def trial(random, folder, number):
    forms = []
    for _ in range(FORMS):
        procedure = random.choice(names()) if random.random() < 0.95 else random.choice(LISTS)
        count = random.choice([0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4])
        arguments = [random.choice(random.choice(KINDS)) for _ in range(count)]
        forms.append(f"({' '.join([procedure] + arguments)})")
    # Nothing is as hard to let go of as what is still held.
    text = BEGINNING + "".join(f"(try (lambda () {form}))\n" for form in forms)
    program = os.path.join(folder, "forms.scm")
    with open(program, "w", encoding="utf-8") as file:
        file.write(text)
    status, told = _programs.run(program, folder)
    _programs.check(status, told, program)


soak.run("forms", 2000, trial)
