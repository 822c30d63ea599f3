"""Lists of sums, read as GNU's tools read them.

Each list holds sums in the forms of GNU's, BSD's and perl's tools, right and wrong
ones, of files that are there and that are not, with odd lines between them. The
status and what is told of each file are GNU's; lists of a port's distinfo and of
openssl are read besides.
"""

import hashlib
import os
import shutil
import subprocess

import soak

TOOLS = {"md5": "md5sum", "sha1": "sha1sum", "sha224": "sha224sum", "sha256": "sha256sum",
         "sha384": "sha384sum", "sha512": "sha512sum"}
NAMES = [b"plain", b"a b", b" lead", b"*star", b"back\\slash", b"new\nline", b"cr\rin", b"\xff\xfe",
         "é".encode(), b"(paren) = x", b"tab\tin", b"-dash", b"quote'\"", b"trail "]


def escape(name):
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return (b"\\" if escaped != name else b""), escaped


def trial(random, folder, number):
    base = folder.encode()
    tree = base + b"/t"
    os.mkdir(tree)
    names = random.sample(NAMES, random.randrange(1, 8))
    algorithm = random.choice(list(TOOLS))
    tool = TOOLS[algorithm]
    sums = {}
    for name in names:
        contents = random.randbytes(random.choice([0, 1, 3000]))
        with open(tree + b"/" + name, "wb") as file:
            file.write(contents)
        sums[name] = hashlib.new(algorithm, contents).hexdigest().encode()
    lines = []
    form = random.choice(["text", "binary", "tag", "reversed", "shasum", "gnu", "mixed"])
    plain = [name for name in names if escape(name)[1] == name]
    if form == "shasum" and (algorithm in ("md5", "sha1") or not plain):
        form = "gnu"
    if form == "shasum":
        command = ["shasum", "-a", algorithm[3:], *random.choice([[], ["-b"], ["--tag"]]), "--", *plain]
        made = subprocess.run(command, capture_output=True, cwd=tree)
        lines = [line for line in made.stdout.split(b"\n") if line]
    elif form == "gnu":
        command = [tool, *random.choice([[], ["-b"], ["--tag"]]), "--", *names]
        lines = subprocess.run(command, capture_output=True, cwd=tree).stdout.split(b"\n")
    else:
        for name in names:
            mark, escaped = escape(name)
            one = random.choice(["text", "binary", "tag"]) if form == "mixed" else form
            digest = random.choice([sums[name], sums[name].upper()])
            if one == "text":
                lines.append(mark + digest + b"  " + escaped)
            elif one == "binary":
                lines.append(mark + digest + b" *" + escaped)
            elif one == "reversed":
                lines.append(mark + digest + b" " + escaped)
            else:
                tag = algorithm.upper().encode()
                space = random.choice([b" (", b"("])
                lines.append(mark + tag + space + escaped + random.choice([b") = ", b")= ", b") =   "]) + digest)
    for _ in range(random.randrange(3)):
        lines.insert(random.randrange(len(lines) + 1), random.choice([
            b"# a comment", b"", b"not a sum", sums[names[0]], sums[names[0]][:-1] + b"  plain",
            b"-----BEGIN PGP SIGNED MESSAGE-----", b"Hash: SHA256", b"SHA256 (plain = 12",
            b"\\" + sums[names[0]] + b"  bad\\escape", b"zz" + sums[names[0]][2:] + b"  plain",
            b"   ", b"\t" + sums[names[0]] + b"  " + (plain or [b"x"])[0],
        ]))
    if random.random() < 0.5 and lines:
        at = random.randrange(len(lines))
        way = random.choice(["digit", "missing"])
        if way == "digit":
            old = next((d for d in sums.values() if d in lines[at]), None)
            if old:
                lines[at] = lines[at].replace(old, old[:-1] + (b"0" if old[-1:] != b"0" else b"1"))
        elif len(names) > 1:
            os.unlink(tree + b"/" + names[0])
    end = b"\r\n" if random.random() < 0.2 and not any(b"\r" in l for l in lines) else b"\n"
    listing = base + b"/list"
    with open(listing, "wb") as file:
        file.write(end.join(lines) + (end if random.random() < 0.8 else b""))
    theirs = subprocess.run([tool, "-c", listing], capture_output=True, cwd=tree)
    ours = subprocess.run([soak.BINARY, "hash", "--check", listing, "--directory", tree],
                          capture_output=True, timeout=60)
    told = f"{form} {algorithm}: {lines!r}\n{theirs.stdout!r} {theirs.stderr!r}\n{ours.stdout!r} {ours.stderr!r}"
    soak.check((theirs.returncode == 0) == (ours.returncode == 0), f"status {theirs.returncode} {ours.returncode}: {told}")
    good = sum(line.endswith(b": OK") for line in theirs.stdout.split(b"\n"))
    bad = sum(b": FAILED" in line for line in theirs.stdout.split(b"\n"))
    soak.check(
        (good, bad) == (sum(line.endswith(b": OK") for line in ours.stdout.split(b"\n")),
                        sum(b": FAILED" in line for line in ours.stdout.split(b"\n"))),
        f"GNU tells {good} right and {bad} wrong: {told}",
    )
    shutil.rmtree(tree)


soak.run("sums", 500, trial)
