"""Runs of phase 20 against a simulated host on which things go wrong by chance.

A trial draws mishaps by `--mishap random=SEED,RATE`, runs the harness against a
simulated host in a process of its own, and then looks at that host: the run has
ended within its deadline with a status that says what happened, and the machine is
halted and nobody is logged in, or the run has said why not.
"""

import json
import os
import re
import ssl
import subprocess
import time
import urllib.request

import soak

# A run's own deadlines add up to less; a trial that takes longer hangs.
DEADLINE = 300

# What a run may end with: passed, a check failed, the world was not ready.
STATUSES = (0, 1, 3)

SETTINGS = """((host . "{url}")
 (user . "{user}")
 (password-file . "{password_file}")
 (certificate-sha256 "{fingerprint}")
 (approved (vms "{vm}") (vdis "{vdi}"))
 (vm . "{vm}")
 (vdi . "{vdi}")
 (image . "{image}")
 (boot-timeout-seconds . 8)
 (guest (user . "root")
        (port . {guest_port})
        (private-key . "{guest_private_key}")
        (host-key . "{guest_host_key}")))
"""


class Host:
    """A simulated host with the mishaps that SPEC draws."""

    def __init__(self, folder, spec):
        self.log = open(os.path.join(folder, "host.log"), "w+")
        self.process = subprocess.Popen(
            [soak.BINARY, "simulate", "--mishap", spec],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, "TMPDIR": folder},
        )
        self.lines = {}
        for line in self.process.stdout:
            key, _, value = line.rstrip("\n").partition("=")
            self.lines[key] = value
            if key == "ready":
                break
        soak.check("ready" in self.lines, "the simulated host did not start")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            soak.check(False, "the simulated host did not end")
        finally:
            self.log.close()

    def call(self, method, *params):
        """Call METHOD; the mishaps still happen, so it is tried a few times."""
        context = ssl._create_unverified_context()
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = urllib.request.Request(
            self.lines["url"] + "/jsonrpc",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        for attempt in range(6):
            try:
                with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                    answer = json.load(answer)
                    if not answer.get("error"):
                        return answer["result"]
            except (OSError, ValueError):
                pass
            time.sleep(0.2 * attempt)
        return None

    def state(self):
        """The VM's record, its sessions other than this one, and pending tasks;
        None when the host does not answer any more."""
        with open(self.lines["password_file"]) as file:
            password = file.readline().rstrip("\n")
        for _ in range(3):
            session = self.call(
                "session.login_with_password", self.lines["user"], password, "2.21", "soak"
            )
            if session is None:
                return None
            vm = self.call("VM.get_by_uuid", session, self.lines["vm"])
            record = self.call("VM.get_record", session, vm)
            tasks = self.call("task.get_all_records", session)
            if record is not None and tasks is not None:
                return record, [it for it in tasks.values() if it["status"] == "pending"]
        return None


def trial(draw, folder, _number):
    spec = f"random={draw.randrange(2**32)},{draw.choice([0.5, 1, 2, 3])}"
    with open(os.path.join(folder, "spec"), "w") as file:
        file.write(spec + "\n")
    host = Host(folder, spec)
    try:
        settings = os.path.join(folder, "settings.scm")
        with open(settings, "w") as file:
            file.write(SETTINGS.format(**host.lines))
        began = time.monotonic()
        try:
            run = subprocess.run(
                [soak.BINARY, "--config", settings, "phase20.scm"],
                capture_output=True,
                timeout=DEADLINE,
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
            soak.check(False, f"--mishap {spec}: no end after {DEADLINE} s")
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
