"""Files of known hosts, drawn at random: real logins by ssh and by us agree."""

import getpass
import json
import os
import subprocess

import soak
from _sshd import Sshd

server = None


def lines(random, port):
    keys = {"right": server.key("host"), "rsa": server.key("host_rsa"), "other": server.key("other")}
    names = [f"[127.0.0.1]:{port}", "127.0.0.1", "*", "127.0.0.*", f"[127.0.0.*]:{port}", "example.org",
             "!127.0.0.1", f"![127.0.0.1]:{port}", "[127.0.0.1]:22", "127.0.0.?", "localhost"]
    for _ in range(random.randint(0, 5)):
        kind = random.random()
        if kind < 0.1:
            yield random.choice(["# a comment", "", "   ", "garbage", "a b c d", "127.0.0.1 2048 65537 123", "@foo * x"])
            continue
        marker = random.choices(["", "@revoked ", "@cert-authority ", "@REVOKED "], [16, 2, 1, 1])[0]
        name = ",".join(random.choices(names, k=random.choice([1, 1, 1, 2, 3])))
        key = keys[random.choices(["right", "rsa", "other"], [5, 2, 2])[0]]
        line = marker + name + random.choice([" ", "\t", "  "]) + key + random.choice(["", " me@here", " # x", ' "a b'])
        yield random.choice(["", "", "", "  "]) + line + random.choice(["", "", "\r"])


def trial(random, folder, number):
    global server
    server = server or Sshd()
    known = os.path.join(folder, "known")
    with open(known, "w", newline="") as file:
        file.write("\n".join(lines(random, server.port)) + random.choice(["\n", ""]))
    if random.random() < 0.2:
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], capture_output=True)
    alias = random.choice([None, None, None, "example.org", "127.0.0.1"])
    options = ["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=none",
               "-o", f"UserKnownHostsFile={known}", "-o", "LogLevel=ERROR", "-i", server.at("user")]
    if alias:
        options += ["-o", f"HostKeyAlias={alias}"]
    theirs = subprocess.run(["ssh", *options, "-p", str(server.port), f"{getpass.getuser()}@127.0.0.1", "true"],
                            capture_output=True, timeout=60)
    config = os.path.join(folder, "config")
    with open(config, "w") as file:
        file.write(f"UserKnownHostsFile {known}\nGlobalKnownHostsFile none\nIdentityFile {server.at('user')}\n"
                   f"StrictHostKeyChecking no\n" + (f"HostKeyAlias {alias}\n" if alias else ""))
    program = (f'(use-modules (fruix ssh)) (ssh-close (ssh-connect #:address "127.0.0.1" #:port {server.port}'
               f' #:user {json.dumps(getpass.getuser())} #:agent #f #:config {json.dumps(config)}))')
    ours = subprocess.run([soak.BINARY, "-c", program], capture_output=True, timeout=60)
    soak.check((theirs.returncode == 0) == (ours.returncode == 0),
               f"ssh {theirs.returncode} {theirs.stderr.decode()}ours {ours.returncode} {ours.stderr.decode()}"
               f"alias {alias}\n{open(known, newline='').read()!r}")


soak.run("known-hosts", 500, trial)
