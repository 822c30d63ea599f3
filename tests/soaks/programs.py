"""Programs that work, changed at random: what is left of each ends, in whatever way."""

import glob
import os
import re

import _programs
import soak

TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|#\\.[a-z0-9]*|;[^\n]*|[()\[\]\'`,@]|[^\s()\[\]"\';`,]+|\s+', re.S
)

# A changed program must not reach out of its folder.
OUTWARD = re.compile(
    r"delete-file|rename-file|rmdir|chmod|chown|symlink|\blink\b|kill|system\*?|exec|fork|"
    r"chdir|setuid|setgid|popen|open-pipe|socket|bind|connect|sleep|mknod|mkdir|utime|"
    r"truncate|umask|setrlimit"
)

WORDS = [
    "ring", "'()", "#f", "0", "-1", "(expt 2 62)", "1/2", "+nan.0", '""', "car", "values",
    "(lambda x x)", "(let ((p (list 1 2))) (set-cdr! (cdr p) p) p)", "(current-output-port)",
    "(let ((v (vector 1))) (vector-set! v 0 v) v)", "call/cc", "(open-input-string \"(\")",
    "(make-soft-port (vector display display display (lambda () #\\a) #f) \"rw\")", "...", ".",
]
SCRAPS = ["(", ")", '"', "#|", "#;", "\\", "λ", "#!", "|", "'", ".", "#<", "#0=", "#0#", "#\\"]


def programs():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    names = sorted(
        glob.glob(os.path.join(here, "guile", "*.scm"))
        + glob.glob(os.path.join(here, "bench", "programs", "*.scm"))
        + glob.glob(os.path.join(here, "..", "fixtures", "**", "*.scm"), recursive=True)
    )
    texts = []
    for name in names:
        with open(name, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if not OUTWARD.search(text):
            texts.append((os.path.basename(name), TOKEN.findall(text)))
    return texts


PROGRAMS = programs()


def change(random, tokens):
    """One change of TOKENS, in their place."""
    at = random.randrange(len(tokens))
    what = random.randrange(8)
    until = min(len(tokens), at + random.randrange(1, 60))
    if what == 0:
        del tokens[at]
    elif what == 1:
        tokens.insert(at, random.choice(tokens))
    elif what == 2:
        tokens[at] = random.choice(tokens)
    elif what == 3:
        tokens[at] = f" {random.choice(WORDS)} "
    elif what == 4:
        tokens[at:at] = tokens[at:until]
    elif what == 5:
        del tokens[at:until]
    elif what == 6:
        _, others = random.choice(PROGRAMS)
        begin = random.randrange(len(others))
        tokens[at:at] = others[begin : begin + random.randrange(1, 80)]
    else:
        tokens[at] = "".join(random.choice(SCRAPS) for _ in range(random.randrange(1, 6)))
    if not tokens:
        tokens.append(" ")


def trial(random, folder, number):
    name, tokens = random.choice(PROGRAMS)
    tokens = list(tokens)
    for _ in range(random.choice([1, 1, 2, 3, 5, 10, 40])):
        change(random, tokens)
    program = os.path.join(folder, name)
    with open(program, "w", encoding="utf-8", errors="replace") as file:
        file.write("".join(tokens))
    status, told = _programs.run(program, folder)
    _programs.check(status, told, program)


soak.run("programs", 10000, trial)
