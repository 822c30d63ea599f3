"""Twelve processes want one machine for a minute: they die, are stopped for three
leases and go on, take it from each other, revert and clone it. What the host has
carried out, as its audit log says, must be one holder's after the other.
"""

import json
import os
import signal
import subprocess
import time

import soak

CONTENDERS = 12
SECONDS = float(os.environ.get("SOAK_LOCK_SECONDS", "60"))
LEASE = 3

# Each round is a session of its own, so that the log tells the holders apart.
PROGRAM = r"""
(use-modules (fruix settings) (fruix xapi) (ice-9 match))

(define name (cadr (command-line)))
(set! *random-state* (seed->random-state (caddr (command-line))))

(define-syntax-rule (quietly body ...)
  ;; Only the loss of the machine ends a round.
  (catch #t
    (lambda () body ...)
    (lambda (key . arguments)
      (if (memq key '(machine-lost machine-in-use interrupted internal-error))
          (apply throw key arguments)
          #f))))

(define (snapshots session vm)
  (xapi-ref (xapi-call session "VM.get_record" vm) 'snapshots))

(define (change session vm image)
  (match (random 8)
    (0 (quietly (xapi-vm-start session vm)))
    (1 (quietly (xapi-vm-shutdown session vm #:hard? #t)))
    (2 (quietly (xapi-vm-snapshot session vm name)))
    (3 (quietly (match (snapshots session vm)
                  (() #f)
                  (all (xapi-vm-revert session
                                       (list-ref all (random (length all))))))))
    (4 (quietly (let ((clone (xapi-vm-clone session vm name)))
                  (xapi-vm-destroy-with-disks session clone))))
    (5 (quietly (match (snapshots session vm)
                  ((_ _ old . _) (xapi-vm-destroy-with-disks session old))
                  (_ #f))))
    (6 (quietly (xapi-vdi-import session (xapi-vdi-find session (setting 'vdi)) image
                                 #:verify? #f)))
    (_ (quietly (xapi-call session "VM.set_name_description" vm name)))))

(define (round number)
  (call-with-xapi-session
   (xapi-login #:host (setting 'host)
               #:user (setting 'user)
               #:password-file (setting 'password-file)
               #:certificate-sha256 (setting 'certificate-sha256)
               #:approved-vms (setting 'approved/vms)
               #:approved-vdis (setting 'approved/vdis)
               #:owner name
               #:run (string-append name "-" (number->string number))
               #:lock-seconds LEASE)
   (lambda (session)
     (let ((vm (xapi-vm-find session (setting 'vm))))
       (catch 'machine-in-use
         (lambda () (xapi-lock session #:vms (list vm)))
         (lambda (key . arguments)
           ;; Now and then somebody does not wait.
           (usleep (+ 20000 (random 150000)))
           (if (zero? (random 12))
               (xapi-lock session #:vms (list vm)
                          #:take-over (xapi-error-detail arguments 'run))
               (apply throw key arguments))))
       (display ".")
       (force-output)
       (let loop ((left (+ 1 (random 6))))
         (unless (zero? left)
           (change session vm (setting 'image))
           (loop (- left 1))))))))

(let loop ((number 0))
  (catch #t
    (lambda () (round number))
    (lambda (key . arguments)
      (display (match key ('machine-lost "L") ('machine-in-use "u") (_ key)))
      (force-output)))
  (loop (+ number 1)))
"""


class World:
    """A host in a process of its own, and the contenders."""

    def __init__(self, folder, random):
        self.folder, self.random = folder, random
        self.audit = os.path.join(folder, "audit.jsonl")
        self.host = subprocess.Popen(
            [soak.BINARY, "simulate", "--audit", self.audit, "--head-patience", "0.9"],
            stdout=subprocess.PIPE, stderr=open(os.path.join(folder, "host.err"), "w"), text=True)
        known = {}
        for line in self.host.stdout:
            key, _, value = line.strip().partition("=")
            known[key] = value
            if key == "ready":
                break
        soak.check("ready" in known, "the simulated host does not start")
        image = os.path.join(folder, "small.img")
        with open(image, "wb") as file:
            file.write(os.urandom(1 << 20))
        self.settings = os.path.join(folder, "settings.scm")
        with open(self.settings, "w") as file:
            file.write(f'''((host . "{known['url']}") (user . "{known['user']}")
 (password-file . "{known['password_file']}")
 (certificate-sha256 "{known['fingerprint']}")
 (approved (vms "{known['vm']}") (vdis "{known['vdi']}"))
 (vm . "{known['vm']}") (vdi . "{known['vdi']}") (image . "{image}"))''')
        self.program = os.path.join(folder, "contender.scm")
        with open(self.program, "w") as file:
            file.write(PROGRAM.replace("LEASE", str(LEASE)))
        self.begun = 0
        self.contenders = [self.begin() for _ in range(CONTENDERS)]

    def begin(self):
        name = f"c{self.begun}"
        self.begun += 1
        said = open(os.path.join(self.folder, f"{name}.out"), "w")
        return subprocess.Popen(
            [soak.BINARY, "--config", self.settings, self.program, name,
             str(self.random.randrange(10**9))],
            stdout=said, stderr=subprocess.STDOUT, cwd=self.folder,
            env={**os.environ, "HOME": self.folder, "XDG_STATE_HOME": self.folder})

    def trouble(self, seconds):
        """Kill and stop contenders for SECONDS; how often each."""
        end, stopped, kills, stops = time.monotonic() + seconds, {}, 0, 0
        while time.monotonic() < end:
            time.sleep(self.random.uniform(0.05, 0.4))
            now = time.monotonic()
            for which, until in list(stopped.items()):
                if now >= until:
                    self.contenders[which].send_signal(signal.SIGCONT)
                    del stopped[which]
            which = self.random.randrange(CONTENDERS)
            process = self.contenders[which]
            soak.check(process.poll() is None, f"contender {which} has ended by itself")
            if which in stopped:
                continue
            if self.random.random() < 0.5 and len(stopped) < 5:
                process.send_signal(signal.SIGSTOP)
                stopped[which] = now + 3 * LEASE
                stops += 1
            elif self.random.random() < 0.5:
                process.kill()
                process.wait()
                self.contenders[which] = self.begin()
                kills += 1
        for which in stopped:
            self.contenders[which].send_signal(signal.SIGCONT)
        return kills, stops

    def end(self):
        for process in self.contenders:
            process.kill()
            process.wait()
        self.host.send_signal(signal.SIGINT)
        try:
            self.host.wait(20)
        except subprocess.TimeoutExpired:
            self.host.kill()
            self.host.wait()


