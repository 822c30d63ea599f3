"""A job is followed over a network that fails in every way it can: it ends well, and
the log that is kept is the guest's, byte for byte."""

import getpass
import gzip
import json
import os
import shutil
import socket
import subprocess
import threading
import time

import soak
from _sshd import Sshd

server = None


class Network:
    """Passes connections on to PORT of this machine, as long as it is good."""

    def __init__(self, port):
        self.target, self.still, self.forgotten, self.open = port, False, 0.0, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.join, args=(near,), daemon=True).start()

    def gate(self):
        while self.still:
            time.sleep(0.05)

    def join(self, near):
        self.gate()
        far = socket.create_connection(("127.0.0.1", self.target))
        born = time.time()
        self.open += [near, far]
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=self.pump, args=(a, b, born), daemon=True).start()

    def pump(self, a, b, born):
        while True:
            try:
                data = a.recv(1 << 16)
            except OSError:
                data = b""
            self.gate()
            if born < self.forgotten:
                if not data:
                    time.sleep(1)
                continue
            try:
                if not data:
                    b.shutdown(socket.SHUT_WR)
                    return
                b.sendall(data)
            except OSError:
                return

    def cut(self, reset):
        for stream in self.open:
            try:
                if reset:
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    stream.close()
                else:
                    stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []


def trial(random, folder, number):
    global server
    server = server or Sshd()
    network = Network(server.port)
    name = f"soak-outages-{os.getpid()}-{number}"
    seconds = random.randint(8, 20)
    kept = os.path.join(folder, "kept.gz")
    program = f"""
(use-modules (fruix ssh) (fruix job))
(define guest (ssh-connect #:address "127.0.0.1" #:port {network.port} #:user {json.dumps(getpass.getuser())}
                           #:private-key {json.dumps(server.at("user"))} #:agent #f #:config #f
                           #:host-key {json.dumps(server.key("host"))}))
(define job (job-start guest {json.dumps(name)}
                       (sh "i=0; while test $i -lt $1; do i=$((i+1)); echo tick $i; seq 1 3000; sleep 1; done; exit 7"
                           "{seconds}")))
(define result (job-follow job #:keep {json.dumps(kept)} #:timeout 200))
(display (list (job-result-end result) (job-result-status result)))
(newline)
(display (job-result-log result))
"""
    child = subprocess.Popen([soak.BINARY, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    for _ in range(random.randint(1, 3)):
        kind = random.choice(["fin", "rst", "forget", "still"])
        if kind in ("fin", "rst"):
            network.cut(kind == "rst")
        elif kind == "forget":
            network.forgotten = time.time()
        else:
            network.still = True
            time.sleep(random.choice([1, 10, 30]))
            network.still = False
        time.sleep(random.uniform(0.2, 3))
    out, error = child.communicate(timeout=280)
    soak.check(child.returncode == 0, error)
    said, log = out.split("\n")
    soak.check(said == "(finished 7)", out + error)
    with open(log, "rb") as guest, gzip.open(kept) as ours:
        soak.check(guest.read() == ours.read(), "the kept log is another")
    soak.check("boot()" not in error, error)
    shutil.rmtree(os.path.dirname(log))
    network.listener.close()


soak.run("outages", 40, trial)
