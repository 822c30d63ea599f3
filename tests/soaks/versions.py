"""Builder versions in random modules: found, raised and read back by real Guile.

A module is put together from definitions in many forms and from noise that looks
like definitions. A bump changes the bytes of the versions and no other; what real
Guile has for the constants before and after is the value shown and the one raised.
"""

import os
import subprocess

import soak

NAMES = ["image", "install", "installer-image", "installer-iso"]
NOISE = [
    ';; (define image-builder-version "1")', '#| (define image-builder-version "2") |#',
    '#;(define image-builder-version "3")', '(define s "(define image-builder-version \\"4\\")")',
    "(define c #\\()", '(define c2 #\\")', "(define c3 #\\;)", '#| #| nested |# " |#',
    "(define x '(a . b))", '(define v #(1 2 "a\\\\"))', '(define (f . r) "doc ; not a comment" r)',
    "(define-syntax-rule (m a) (begin a))", '(define é "日本")',
    '(display "image-builder-version \\"9\\"" (current-error-port))',
    "(define k #:image-builder-version)", '(define image-builder-versions "77")',
    '(define (image-builder-version-of x) "5")', "(define b #vu8(1 2 3))",
    '(define e "\\\n   continued")', "(define r (lambda args `(,@args ,(car args))))",
    "(define z '#{odd (sym}#)", "#;#;(a) (b)", '(define w "tab\\t\\x41;")', "[define y 5]",
    "(begin)", "(quote #t)", '(define i-version "8")',
    '(define old \'((define image-builder-version "30")))',
    '(define older `((define install-builder-version "31")))',
    "(define (g) (define installer-iso-builder-version 6) 7)",
    "(let () (define image-builder-version 12) 13)",
    "#! (define image-builder-version 14) !#",
    "(define odd (quote #(define image-builder-version 15)))",
]


def value(random):
    """A value and the one after it, as texts."""
    kind = random.random()
    if kind < 0.4:
        number = random.randrange(2000)
        return f'"{number}"', f'"{number + 1}"'
    if kind < 0.6:
        number = random.randrange(10 ** random.randrange(1, 30))
        return f"{number}", f"{number + 1}"
    if kind < 0.75:
        number = random.randrange(120)
        front = random.choice(["v", "1.2.", "phase20-", "fruix-image-", "é", "r"])
        return f'"{front}{number}"', f'"{front}{number + 1}"'
    if kind < 0.85:
        width = random.randrange(2, 5)
        number = random.randrange(10**width - 1)
        return f'"x{number:0{width}}"', f'"x{number + 1:0{width}}"'
    number = random.randrange(300)
    return f"'v{number}", f"'v{number + 1}"


def definition(random, name, text):
    """The form that gives NAME the value TEXT."""
    space = random.choice([" ", "  ", "\n  ", "\t", ' ;; note "q"\n ', " #| c |# ", ' #;"0" '])
    end = random.choice(["", " ", "\n", " ; end\n"])
    constant = f"{name}-builder-version"
    way = random.random()
    if way < 0.6:
        word = random.choice(["define", "define-public"])
        opening, closing = random.choice(["()", "()", "[]"])
        form = f"{opening}{word} {constant}{space}{text}{end}{closing}"
    elif way < 0.7:
        form = f"(define-once {constant}{space}{text}{end})"
    elif way < 0.8:
        form = f"(define #{{{constant}}}#{space}{text}{end})"
    elif way < 0.9:
        form = f'(define {constant} "0")\n(set! {constant}{space}{text}{end})'
    else:
        form = f"(define-values (before-{name} {constant}) (values 1{space}{text}{end}))"
    before, after = random.choice([("", ""), ("", ""), ("(begin ", ")"),
                                   ("(eval-when (expand load eval)\n", ")")])
    return before + form + after


def of_guile(path, names):
    """What Guile has for the constants of NAMES once PATH is loaded."""
    wanted = " ".join(f"{name}-builder-version" for name in names)
    program = (f'(load "{path}") (for-each (lambda (v) (write v) (newline)) (list {wanted}))')
    made = subprocess.run(["guile", "--no-auto-compile", "-c", program], capture_output=True,
                          text=True, env=dict(os.environ, LC_ALL="C.UTF-8"), timeout=60)
    if made.returncode:
        raise AssertionError(made.stderr)
    return made.stdout.splitlines()[-len(names):]


def trial(random, folder, number):
    path = folder + "/m.scm"
    end = random.choice(["\n", "\n", "\r\n"])
    names = random.sample(NAMES, random.randrange(1, 5))
    chosen = random.sample(names, random.randrange(1, len(names) + 1)) if random.random() < 0.5 else names
    before, after, values = [], [], {}
    first = random.random()
    for line in [["#!/usr/bin/guile -s", "!#"]] if first < 0.15 else [["#!fold-case"]] if first < 0.25 else [[]]:
        before += line
        after += line
    for name in names:
        for _ in range(random.randrange(4)):
            noise = random.choice(NOISE)
            before.append(noise)
            after.append(noise)
        old, new = value(random)
        mark = "\0"
        form = definition(random, name, mark)
        before.append(form.replace(mark, old))
        after.append(form.replace(mark, new if name in chosen else old))
        values[name] = (old, new if name in chosen else old)
    source, wanted = end.join(before) + end, end.join(after) + end
    with open(path, "wb") as file:
        file.write(source.encode())
    mode = random.choice([0o644, 0o600, 0o755])
    os.chmod(path, mode)
    shown = subprocess.run([soak.BINARY, "builder", "status", path], capture_output=True, text=True)
    told = {line.split("=")[0]: line.split("=", 1)[1].rsplit("  ", 1)[0] for line in shown.stdout.splitlines()}
    soak.check(
        told == {f"{name}-builder-version": old for name, (old, _) in values.items()},
        f"status shows {told}, wanted {values}: {shown.stderr}\n{source}",
    )
    raised = subprocess.run([soak.BINARY, "builder", "bump", "--no-record", path,
                             *([] if chosen is names else chosen)], capture_output=True, text=True)
    with open(path, "rb") as file:
        found = file.read()
    soak.check(raised.returncode == 0 and found == wanted.encode(),
               f"bump {chosen}: {raised.stderr}\n{source}\nis\n{found.decode()}")
    soak.check(os.stat(path).st_mode & 0o777 == mode, "the mode is another")
    # CRLF ends no line in a string for Guile, and case folding none of its symbols.
    if end == "\n" and first >= 0.25 or first < 0.15 and end == "\n":
        read = [text.lstrip("'") for text in of_guile(path, names)]
        soak.check(read == [values[name][1].lstrip("'") for name in names],
                   f"Guile reads {read}, wanted {values}\n{wanted}")


soak.run("versions", 500, trial)
