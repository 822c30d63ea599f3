"""A gibibyte of log with the error at its beginning, and behind it a million lines
that look like errors: the cause is named, and memory stays flat.

COUNT is how many logs; each is of another size, the largest 1 GiB."""

import os
import resource
import subprocess

import soak

SIZES = [1 << 20, 64 << 20, 1 << 30]


def lines(random, size):
    """The pieces of a log of SIZE bytes."""
    yield (b">>> stage 4.2: building libraries\n--- first.o ---\ncc -c first.c\n"
           b"first.c:12:3: error: the true cause\n*** [first.o] Error code 1\n\n"
           b"make[4]: stopped in /s/lib/first\n")
    written, number = 0, 0
    forms = [b"--- t%d.o ---\nt%d.c:1:1: error: not the first\n*** [t%d.o] Error code 1\n",
             b"ld: error: undefined symbol: s%d\n>>> referenced by a%d.c:%d\n",
             b"make[3]: don't know how to make m%d. Stop\nmake[3]: stopped in /s/%d/%d\n",
             b"gmake[2]: *** [Makefile:%d: g%d.o] Error %d\n",
             b"cc -O2 -pipe -c file%d.c -o file%d.o -DX=%d -I/usr/src/sys -std=c17\n"]
    pieces = []
    for _ in range(16):
        piece = bytearray()
        for _ in range(10000):
            piece += random.choice(forms) % (number, number, number % 120)
            number += 1
        pieces.append(bytes(piece))
    while written < size:
        piece = random.choice(pieces)
        written += len(piece)
        yield piece


def trial(random, folder, number):
    size = SIZES[min(number, len(SIZES) - 1)]
    process = subprocess.Popen([soak.BINARY, "log", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, cwd=folder)
    for piece in lines(random, size):
        process.stdin.write(piece)
    process.stdin.close()
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    print(f"{size >> 20} MiB: {usage.ru_maxrss / 1024:.0f} MiB of memory, "
          f"{usage.ru_utime:.1f} s", flush=True)
    soak.check(os.waitstatus_to_exitcode(status) == 1, f"status {status}: {said}")
    soak.check("target=first.o\nstatus=1\ncause=first.c:12:3: error: the true cause\n" in said, said)
    soak.check(usage.ru_maxrss < 48 << 10, f"{usage.ru_maxrss} KiB of memory")


soak.run("build-logs", 3, trial)
