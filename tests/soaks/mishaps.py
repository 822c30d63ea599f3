"""Runs of phase 20 against a simulated host on which things go wrong by chance.

A trial draws mishaps by `--mishap random=SEED,RATE`, runs the harness against a
simulated host in a process of its own, and then looks at that host: the run has
ended within its deadline with a status that says what happened, and the machine is
halted and nobody is logged in, or the run has said why not.
"""

import os
import re
import subprocess
import time

import _phase20
import soak

# What a run may end with: passed, a check failed, the world was not ready.
STATUSES = (0, 1, 3)

def trial(draw, folder, _number):
    spec = f"random={draw.randrange(2**32)},{draw.choice([0.5, 1, 2, 3])}"
    with open(os.path.join(folder, "spec"), "w") as file:
        file.write(spec + "\n")
    host = _phase20.Host(folder, spec)
    try:
        settings = os.path.join(folder, "settings.scm")
        with open(settings, "w") as file:
            file.write(
                _phase20.SETTINGS.format(more="(boot-timeout-seconds . 8)", **host.lines)
            )
        began = time.monotonic()
        try:
            run = subprocess.run(
                [soak.BINARY, "--config", settings, "phase20.scm"],
                capture_output=True,
                timeout=_phase20.DEADLINE,
                cwd=folder,
                env={
                    **os.environ,
                    "TMPDIR": folder,
                    "HOME": folder,
                    "XDG_STATE_HOME": os.path.join(folder, "state"),
                    "XDG_CONFIG_HOME": os.path.join(folder, "config"),
                },
            )
        except subprocess.TimeoutExpired:
            soak.check(False, f"--mishap {spec}: no end after {_phase20.DEADLINE} s")
        took = time.monotonic() - began
        state = host.state()
    finally:
        host.stop()
    said = run.stderr.decode("utf-8", "replace")
    printed = run.stdout.decode("utf-8", "replace")
    context = f"--mishap {spec}, {took:.0f} s, status {run.returncode}:\n{printed}{said}"
    soak.check(run.returncode in STATUSES, context)
    last = printed.rstrip("\n").split("\n")[-1]
    verdict = "PASS " if run.returncode == 0 else "FAIL "
    soak.check(last.startswith(verdict), "the verdict is not the status: " + context)
    forged = [line for line in printed.split("\n")[:-2] if re.match("(PASS|FAIL) ", line)]
    soak.check(not forged, "more than one verdict: " + context)
    soak.check(not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", printed), "raw: " + context)
    if state is None:
        # Nobody can look at a host that is dead; a run that passed has not met that.
        soak.check(run.returncode != 0 or "host-dies" in open(host.log.name).read(), context)
        return
    record, pending = state
    is_told = "clean-up" in said or "perhaps running" in said
    tidy = record["power_state"] == "Halted" and not record["current_operations"]
    soak.check(tidy or is_told, f"the VM is {record['power_state']}, and nobody said so: " + context)
    soak.check(not pending or is_told, f"tasks are left: {pending}: " + context)


soak.run("mishaps", 200, trial)
