"""Running a program that nobody has chosen: it may end in any way that is an end."""

import os
import re
import resource
import signal
import subprocess

import soak

# A program that makes no way for so long is told to stop, once and once more.
PATIENCE_SECONDS = float(os.environ.get("SOAK_PATIENCE_SECONDS", "20"))

MEMORY = 8 << 30
FILE = 64 << 20

# What a panic that was caught, an internal error and an abort end with.
BROKEN = (70, 101, 134)


def limits():
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(program, folder):
    """Run the file PROGRAM in FOLDER; its exit status and what it wrote on stderr."""
    work = os.path.join(folder, "work")
    os.makedirs(work, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "FRUIX_SCM_MEMORY_LIMIT": "256M",
    }
    with open(os.path.join(folder, "stderr"), "w+b") as errors:
        child = subprocess.Popen(
            [os.path.abspath(soak.BINARY), program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            preexec_fn=limits,
            env=environment,
            cwd=work,
        )
        interrupts = 0
        while True:
            try:
                child.wait(PATIENCE_SECONDS if interrupts == 0 else 10)
                break
            except subprocess.TimeoutExpired:
                if interrupts == 2:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
                    raise soak.Failed(f"two interrupts do not end {program}")
                interrupts += 1
                child.send_signal(signal.SIGINT)
        try:
            # What it has left behind.
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        errors.seek(0)
        told = errors.read().decode("utf-8", "replace")
    return child.returncode, told


def check(status, told, what):
    """Fail the trial unless a program that ended with STATUS and TOLD this has ended well."""
    soak.check(status >= 0, f"ended by signal {-status}: {what}\n{told[-2000:]}")
    soak.check(status not in BROKEN, f"status {status}: {what}\n{told[-2000:]}")
    broken = re.search(r"panicked|internal error|memory allocation of", told)
    soak.check(not broken, f"{what}\n{told[-2000:]}")
