"""Twenty connections into the guest are cut while phase 20 runs. A command that was cut
off is no more asked than a job is begun twice, so a run may end; it is gone on with on
the machine that it has kept, and passes.
"""

import time

import _phase20
import soak

CUTS = 20


def trial(draw, folder, _number):
    expected, took = _phase20.reference(folder)
    site = _phase20.Site(folder, proxy=True)
    cut, processes = 0, 1
    try:
        process = site.start("--keep=on-failure", "phase20.scm")
        while cut < CUTS:
            time.sleep(draw.uniform(0.02, took / 10))
            cut += site.proxy.cut()
            if process.poll() is not None:
                # A run that has ended is none whose connections can be cut.
                if process.returncode == 0:
                    site.check_passed(0, expected)
                    if cut >= CUTS:
                        break
                    process = site.start("--keep=on-failure", "phase20.scm")
                else:
                    soak.check(process.returncode == 3, site.said())
                    process = site.start("--keep=on-failure", "runs", "resume")
                processes += 1
        status = site.end(process)
        if status == 3:
            # A connection cut in the middle of a question is no answer.
            status = site.go_on()
        site.check_passed(status, expected)
        site.check_not_repeated()
        site.check_tidy()
        print(f"cut={cut} processes={processes}", flush=True)
    finally:
        site.close()


soak.run("cuts", 5, trial)
