"""Records with one right or wrong keyword: our status is mtree's in every one.

A tree is made at random, and a specification of it in which one keyword of one
entry is stressed: right, wrong, or written in another way.
"""

import hashlib
import os
import subprocess

import soak

DIGESTS = {
    "md5": "md5", "md5digest": "md5", "sha1": "sha1", "sha1digest": "sha1",
    "sha256": "sha256", "sha256digest": "sha256", "sha384": "sha384",
    "sha384digest": "sha384", "sha512": "sha512", "sha512digest": "sha512",
    "rmd160": "rmd160", "rmd160digest": "rmd160",
}
KEYWORDS = sorted(DIGESTS) + [
    "size", "mode", "uid", "gid", "uname", "gname", "nlink", "cksum", "time", "link",
    "type", "tags", "unknown", "device",
]


def digest(algorithm, path):
    if algorithm == "rmd160":
        # Python's OpenSSL may refuse it; openssl has it in its legacy provider.
        command = ["openssl", "dgst", "-provider", "legacy", "-provider", "default", "-rmd160", path]
        return subprocess.run(command, capture_output=True, text=True).stdout.split()[-1]
    with open(path, "rb") as file:
        return hashlib.new(algorithm, file.read()).hexdigest()


def value(random, keyword, path, wrong):
    """KEYWORD's value for the thing at PATH; another when WRONG."""
    status = os.lstat(path)
    if keyword in DIGESTS:
        right = digest(DIGESTS[keyword], path)
        at = random.randrange(len(right))
        other = "0" if right[at] != "0" else "1"
        return right[:at] + other + right[at + 1:] if wrong else right
    if keyword == "cksum":
        number = int(subprocess.run(["cksum", path], capture_output=True).stdout.split()[0])
        return str(number ^ 1 if wrong else number)
    if keyword == "size":
        return str(status.st_size + wrong)
    if keyword == "mode":
        mode = status.st_mode & 0o7777
        if not wrong and mode == 0o644:
            return random.choice(["0644", "644", "u=rw,go=r", "a=r,u+w", "00644"])
        return "%04o" % (mode ^ (random.choice([0o1, 0o4000, 0o200, 0o2000]) if wrong else 0))
    if keyword in ("uid", "gid"):
        return str(getattr(status, "st_" + keyword) + 77 * wrong)
    if keyword == "uname":
        return "nobody" if wrong else "root"
    if keyword == "gname":
        return "nogroup" if wrong else "root"
    if keyword == "nlink":
        return str(status.st_nlink + wrong)
    if keyword == "time":
        seconds, nanoseconds = divmod(status.st_mtime_ns, 10**9)
        return f"{seconds + wrong}.{nanoseconds:09}"
    if keyword == "tags":
        return random.choice(["package=clibs", "a,b"])
    raise AssertionError(keyword)


def trial(random, folder, number):
    tree = folder + "/t"
    os.makedirs(tree + "/d")
    for name in ["a", "b", "d/c"]:
        with open(f"{tree}/{name}", "wb") as file:
            file.write(random.randbytes(random.choice([0, 1, 100, 70_000])))
        os.chmod(f"{tree}/{name}", random.choice([0o644, 0o600, 0o4755]))
        os.utime(f"{tree}/{name}", ns=(0, random.randrange(10**18)))
    os.link(tree + "/a", tree + "/d/again")
    os.symlink("a", tree + "/l")
    keyword = random.choice(KEYWORDS)
    wrong = random.random() < 0.6
    kinds = {".": "dir", "./d": "dir", "./a": "file", "./b": "file", "./d/c": "file",
             "./d/again": "file", "./l": "link"}
    entry = random.choice(["./a", "./b", "./d/c", "./d/again"])
    if keyword == "link":
        entry, said = "./l", "link=" + (random.choice(["a/", "b", "./a"]) if wrong else "a")
    elif keyword == "type":
        if wrong:
            kinds[entry] = random.choice(["dir", "link", "fifo", "socket", "block"])
        said = ""
    elif keyword == "unknown":
        said = random.choice(["szie=9", "sha224=00", "inode"]) if wrong else ""
    elif keyword == "device":
        said = ""
    else:
        said = f"{keyword}={value(random, keyword, tree + entry[1:], wrong)}"
        if random.random() < 0.1:
            said = said.replace("=", " ", 1)
        if random.random() < 0.1:
            said += " # a comment " + random.choice(["", "size=9 \\"])
        if random.random() < 0.1:
            said = f"\\\n  {said}"
    lines = []
    default = random.random() < 0.3
    if default:
        lines.append("/set type=file uid=0")
    for path, kind in kinds.items():
        words = [path]
        if not (default and kind == "file"):
            words.append("type=" + kind)
        if path == entry:
            words.append(said)
        lines.append(" ".join(words))
    if default and random.random() < 0.5:
        lines.insert(1, "/set uid=5")
        lines.insert(2, random.choice(["/unset uid", "/unset all\n/set type=file"]))
    specification = folder + "/spec"
    with open(specification, "w") as file:
        file.write("\n".join(lines) + "\n")
    theirs = subprocess.run(["mtree", "-f", specification, "-p", tree], capture_output=True, text=True)
    ours = subprocess.run(
        [soak.BINARY, "hash", "--check", specification, "--directory", tree],
        capture_output=True, text=True, timeout=60,
    )
    soak.check(
        (theirs.returncode == 0) == (ours.returncode == 0),
        f"{keyword} {'wrong' if wrong else 'right'}: mtree {theirs.returncode} "
        f"{theirs.stdout!r} {theirs.stderr!r}, ours {ours.returncode} {ours.stdout!r} "
        f"{ours.stderr!r}\n" + "\n".join(lines),
    )


soak.run("keywords", 600, trial)
