"""An sshd of our own on loopback, for soaks of the SSH client."""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time


class Sshd:
    """One that the key `user` opens; its files are in `folder`."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fruix-scm-soak-sshd-")
        atexit.register(self.stop)
        for name, kind in [("host", "ed25519"), ("host_rsa", "rsa"), ("other", "ed25519"), ("user", "ed25519")]:
            subprocess.run(["ssh-keygen", "-q", "-N", "", "-t", kind, "-f", self.at(name)], check=True)
        shutil.copy(self.at("user.pub"), self.at("authorized"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        with open(self.at("config"), "w") as config:
            config.write(f"Port {self.port}\nListenAddress 127.0.0.1\nPidFile none\nStrictModes no\nUsePAM no\n"
                         f"HostKey {self.at('host')}\nHostKey {self.at('host_rsa')}\n"
                         f"AuthorizedKeysFile {self.at('authorized')}\nSubsystem sftp internal-sftp\n"
                         "MaxStartups 100\n")
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        self.process = subprocess.Popen([program, "-D", "-e", "-f", self.at("config")], stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("the sshd of this soak does not come up")

    def at(self, name):
        return os.path.join(self.folder, name)

    def key(self, name):
        with open(self.at(name + ".pub")) as file:
            return " ".join(file.read().split()[:2])

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
