"""Ctrl-C at a random moment of phase 20: every promise is kept, or the machine is
kept and that is said; what was said to go on goes on, and the next process takes it up.
"""

import json
import re
import signal

import _phase20
import soak


def trial(draw, folder, _number):
    expected, took = _phase20.reference(folder)
    site = _phase20.Site(folder)
    try:
        process = site.start("phase20.scm")
        if site.lasts(process, draw.uniform(0.02, took)):
            process.send_signal(signal.SIGINT)
        status = site.end(process)
        said = site.said()
        soak.check(status in (0, 130), f"status {status}:\n{said}")
        kept = "the machine is kept" in said
        if status == 0:
            site.check_passed(status, expected)
            site.check_tidy()
            return
        if kept:
            record, _ = site.host.state()
            soak.check(record["power_state"] == "Running", f"kept, and halted:\n{said}")
            soak.check("runs resume" in said, "nobody says how to go on:\n" + said)
        else:
            site.check_tidy()
            site.was_halted = True
        runs = site.runs()
        if runs and runs[0]["verdict"] == "pass":
            # It came when all was done but the clean-up, which went on to its end.
            soak.check("PASS " in said, f"no PASS line:\n{said}")
            return
        if runs and runs[0]["harness"]:
            soak.check(runs[0]["verdict"] == "interrupted", f"{runs[0]}")
            check_promises(site, runs[0]["id"], kept, said)
        jobs = re.findall(r"the job `([^']*)' goes on", said)
        status = site.go_on()
        for job in jobs:
            soak.check(kept, f"`{job}` was to go on, and the machine was not kept:\n{said}")
        site.check_passed(status, expected)
        site.check_not_repeated()
        site.check_tidy()
    finally:
        site.close()


def check_promises(site, run, kept, said):
    """Each promise of the run was kept; those of a kept machine may wait."""
    soak.check(site.run("runs", "show", run, "--json") == 0, site.said())
    with open(site.out) as file:
        entries = json.load(file)["entries"]
    promised = [entry for entry in entries if entry["what"] == "promised"]
    cleaned = [entry for entry in entries if entry["what"] == "cleaned-up"]
    trouble = [entry for entry in cleaned if entry.get("trouble")]
    soak.check(not trouble, f"{trouble}:\n{said}")
    soak.check(kept or len(promised) == len(cleaned),
               f"{len(promised)} promises and {len(cleaned)} clean-ups:\n{said}")


soak.run("interrupts", 50, trial)