def is_about_locks(entry):
    """Whether ENTRY is a lock being taken or given back, which anybody may try."""
    call, arguments = entry["call"].partition(".")[2], entry["arguments"]
    if call in ("add_to_other_config", "remove_from_other_config", "add_tags", "remove_tags"):
        return arguments[1].startswith(("fruix-scm:lock:", "fruix-scm:free:", "fruix-scm:reverting:"))
    return False


def judge(path):
    """Check the log at PATH; the changes, the holders, and the takings."""
    changes, takings, last = {}, 0, 0
    with open(path) as file:
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                break  # the host was ended while it wrote
            last = entry["at"]
            if entry["phase"] == "begin":
                if is_about_locks(entry):
                    key = entry["arguments"][1]
                    takings += key.startswith("fruix-scm:lock:") and ":until:" not in key
                    continue
                changes[entry["id"]] = {**entry, "end": None}
            elif entry["id"] in changes:
                refused = entry["code"] and entry["call"] != "import_raw_vdi"
                if refused:
                    del changes[entry["id"]]
                else:
                    changes[entry["id"]]["end"] = entry["at"]
    ordered = sorted(changes.values(), key=lambda it: it["at"])
    done, current, busy_until, by = set(), None, 0, None
    holders = 0
    for change in ordered:
        who = change["session"]
        if who != current:
            soak.check(who not in done, f"{change} comes after the changes of {current}")
            soak.check(change["at"] >= busy_until, f"{change} begins while {by} goes on")
            if current is not None:
                done.add(current)
            current = who
            holders += 1
        end = change["end"] if change["end"] is not None else last
        if end >= busy_until:
            busy_until, by = end, change
    return len(ordered), holders, takings


def check_the_judge(path):
    """Check that a log in which the first holder changes something at last is found
    wrong, and one in which two do at once."""
    with open(path) as file:
        lines = [json.loads(line) for line in file.read().splitlines()[:-1]]
    begun = [it for it in lines if it["phase"] == "begin" and not is_about_locks(it)]
    ended = {it["id"]: it for it in lines if it["phase"] == "end" and not it["code"]}
    first = next(it for it in begun if it["id"] in ended)
    last = next(it for it in reversed(begun) if it["id"] in ended)
    after = {**first, "id": -1, "at": lines[-1]["at"] + 1}
    during = {**last, "id": -1, "at": last["at"], "session": "somebody else"}
    for forged in after, during:
        other = path + ".forged"
        with open(other, "w") as file:
            for entry in [*lines, forged, {**forged, "phase": "end"}]:
                file.write(json.dumps(entry) + "\n")
        try:
            judge(other)
        except soak.Failed:
            continue
        raise soak.Failed(f"the judge finds nothing wrong with {forged}")


def trial(random, folder, number):
    world = World(folder, random)
    try:
        kills, stops = world.trouble(SECONDS)
        # Who was stopped goes on, and finds out.
        time.sleep(2)
    finally:
        world.end()
    changes, holders, takings = judge(world.audit)
    check_the_judge(world.audit)
    lost = said = 0
    for name in os.listdir(folder):
        if name.endswith(".out"):
            with open(os.path.join(folder, name), errors="replace") as file:
                text = file.read()
            lost += text.count("L")
            said += text.count(".")
    print(f"  changes={changes} holders={holders} claims={takings} taken={said} lost={lost} "
          f"kills={kills} stops={stops}", flush=True)
    soak.check(changes > SECONDS / 3 and holders > SECONDS / 10, "too little has happened to prove anything")


soak.run("lock", 1, trial)
