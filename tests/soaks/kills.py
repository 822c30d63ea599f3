"""Phase 20 is killed at a random moment, once or more, and gone on with.

In the end there is the same record with the same digests as without a kill, no
proven step was done again, and nothing is left on the host or in temporary folders.
"""

import _phase20
import soak


def trial(draw, folder, _number):
    expected, took = _phase20.reference(folder)
    site = _phase20.Site(folder)
    try:
        process = site.start("phase20.scm")
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            if not site.lasts(process, draw.uniform(0.02, took)):
                break
            site.kill(process)
            process = site.start(*site.next())
        status = site.end(process)
        site.check_passed(status, expected)
        site.check_not_repeated()
        site.check_tidy()
    finally:
        site.close()


soak.run("kills", 100, trial)
