"""Phase 20 against a simulated host in a process of its own, and what is looked at
afterwards, for the soaks that end its runs in the middle."""

import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
import xmlrpc.client
from xml.parsers.expat import ExpatError

import soak

# A run's own deadlines add up to less; what takes longer hangs.
DEADLINE = 300

SETTINGS = """((host . "{url}")
 (user . "{user}")
 (password-file . "{password_file}")
 (certificate-sha256 "{fingerprint}")
 (approved (vms "{vm}") (vdis "{vdi}"))
 (vm . "{vm}")
 (vdi . "{vdi}")
 (image . "{image}")
 {more}
 (guest (user . "root")
        (port . {guest_port})
        (private-key . "{guest_private_key}")
        (host-key . "{guest_host_key}")))
"""

# What says which run it was, and where: another run has other values.
OF_THE_RUN = re.compile(
    "(run_kind|run_id|host|vm|vdi|image_sha256|harness_sha256|journal_sha256|tool_version)="
)


class Host:
    """A simulated host, with the mishaps that SPECS ask for."""

    def __init__(self, folder, *specs):
        self.temporary = os.path.join(folder, "host")
        os.makedirs(self.temporary, exist_ok=True)
        self.log = open(os.path.join(folder, "host.log"), "w+")
        asked = [word for spec in specs for word in ("--mishap", spec)]
        self.process = subprocess.Popen(
            [soak.BINARY, "simulate", *asked],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env={**os.environ, "TMPDIR": self.temporary},
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
        """Call METHOD; the mishaps still happen, so it is tried a few times. Every host
        speaks XML-RPC."""
        context = ssl._create_unverified_context()
        for attempt in range(6):
            try:
                with xmlrpc.client.ServerProxy(self.lines["url"], context=context) as host:
                    for part in method.split("."):
                        host = getattr(host, part)
                    answer = host(*params)
                if answer["Status"] == "Success":
                    return answer["Value"]
            except (OSError, http.client.HTTPException, xmlrpc.client.Error, ExpatError):
                pass
            time.sleep(0.2 * attempt)
        return None

    def state(self):
        """The VM's record and the pending tasks; None when the host does not answer
        any more."""
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


class Proxy:
    """Passes connections to PORT of this machine on, until they are cut."""

    def __init__(self, port):
        self.to = port
        self.open = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                inward, _ = self.listener.accept()
                outward = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            with self.lock:
                self.open += [inward, outward]
            threading.Thread(target=self.pass_on, args=(inward, outward), daemon=True).start()

    def pass_on(self, one, other):
        try:
            while True:
                ready, _, _ = select.select([one, other], [], [])
                for end in ready:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    (other if end is one else one).sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            one.close()
            other.close()

    def cut(self):
        """Cut what is open; how many connections that were."""
        with self.lock:
            ends, self.open = self.open, []
        count = 0
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
                count += 1
            except OSError:
                pass
        return count // 2

    def end(self):
        self.listener.close()
        self.cut()


class Site:
    """A host, and where its runs are kept."""

    def __init__(self, folder, *specs, more="", proxy=False):
        self.folder = folder
        self.host = Host(folder, *specs)
        self.proxy = Proxy(int(self.host.lines["guest_port"])) if proxy else None
        self.temporary = os.path.join(folder, "temporary")
        os.makedirs(self.temporary)
        self.settings = os.path.join(folder, "settings.scm")
        self.record = os.path.join(folder, "record")
        lines = dict(self.host.lines)
        if proxy:
            lines["guest_port"] = self.proxy.port
        with open(self.settings, "w") as file:
            file.write(SETTINGS.format(more=more, **lines))
        self.before = self.host.state()
        # Whether the VM was halted again while the run had not passed: a simulated guest
        # begins anew from its image then, so that nothing done in it is proven.
        self.was_halted = False

    def start(self, *words):
        """Begin fruix-scm with WORDS, its output in files of its own."""
        number = len([name for name in os.listdir(self.folder) if name.endswith(".err")])
        self.out = os.path.join(self.folder, f"{number}.out")
        self.err = os.path.join(self.folder, f"{number}.err")
        return subprocess.Popen(
            [soak.BINARY, "--config", self.settings, *words],
            stdin=subprocess.DEVNULL,
            stdout=open(self.out, "w"),
            stderr=open(self.err, "w"),
            cwd=self.folder,
            env={
                **os.environ,
                "TMPDIR": self.temporary,
                "HOME": self.folder,
                "XDG_STATE_HOME": os.path.join(self.folder, "state"),
                "XDG_CONFIG_HOME": os.path.join(self.folder, "config"),
                "METADATA_OUT": self.record,
            },
        )

    def end(self, process, within=DEADLINE):
        """The status of PROCESS, which must end WITHIN seconds."""
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            soak.check(False, f"no end after {within} s:\n" + self.said())

    def run(self, *words):
        return self.end(self.start(*words))

    def lasts(self, process, seconds):
        """Wait for SECONDS at most; whether PROCESS still runs then."""
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self, process):
        process.kill()
        process.wait()
        state = self.host.state()
        soak.check(state is not None, "the host does not answer")
        said = "".join(
            open(os.path.join(self.folder, name), errors="replace").read()
            for name in os.listdir(self.folder)
            if name.endswith(".err")
        )
        # A clean-up that has begun may have asked for it, and the host is still at it.
        is_halted = state[0]["power_state"] == "Halted" or "clean-up: " in said
        self.was_halted |= "✓ start the VM" in said and is_halted

    def said(self):
        """What the last process has said."""
        text = ""
        for path in (self.out, self.err):
            with open(path, errors="replace") as file:
                text += file.read()
        return text

    def runs(self):
        """What `runs list --json` says, newest first."""
        if not os.path.isdir(os.path.join(self.folder, "state")):
            return []
        soak.check(self.run("runs", "list", "--json") == 0, self.said())
        with open(self.out) as file:
            return json.load(file)

    def go_on(self, *words):
        """Go on with the newest run until it ends, or begin one where there is none;
        its status."""
        return self.run(*self.next(), *words)

    def next(self):
        """The command that goes on with the newest run, or begins one where there is
        none that has begun and not passed."""
        runs = self.runs()
        begun = runs and runs[0]["harness"] and runs[0]["verdict"] != "pass"
        return ("runs", "resume") if begun else ("phase20.scm",)

    def recorded(self):
        """What the run has found out, without what says which run it was."""
        with open(self.record) as file:
            return [line for line in file.read().splitlines() if not OF_THE_RUN.match(line)]

    def check_passed(self, status, expected):
        """The run, which ended with STATUS, has passed and EXPECTED is its record."""
        said = self.said()
        soak.check(status == 0, f"status {status}:\n{said}")
        with open(self.out) as file:
            lines = file.read().splitlines()
        soak.check(lines and lines[-1].startswith("PASS "), "no PASS line:\n" + said)
        soak.check(
            self.recorded() == expected,
            f"another record:\n{self.recorded()}\ninstead of\n{expected}\n{said}",
        )

    def check_tidy(self):
        """Nothing is left on the host or in folders for what is temporary."""
        state = self.host.state()
        soak.check(state is not None, "the host does not answer")
        record, pending = state
        soak.check(record["power_state"] == "Halted", f"the VM is {record['power_state']}")
        soak.check(not record["current_operations"], f"{record['current_operations']}")
        soak.check(not pending, f"tasks are left: {pending}")
        for key in ("VBDs", "VIFs", "snapshots"):
            soak.check(
                len(record[key]) == len(self.before[0][key]),
                f"{key} were {self.before[0][key]} and are {record[key]}",
            )
        left = os.listdir(self.temporary)
        soak.check(not left, f"temporary files are left: {left}")

    def check_not_repeated(self):
        """What was proven is not done again: no effect begins after it has passed, and
        a result only because something before it came out differently; unless the
        guest has lost what was done. A step made of others is gone through again."""
        if self.was_halted:
            return
        runs = self.runs()
        soak.check(self.run("runs", "show", runs[0]["id"], "--json") == 0, self.said())
        with open(self.out) as file:
            entries = json.load(file)["entries"]
        begun = [entry for entry in entries if entry["what"] == "step-began"]
        around = {
            " / ".join(entry["step"][:length])
            for entry in begun if entry.get("kind") != "result"
            for length in range(1, len(entry["step"]))
        }
        proven, repeated = {}, []
        for entry in entries:
            step = " / ".join(entry.get("step") or [])
            if step in around:
                continue
            if entry["what"] == "step-passed":
                proven[step] = entry
            elif entry["what"] == "step-began" and step in proven:
                if entry.get("kind") != "resource":
                    repeated.append((step, entry.get("kind"), entry.get("why")))
        soak.check(not repeated, f"done although it was proven: {repeated}")

    def close(self):
        if self.proxy:
            self.proxy.end()
        self.host.stop()


_reference = []


def reference(folder):
    """What a run records that nobody disturbs, and how long it takes, in seconds."""
    if not _reference:
        place = os.path.join(folder, "reference")
        os.makedirs(place)
        site = Site(place)
        try:
            began = time.monotonic()
            status = site.run("phase20.scm")
            took = time.monotonic() - began
            soak.check(status == 0, site.said())
            _reference[:] = [site.recorded(), took]
            site.check_tidy()
        finally:
            site.close()
    return _reference
