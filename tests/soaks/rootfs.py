"""Random closures: our rootfs is the one that Guile makes, and changes are told.

The fixtures' media.scm, run by real Guile, makes a rootfs from the closure, and so
do we; they are alike, entry by entry. Then one entry is changed, `rootfs verify`
names it and no other, and `--replace` puts it right where it may.
"""

import os
import shutil
import stat
import subprocess

import soak

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(HERE, "../../fixtures/modules")
NAMES = ["rc.conf", "a b", "été", "-dash", "..x", "passwd", "group", "master.passwd", "login.conf",
         "ssh", "A", "a", "long" + "n" * 251, "*?[", "'", "$HOME", "%n", "~", "#c", "(taiwan)",
         "services", "back\\slash"]
ACCOUNTS = ["passwd", "group", "master.passwd", "login.conf"]


def fill(random, directory, depth, count):
    for _ in range(random.randrange(count)):
        name = random.choice(NAMES)
        path = f"{directory}/{name}"
        if os.path.lexists(path):
            continue
        kind = random.random()
        if kind < 0.25 and depth and name not in ACCOUNTS:
            os.mkdir(path)
            fill(random, path, depth - 1, 4)
        elif kind < 0.45 and name not in ACCOUNTS:
            os.symlink(random.choice(["/nowhere", "../up", name, "/frx/store/x/"]), path)
        else:
            with open(path, "wb") as file:
                file.write(random.randbytes(random.choice([0, 1, 20, 17_000])))
            os.chmod(path, random.choice([0o444, 0o644, 0o600, 0o755]))


def listing(rootfs):
    found = {}
    for directory, names, files in os.walk(rootfs):
        for name in names + files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                what = ("link", os.readlink(path))
            elif stat.S_ISDIR(status.st_mode):
                what = ("directory", stat.S_IMODE(status.st_mode))
            else:
                with open(path, "rb") as file:
                    what = ("file", stat.S_IMODE(status.st_mode), file.read())
            found[path[len(rootfs) + 1:]] = what
    return found


def change(random, folder, full, entries, path):
    """Change the entry PATH; what is other then, and whether it can be put right."""
    status = os.lstat(full)
    mode = stat.S_IMODE(status.st_mode)
    below = {entry for entry in entries if entry.startswith(path + "/")}

    def remove():
        shutil.rmtree(full) if stat.S_ISDIR(status.st_mode) else os.unlink(full)

    if stat.S_ISLNK(status.st_mode):
        way = random.choice(["slash", "double", "retarget", "file", "directory", "remove", "fifo"])
        target = os.readlink(full)
        other = {"slash": target + "/", "double": "/" + target, "retarget": target + "x"}.get(way)
        remove()
        if other:
            os.symlink(other, full)
    elif stat.S_ISREG(status.st_mode):
        way = random.choice(["append", "chmod", "suid", "remove", "link", "directory", "owner"])
        if way == "append":
            with open(full, "ab") as file:
                file.write(b"q")
        elif way in ("chmod", "suid"):
            os.chmod(full, mode ^ (0o001 if way == "chmod" else 0o4000))
        elif way == "owner":
            if os.geteuid():
                return way, set(), False
            os.chown(full, 1234, 1234)
        else:
            remove()
            if way == "link":
                os.symlink("/etc/passwd", full)
    else:
        way = random.choice(["chmod", "sticky", "remove", "file", "elsewhere"])
        if way in ("chmod", "sticky"):
            os.chmod(full, mode ^ (0o001 if way == "chmod" else 0o1000))
            return way, {path}, False
        if way == "elsewhere":
            os.rename(full, folder + "/moved")
            os.symlink(folder + "/moved", full)
            return way, {path}, False
        remove()
        if way == "file":
            open(full, "w").close()
            return way, {path}, False
        return way, {path} | below, True
    if way == "file":
        open(full, "w").close()
    elif way == "directory":
        os.mkdir(full)
    elif way == "fifo":
        os.mkfifo(full)
    return way, {path}, way != "directory"


def trial(random, folder, number):
    store = folder + "/frx/store"
    os.makedirs(store + "/%040x-etc" % number)
    closure = store + "/%040x-fruix-system-t" % random.getrandbits(160)
    os.mkdir(closure)
    os.symlink("/frx/store/x-profile", closure + "/profile")
    open(closure + "/activate", "w").close()
    if random.random() < 0.5:
        os.symlink("/frx/store/development", closure + "/development-profile")
    etc = closure + "/etc"
    if random.random() < 0.5:
        os.mkdir(etc)
    else:
        item = "%040x-etc" % number
        os.symlink("/frx/store/" + item, etc)
        etc = f"{store}/{item}"
    fill(random, etc, 3, 10)
    if random.random() < 0.4 and not os.path.lexists(etc + "/passwd"):
        with open(store + "/accounts", "w") as file:
            file.write("root")
        os.symlink("/frx/store/accounts", etc + "/passwd")
    if random.random() < 0.8:
        os.mkdir(closure + "/boot")
        fill(random, closure + "/boot", 2, 6)
    if random.random() < 0.8:
        os.makedirs(closure + "/usr/local")
        fill(random, closure + "/usr/local", 3, 8)
    os.makedirs(folder + "/run")
    os.symlink(closure[len(folder):], folder + "/run/current-system")
    named = random.choice([closure, closure + "/", folder + "/run/current-system"])

    theirs, ours = folder + "/guile", folder + "/rootfs"
    program = ("(use-modules (fruix system freebsd media))"
               "(populate-rootfs-from-closure (cadr (command-line)) (caddr (command-line)))")
    guile = subprocess.run(["guile", "--no-auto-compile", "-L", MODULES, "-c", program, closure, theirs],
                           capture_output=True, text=True, env=dict(os.environ, LC_ALL="C.UTF-8"))

    def run(*words):
        return subprocess.run([soak.BINARY, "rootfs", *words], capture_output=True, text=True, timeout=60)

    made = run("populate", named, ours)
    if guile.returncode:
        soak.check(made.returncode, f"Guile does not make it and we do: {guile.stderr}")
        return
    soak.check(made.returncode == 0, f"Guile makes it and we do not: {made.stderr}")
    entries = listing(ours)
    soak.check(entries == listing(theirs), f"{sorted(set(entries) ^ set(listing(theirs)))}")
    owner = [] if os.geteuid() == 0 else ["--any-owner"]
    clean = run("verify", *owner, named, ours)
    soak.check(clean.returncode == 0 and not clean.stdout, f"verify: {clean.stdout} {clean.stderr}")
    again = run("populate", named, ours)
    soak.check("made=0" in again.stdout and "replaced=0" in again.stdout, again.stdout + again.stderr)

    path = random.choice(sorted(entries))
    way, other, mendable = change(random, folder, f"{ours}/{path}", entries, path)
    told = run("verify", *owner, named, ours)
    names = {line[1:].split(": wanted ")[0] for line in told.stdout.splitlines()}
    soak.check(names == other and told.returncode == (1 if other else 0),
               f"{way} of {path}: {told.stdout} {told.stderr}, wanted {other}")
    mended = run("populate", "--replace", named, ours)
    if other and mendable:
        clean = run("verify", *owner, named, ours)
        soak.check(mended.returncode == 0 and clean.returncode == 0,
                   f"{way} of {path}: {mended.stderr} {clean.stdout}")
    elif way in ("directory", "elsewhere", "file"):
        soak.check(mended.returncode, f"{way} of {path} was given up")


soak.run("rootfs", 500, trial)
