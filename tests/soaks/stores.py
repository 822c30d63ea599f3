"""Random stores, asked, beside a graph in Python.

Items refer to each other by .references in several ways of writing, by absolute and
by relative links; some are themselves links, some have odd names, some are missing,
and there are circles. Roots are links, relative links, links over links, files and
links in directories. The store lies below a directory that stands for `/`.
"""

import os
import subprocess

import soak

STORE = "/frx/store/"


def make(random, root):
    store = root + STORE
    os.makedirs(store)
    count = random.randrange(3, 25)
    names = []
    for index in range(count):
        digits = 40 if random.random() < 0.9 else 64
        name = random.choice(["guile-3.0.%d", "world-15.%d", "lib?x=%d", "a+b_%d", "x-%d-debug",
                              "with space %d", "odd~name@%d,y", "back\\slash%d"]) % index
        names.append("%0*x-%s" % (digits, random.getrandbits(digits * 4), name))
    graph = {}
    for index, item in enumerate(names):
        place = store + item
        wanted = {random.choice(names) for _ in range(random.randrange(4))}
        if random.random() < 0.1:
            # An item that is a link, absolute or relative, to another or to nothing.
            target = random.choice(names + ["%040x-gone" % random.getrandbits(160)])
            graph[item] = {target} - {item}
            if target == item:
                os.mkdir(place)
                continue
            os.symlink(random.choice([STORE + target, target, "./" + target, "../store/" + target]), place)
            continue
        if random.random() < 0.1:
            # A name without odd characters: nobody could tell where it ends.
            wanted.add("%040x-gone-%d" % (random.getrandbits(160), index))
        if random.random() < 0.05:
            with open(place, "w") as file:
                file.write("an item that is a file")
            graph[item] = set()
            continue
        os.makedirs(place + "/bin")
        if random.random() < 0.6:
            with open(place + "/.references", "w") as file:
                way = random.random()
                paths = [STORE + one for one in sorted(wanted)]
                if way < 0.4:
                    file.write("".join(path + "\n" for path in paths))
                elif way < 0.7:
                    file.write("(references\n " + " ".join(f'"{path}"' for path in paths) + ")\n")
                else:
                    file.write("It needs " + " and ".join(path + "/bin/x" for path in paths) + ".\n")
                file.write("/gnu/store/abc-outside /usr/lib\n")
        else:
            for number, one in enumerate(sorted(wanted)):
                os.symlink(random.choice([STORE + one, STORE + one + "/bin/x", f"../../{one}/bin/x",
                                          f"./../../{one}", f"../../../store/{one}/"]),
                           f"{place}/bin/l{number}")
        graph[item] = wanted - {item}
    return names, graph


def closure(graph, starts):
    seen, pending = set(starts), list(starts)
    while pending:
        for one in graph.get(pending.pop(), ()):
            if one not in seen:
                seen.add(one)
                pending.append(one)
    return seen


def trial(random, folder, number):
    names, graph = make(random, folder)
    there = set(names)

    def ask(*words):
        made = subprocess.run([soak.BINARY, "store", "--root", folder, *words],
                              capture_output=True, text=True, timeout=60)
        return made.returncode, made.stdout, made.stderr

    def paths(items):
        return [STORE + item for item in sorted(items)]

    status, out, err = ask("items")
    soak.check(status == 0 and out.splitlines() == paths(there), f"items: {out} {err}")
    item = random.choice(names)
    for word, expected in [
        ("refs", graph[item]),
        ("closure", closure(graph, [item])),
        ("referrers", {one for one in names if item in graph[one]}),
    ]:
        status, out, err = ask(word, STORE + item)
        soak.check(status == 0 and out.splitlines() == paths(expected),
                   f"{word} of {item}: {out} {err}, wanted {sorted(expected)}")

    roots = folder + "/frx/var/fruix/gcroots"
    os.makedirs(roots + "/auto/deep")
    os.makedirs(folder + "/run")
    held = random.sample(names, random.randrange(min(len(names), 6)))
    for index, one in enumerate(held):
        place = random.choice([f"{roots}/r{index}", f"{roots}/auto/r{index}", f"{roots}/auto/deep/r{index}"])
        up = "../" * (place[len(folder):].count("/") - 1)
        way = random.choice(["absolute", "relative", "below", "over", "file"])
        if way == "absolute":
            os.symlink(STORE + one, place)
        elif way == "relative":
            os.symlink(up + "frx/store/" + one, place)
        elif way == "below":
            os.symlink(STORE + one + "/bin/x", place)
        elif way == "over":
            os.symlink(STORE + one, f"{folder}/run/over{index}")
            os.symlink(f"/run/over{index}", place)
        elif " " in one or "," in one:
            # A file's text does not tell where such a name ends.
            os.symlink(STORE + one, place)
        else:
            with open(place, "w") as file:
                file.write(f'(closure . "{STORE}{one}")\n')
    live = closure(graph, held)
    status, out, err = ask("dead")
    soak.check(status == 0 and out.splitlines() == paths(there - live),
               f"dead with {held}: {out} {err}, wanted {sorted(there - live)}")

    status, record, err = ask("record")
    listing = folder + "/record"
    with open(listing, "w") as file:
        file.write(record)
    holes = {(one, other) for one in names for other in graph[one] if other not in there}
    status, out, err = ask("verify", listing)
    rows = [line.split("  ") for line in out.splitlines()]
    soak.check(status == (1 if holes else 0), f"verify: {status} {out} {err}")
    soak.check({row[1] for row in rows if row[0] == "ok"} == set(paths(there)),
               f"record and verify disagree: {out} {err}\n{record}")
    soak.check(sum(row[0] == "dangling" for row in rows) == len(holes), f"holes {holes}: {out}")
    real = [one for one in names if os.path.isdir(folder + STORE + one)
            and not os.path.islink(folder + STORE + one)]
    if real:
        changed = random.choice(real)
        with open(f"{folder}{STORE}{changed}/changed", "w") as file:
            file.write("!")
        status, out, err = ask("verify", listing)
        wrong = {line.split("  ")[1] for line in out.splitlines() if line.startswith("changed")}
        followers = {one for one in names if os.path.islink(folder + STORE + one)
                     and changed in closure(graph, [one])}
        soak.check(status == 1 and STORE + changed in wrong
                   and wrong <= {STORE + changed} | set(paths(followers)), f"changed {changed}: {out} {err}")

    part = random.choice(names)[: random.randrange(4, 12)]
    meant = [one for one in names if one.startswith(part)]
    status, out, err = ask("refs", part.upper())
    if len(meant) == 1:
        soak.check(status == 0, f"refs {part}: {err}")
    else:
        soak.check(status == 1 and all(one in err for one in meant), f"refs {part}: {out} {err}")


soak.run("stores", 500, trial)
