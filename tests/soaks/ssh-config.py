"""Files of ssh_config(5), drawn at random: what they say to us and to `ssh -G`."""

import json
import os
import subprocess

import soak

FIELDS = ["hostname", "port", "user", "identityfile", "proxyjump", "proxycommand",
          "hostkeyalias", "userknownhostsfile", "certificatefile"]
HOSTS = ["a", "b", "*", "a.lab", "*.lab", "!a", "!*.lab", "?", "b?", "A", "10.0.0.*", "gw", "a,b"]
NAMES = ["a", "b", "a.lab", "A", "10.0.0.7", "gw", "127.1", "::1"]
VALUES = {
    "HostName": ["b", "%h.lab", "10.0.0.5", "B.Lab", "x%%y", "0x7f.1"],
    "Port": ["2", "22", '"77"', "+5", "ssh"],
    "User": ["vm", "root", '"a b"', "jo@corp", "x#y"],
    "IdentityFile": ["k1", "~/k2", "'k 3'", "none", "k\\ 4", '~/"k 5"', "%d/k", "${HOME}/k", "~root/k"],
    "CertificateFile": ["c1", "~/c2", "none"],
    "ProxyJump": ["gw", "none", "u@g:3", "x,y", "[::1]:4", "ssh://u@h:5"],
    "ProxyCommand": ["nc %h %p", "none", 'ssh -W "%h:%p" gw # x'],
    "HostKeyAlias": ["vm", "VM"],
    "UserKnownHostsFile": ["x", "x y", "none", "/dev/null"],
    "StrictHostKeyChecking": ["no"],
    "ForwardAgent": ["yes"],
}


def config(random, folder):
    text = []
    for _ in range(random.randint(1, 7)):
        kind = random.random()
        if kind < 0.45:
            text.append("Host " + " ".join(random.choices(HOSTS, k=random.randint(1, 3))))
        elif kind < 0.65:
            asks = [random.choice(["", "", "!"]) + random.choice(["host", "originalhost", "user", "localuser"])
                    + random.choice([" ", "="]) + random.choice(["a", "b,a", "*,!a", "*.lab", "vm", "root", "*"])
                    for _ in range(random.randint(1, 2))]
            if random.random() < 0.2:
                asks.append(random.choice(["final", 'exec "test %h = a"', "!exec false", "canonical"]))
            text.append("Match " + " ".join(asks))
        elif kind < 0.75:
            text.append(f"Include {folder}/" + random.choice(["one", "two", "bare", "none", "d/*", "d/[12].c"]))
        elif kind < 0.8:
            text.append(random.choice(["# a comment", "", "\t", "CanonicalizeHostname no"]))
        for _ in range(random.randint(0, 4)):
            name = random.choice(list(VALUES))
            name = random.choice([name, name.lower(), name.upper()])
            key = next(known for known in VALUES if known.lower() == name.lower())
            text.append("  " + name + random.choice([" ", "\t", " = ", "="]) + random.choice(VALUES[key])
                        + random.choice(["", "", " ", "\r"]))
    return "\n".join(text) + random.choice(["\n", ""])


def theirs(path, host):
    done = subprocess.run(["ssh", "-G", "-F", path, host], capture_output=True, timeout=30)
    if done.returncode:
        return None
    found = {}
    for line in done.stdout.decode(errors="replace").splitlines():
        name, _, value = line.partition(" ")
        if name in FIELDS:
            found.setdefault(name, []).append(value)
    if "~/.ssh/id_xmss" in found["identityfile"]:
        del found["identityfile"]
    if found["userknownhostsfile"][0].endswith("/.ssh/known_hosts2"):
        del found["userknownhostsfile"]
    return {name: "\n".join(values) for name, values in found.items()}


PROGRAM = """
(use-modules (fruix ssh) (fruix json))
(display (scm->json (map (lambda (entry)
                           (cons (car entry)
                                 (let ((value (cdr entry)))
                                   (cond ((not value) 'null)
                                         ((pair? value) (list->vector value))
                                         ((null? value) (list->vector value))
                                         (else value)))))
                         (assq-remove! (ssh-host-config HOST #:config FILE) 'ignored))))
"""


def ours(path, host):
    program = PROGRAM.replace("HOST", json.dumps(host)).replace("FILE", json.dumps(path))
    done = subprocess.run([soak.BINARY, "-c", program], capture_output=True, timeout=60)
    soak.check(done.returncode == 0, f"we refuse: {done.stderr.decode()}")
    found = {}
    for name, value in json.loads(done.stdout).items():
        if isinstance(value, list):
            if name == "userknownhostsfile":  # ssh writes our home in these, and in no others
                value = [os.path.expanduser(file) for file in value]
            value = (" " if name == "userknownhostsfile" else "\n").join(value) if value else None
        if name in FIELDS and value is not None:
            found[name] = str(value)
    found.setdefault("port", "22")
    # Where nobody says as whom, ssh goes as who we are here, and we as root.
    found.setdefault("user", os.environ.get("USER") or subprocess.getoutput("id -un"))
    for name in ("proxyjump", "proxycommand"):
        if found.get(name, "").lower() == "none":
            del found[name]
    if "proxyjump" in found:
        found["proxyjump"] = found["proxyjump"].replace("ssh://", "")
    return found


def trial(random, folder, number):
    os.mkdir(os.path.join(folder, "d"))
    for name, text in [("one", "Host a\n Port 31\nHost *\n User one\n"), ("two", "Host b\n Port 31\n"),
                       ("bare", "Port 31\n"), ("d/1.c", "Host a\n Port 31\n"),
                       ("d/2.c", "User two\n"), ("d/.h", "Port 99\n")]:
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    path = os.path.join(folder, "config")
    with open(path, "w", newline="") as file:
        file.write(config(random, folder))
    host = random.choice(NAMES)
    expected = theirs(path, host)
    if expected is None:
        return
    found = ours(path, host)
    soak.check(found == expected, f"for {host}:\n ssh  {expected}\n ours {found}\n{open(path).read()}")


soak.run("ssh-config", 2000, trial)
