"""Random trees, their manifests by us, mtree and bsdtar, and one change.

Ours is right for mtree; what `mtree -c`, `mtree -C` and bsdtar record of a tree is
right for us; and one change is told by both, by its path. Where mtree refuses its
own record, which it does for names that it takes for patterns, ours may be right
or not, but has to tell the change.
"""

import hashlib
import os
import shutil
import stat
import subprocess

import soak


def run(*command, **more):
    return subprocess.run(command, capture_output=True, timeout=60, **more)


def name(random):
    kind = random.random()
    if kind < 0.4:
        return bytes(random.choice(b"abcXYZ019._-") for _ in range(random.randrange(1, 6)))
    if kind < 0.7:
        letters = b" ab\\]=~()\"'$%&;|<>!^`{},+@:#\t"
        return bytes(random.choice(letters) for _ in range(random.randrange(1, 6)))
    if kind < 0.85:
        every = (random.randrange(1, 256) for _ in range(random.randrange(1, 8)))
        return bytes(byte for byte in every if byte not in b"/") or b"x"
    if kind < 0.93:
        return random.choice(["é", "\u3000", "\u00a0", "日本", "\u2028", "\u0085"]).encode() + b"z"
    return random.choice([b"..a", b".a", b"a\\", b"a ", b" a", b"\\040", b"M-a", b"^A", b"n" * 255,
                          b"\\", b"a\\057b", b"#mtree", b"\r", b"a\\\\", b"a#"])


def fill(random, directory, depth, paths):
    for _ in range(random.randrange(1, 7)):
        one = name(random)
        # mtree takes names with these for patterns, or parts of a comment.
        if one in (b".", b"..") or any(byte in one for byte in b"\n*?["):
            continue
        path = directory + b"/" + one
        if os.path.lexists(path):
            continue
        kind = random.random()
        files = [p for p in paths if os.path.isfile(p) and not os.path.islink(p)]
        if kind < 0.25 and depth:
            os.mkdir(path)
            fill(random, path, depth - 1, paths)
            os.chmod(path, random.choice([0o755, 0o700, 0o1777, 0o2755]))
        elif kind < 0.4:
            target = random.choice([name(random), b"/a/" + name(random), b"../" + name(random),
                                    name(random) + b"/", b"a//b"])
            os.symlink(bytes(byte for byte in target if byte not in b"\n*?[") or b"q", path)
        elif kind < 0.45:
            os.mkfifo(path)
        elif kind < 0.5 and files:
            os.link(random.choice(files), path)
        else:
            with open(path, "wb") as file:
                file.write(random.randbytes(random.choice([0, 1, 5, 300])))
            os.chmod(path, random.choice([0o644, 0o600, 0o4755, 0o444]))
        paths.append(path)


def change(random, paths):
    """Change one of PATHS; the paths that are other then."""
    path = random.choice(paths)
    status = os.lstat(path)
    same = {p for p in paths if os.path.lexists(p) and os.path.samestat(os.lstat(p), status)}
    mode = status.st_mode & 0o7777
    if stat.S_ISLNK(status.st_mode):
        way = random.choice(["slash", "retarget", "remove"])
        target = os.readlink(path)
        os.unlink(path)
        if way != "remove":
            os.symlink(target + b"/" if way == "slash" else b"q" + target[:200], path)
        return way, {path}
    if stat.S_ISDIR(status.st_mode):
        way = random.choice(["chmod", "new"])
        if way == "chmod":
            os.chmod(path, mode ^ 0o020)
            return way, {path}
        new = path + b"/brand new"
        open(new, "w").close()
        return way, {new}
    if not stat.S_ISREG(status.st_mode):
        os.unlink(path)
        return "remove", {path}
    way = random.choice(["content", "append", "chmod", "link", "remove"])
    if way == "content":
        with open(path, "rb") as file:
            bytes_ = file.read()
        with open(path, "wb") as file:
            file.write(bytes_[:-1] + bytes([bytes_[-1] ^ 1]) if bytes_ else b"z")
        return way, same
    if way == "append":
        with open(path, "ab") as file:
            file.write(b"q")
        return way, same
    if way == "chmod":
        os.chmod(path, mode ^ 0o4000)
        return way, same
    os.unlink(path)
    if way == "link":
        os.symlink(b"zz", path)
    return way, {path}


