#!/usr/bin/env python3
"""The simulated world's clock leaps, and never past a deadline that holds.

Each trial is a guest job of sleeps and work in a random order, a wait for its
end with little to spare in the world's time, and a machine that is busy with
other things meanwhile, or not. The wait must pass, in seconds; and with a
deadline that lies before the end of the sleeps it must not."""

import os
import subprocess
import time

import soak

BINARY = os.path.abspath(soak.BINARY)

HARNESS = """
(use-modules (fruix guest) (fruix harness) (fruix job) (fruix machine)
             (fruix ssh) (fruix wait))
(harness "clock"
  (let ((guest (boot-approved-machine)))
    (job-start guest "drawn" (sh "{job}; echo made > /var/tmp/made"))
    (wait-for-file "/var/tmp/made" guest #:timeout {timeout})))
"""


def draw(random):
    """A job of sleeps and work, the seconds that it sleeps, and that it works at most."""
    parts, sleeps, work = [], 0.0, 0.0
    for _ in range(random.randint(1, 6)):
        kind = random.choice(["sleep", "sleep", "short", "work", "alarm", "pipe"])
        if kind == "sleep":
            seconds = random.randint(1, 20000)
            parts.append(f"sleep {seconds}")
        elif kind == "short":
            seconds = random.choice([0.01, 0.1, 0.5]) * 4
            parts.append(f"for i in 1 2 3 4; do sleep {seconds / 4}; done")
        elif kind == "work":
            seconds, work = 0, work + 20
            rounds = random.choice([10000, 300000, 1000000])
            parts.append(f"i=0; while test $i -lt {rounds}; do i=$((i + 1)); done")
        elif kind == "alarm":
            seconds = random.randint(1, 5000)
            parts.append(f"timeout {seconds} sleep 100000")
        else:
            seconds = random.randint(1, 5000)
            parts.append(f"(sleep {seconds}; echo through) | cat > /dev/null")
        parts.append("true")
        sleeps += seconds
    return "; ".join(parts), sleeps, work


def trial(random, folder, _):
    job, sleeps, work = draw(random)
    late = sleeps > 10 and random.random() < 0.3
    timeout = sleeps * random.uniform(0.2, 0.9) if late else sleeps * 1.011 + work + 15
    with open(os.path.join(folder, "clock.scm"), "w") as file:
        file.write(HARNESS.format(job=job, timeout=round(timeout, 3)))
    hogs = [
        subprocess.Popen(["sh", "-c", "while :; do :; done"])
        for _ in range(random.choice([0, 0, 1, 4]))
    ]
    environment = dict(os.environ, HOME=folder, TMPDIR=folder)
    began = time.monotonic()
    try:
        done = subprocess.run(
            [BINARY, "--simulate", "clock.scm"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    took = time.monotonic() - began
    said = f"status {done.returncode} after {took:.1f} s\n{job}\n{done.stdout}{done.stderr}"
    if late:
        soak.check(done.returncode == 3 and "waited" in done.stdout, said)
    else:
        soak.check(done.returncode == 0 and done.stdout.endswith("PASS clock\n"), said)
    soak.check(took < 120, said)


soak.run("clock", 100, trial)
