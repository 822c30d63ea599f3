"""What every soak needs: its arguments, its trials, its last line.

A soak is a program `tests/soaks/NAME.py` that gives `run` a procedure of one
trial. Trial I of seed S draws from a generator of its own, so that one trial is
repeated without those before it: `tests/soak NAME 1 S:I`.
"""

import os
import random
import shutil
import sys
import tempfile
import time
import traceback

BINARY = os.environ.get("FRUIX_SCM", "target/release/fruix-scm")


class Failed(Exception):
    """A trial has not come out as it must; the text says what was seen."""


def check(holds, what):
    """Fail the trial with WHAT unless HOLDS."""
    if not holds:
        raise Failed(what)


def run(name, default, trial):
    """Call TRIAL(random, folder, number) as often as the command line says,
    DEFAULT times without a count; print what failed and the last line; end the
    process. FOLDER is empty, the trial's own, and removed when it went well."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else default
    seed, _, only = (sys.argv[2] if len(sys.argv) > 2 else "1").partition(":")
    numbers = [int(only)] if only else range(count)
    print(f"soak={name} trials={len(numbers)} seed={seed}", flush=True)
    failed = []
    began = time.monotonic()
    for number in numbers:
        folder = tempfile.mkdtemp(prefix=f"fruix-scm-soak-{name}-")
        try:
            trial(random.Random(f"{seed}:{number}"), folder, number)
        except Exception as error:  # whatever it is, the other trials go on
            failed.append(number)
            told = str(error) if isinstance(error, Failed) else traceback.format_exc()
            print(f"trial {number} failed: {told}", flush=True)
            print(f"  kept: {folder}; again: tests/soak {name} 1 {seed}:{number}", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"seconds={time.monotonic() - began:.0f}")
    print(f"soak={name} trials={len(numbers)} failed={len(failed)} seed={seed}", flush=True)
    sys.exit(1 if failed else 0)