def trial(random, folder, number):
    base = folder.encode()
    tree = base + b"/t"
    os.mkdir(tree)
    os.chmod(tree, 0o755)
    paths = []
    fill(random, tree, 3, paths)
    manifest = base + b"/ours"
    made = run(soak.BINARY, "hash", "--manifest", tree)
    soak.check(made.returncode == 0, f"manifest: {made.stderr!r}")
    with open(manifest, "wb") as file:
        file.write(made.stdout)
    digest = run(soak.BINARY, "hash", tree).stdout.lstrip(b"\\")[:64].decode()
    soak.check(digest == hashlib.sha256(made.stdout).hexdigest(), "the digest is another's")
    theirs = run("mtree", "-f", manifest, "-p", tree)
    soak.check(theirs.returncode == 0 and not theirs.stdout, f"mtree on ours: {theirs.stdout!r}")

    records = {"ours": manifest}
    locale = dict(os.environ, LC_ALL=random.choice(["C", "C.UTF-8"]))
    keys = random.choice(["sha256", "sha512,md5", "sha256,uid,gid,flags", "cksum,nlink,time"])
    for kind, command in [
        ("mtree -c", ["mtree", "-c", "-K", keys, "-p", tree]),
        ("mtree -C", ["mtree", "-C", "-f", base + b"/mtree -c"]),
        ("bsdtar", ["bsdtar", "-cf", "-", "--format=mtree",
                    "--options=!all,type,mode,size,link,sha256,uid,gid,time", "-C", tree, "."]),
        ("bsdtar classic", ["bsdtar", "-cf", "-", "--format=mtree-classic",
                            "--options=!all,type,mode,size,link,sha256", "-C", tree, "."]),
    ]:
        place = base + b"/" + kind.encode()
        with open(place, "wb") as file:
            file.write(run(*command, env=locale).stdout)
        ours = run(soak.BINARY, "hash", "--check", place, "--directory", tree)
        own = run("mtree", "-f", place, "-p", tree)
        if ours.returncode and own.returncode == 0 and not own.stdout:
            bad = [line for line in ours.stdout.splitlines() if not line.endswith(b": OK")]
            soak.check(False, f"ours on {kind}: {bad[:3]} {ours.stderr!r}")
        if ours.returncode == 0:
            records[kind] = place
    soak.check("bsdtar" in records or any(b"\\" in p for p in paths), "bsdtar's record is not ours")
    if not paths:
        return
    way, other = change(random, paths)
    for kind, place in records.items():
        ours = run(soak.BINARY, "hash", "--check", place, "--directory", tree)
        wrong = {line.split(b": FAILED")[0] for line in ours.stdout.splitlines() if b": FAILED" in line}
        soak.check(
            ours.returncode == 1 and len(wrong) >= len(other),
            f"{way} of {other} is not told by {kind}: {wrong} {ours.stderr!r}",
        )
    ours = run(soak.BINARY, "hash", "--check", manifest, "--directory", tree)
    wrong = {line.split(b": FAILED")[0] for line in ours.stdout.splitlines() if b": FAILED" in line}
    soak.check(len(wrong) == len(other), f"{way}: {wrong} are told, {other} were changed")
    theirs = run("mtree", "-f", manifest, "-p", tree)
    soak.check(theirs.returncode or theirs.stdout, f"mtree does not see {way} of {other}")
    run("chmod", "-R", "u+rwx", tree)
    shutil.rmtree(tree, ignore_errors=True)


soak.run("manifests", 500, trial)
