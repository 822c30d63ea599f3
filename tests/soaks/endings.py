"""Each mishap that ends a run of phase 20 and does not come again; then the run is
gone on with, and its record is that of an undisturbed one.
"""

import _phase20
import soak

# Each happens once: the host is well when somebody goes on. The number is drawn.
MISHAPS = [
    "session-expires={n}",
    "toolstack-restarts={s}",
    "cut=VM.start@1",
    "mute=VM.start@1",
    "cut=VDI.get_record@{k}",
    "fail=VM.start@1:HOST_NOT_ENOUGH_FREE_MEMORY:1:2",
    "fail=Async.VM.start@1:INTERNAL_ERROR:boom",
    "fail=VM.get_record@{n}:INTERNAL_ERROR:boom",
    "fail=session.login_with_password@1:SESSION_AUTHENTICATION_FAILED",
    "fail=VDI.get_by_uuid@1:UUID_INVALID:VDI:gone",
]


def trial(draw, folder, number):
    expected, took = _phase20.reference(folder)
    spec = MISHAPS[number % len(MISHAPS)].format(
        n=draw.randint(2, 60), k=draw.randint(1, 3), s=round(draw.uniform(0.1, took), 2)
    )
    site = _phase20.Site(folder, spec)
    try:
        status = site.run("phase20.scm")
        for _ in range(3):
            if status == 0:
                break
            soak.check(status in (1, 3), f"{spec}: status {status}:\n" + site.said())
            status = site.go_on()
        site.check_passed(status, expected)
        site.check_not_repeated()
        site.check_tidy()
    finally:
        site.close()


soak.run("endings", 40, trial)
