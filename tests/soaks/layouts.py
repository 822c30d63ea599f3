"""Random work on a media.scm in a repository of git: `builder check` names each
version that makes a medium stale, and no other.

The module's layout and versions are changed by hand and by `builder bump`, alone
and in two branches that are merged or rebased, with checks and commits between. A
model in Python knows what each value of a version has stood for, as far as it was
recorded or committed, and says what must rise.
"""

import os
import re
import shutil
import subprocess

import soak

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(HERE, "../../fixtures/modules")
NAMES = ["image", "install", "installer-image", "installer-iso"]
MEDIA = "modules/fruix/system/freebsd/media.scm"
FEATURES = {
    # What a change is, and the text of the fixtures' media.scm that it replaces.
    "target below the store": ('(link-entry "run/current-system" (store-name-of closure))',
                               '(link-entry "run/current-system" (string-append (store-name-of closure) "/profile"))'),
    "lean systems": ("(if development? (development-entries) '())",
                     '(if development? (development-entries) (list (link-entry "usr/lean" "/x")))'),
    "development systems": ('(link-entry "usr/include"', '(link-entry "usr/includes"'),
    "an account file": ('("passwd" . #o644)', '("passwd" . #o644) ("services" . #o644)'),
    "a mode": ('("group" . #o644)', '("group" . #o640)'),
    "activation": ('(link-entry "activate" (current-system-file "activate"))',
                   '(link-entry "activate" (current-system-file "act2"))'),
    "a slash": ('(current-system-file "profile" directory))',
                '(string-append (current-system-file "profile" directory) "/"))'),
    "the source of a copy": ('(follow root (string-append etc "/" file))',
                             '(follow root (string-append etc "/group"))'),
}
NEUTRAL = [
    (";; Part of each medium's identity.", ";; A part of each medium's identity."),
    ('"Return true when CLOSURE is that of a development system."', '"services motd"'),
]


class Work:
    def __init__(self, folder):
        self.folder = folder
        self.file = f"{folder}/{MEDIA}"
        shutil.copytree(MODULES, folder + "/modules")
        with open(self.file) as file:
            self.text = file.read()
        self.state = frozenset()
        self.values = {name: 9 for name in NAMES}
        self.recorded = {}
        self.committed = {}
        self.neutral = set()

    def write(self):
        text = self.text
        for feature in self.state:
            old, new = FEATURES[feature]
            assert text.count(old) == 1, feature
            text = text.replace(old, new)
        for index in self.neutral:
            text = text.replace(*NEUTRAL[index])
        for name, value in self.values.items():
            text = re.sub(f'(?m)^\\(define {name}-builder-version .*$',
                          f'(define {name}-builder-version "{value}")', text)
        with open(self.file, "w") as file:
            file.write(text)

    def read(self):
        with open(self.file) as file:
            text = file.read()
        for name in NAMES:
            self.values[name] = int(re.search(f'(?m)^\\(define {name}-builder-version "(\\d+)"', text)[1])

    def git(self, *words, fails=False):
        made = subprocess.run(["git", "-c", "user.name=soak", "-c", "user.email=soak@example.org",
                               "-c", "commit.gpgsign=false", *words],
                              capture_output=True, text=True, cwd=self.folder)
        if made.returncode and not fails:
            raise AssertionError(f"git {words}: {made.stdout} {made.stderr}")
        return made

    def builder(self, *words):
        return subprocess.run([soak.BINARY, "builder", words[0], MEDIA, *words[1:]],
                              capture_output=True, text=True, cwd=self.folder, timeout=120)

    def commit(self):
        self.git("add", "-A")
        if self.git("commit", "-m", "change", fails=True).returncode == 0:
            for name, value in self.values.items():
                self.committed.setdefault((name, value), set()).add(self.state)

    def note(self, name):
        self.recorded.setdefault((name, self.values[name]), set()).add(self.state)

    def verdicts(self):
        """What each version is by the model: current, raised, stale or unknown."""
        verdicts = {}
        for name, value in self.values.items():
            stood_for = self.recorded.get((name, value), set())
            known = [v for (n, v) in self.recorded if n == name]
            if not known:
                verdicts[name] = "unknown"
            elif stood_for:
                verdicts[name] = "current" if stood_for == {self.state} else "stale"
            elif value < max(known):
                verdicts[name] = "stale"
            elif (name, value) in self.committed:
                stood_for = self.committed[(name, value)]
                verdicts[name] = "current" if stood_for == {self.state} else "stale"
            else:
                verdicts[name] = "raised"
        return verdicts

    def check(self, story):
        expected = self.verdicts()
        made = self.builder("check")
        found = {}
        for line in made.stdout.splitlines():
            version = re.match(r"([a-z-]+)-builder-version=.*?  (.*)", line)
            if version:
                said = version[2]
                found[version[1]] = ("stale" if said.startswith("must rise") else
                                     "raised" if said.startswith("raised") else
                                     "unknown" if said.startswith("cannot be") else said)
        soak.check(found == expected, f"{story}: {made.stdout} {made.stderr}, wanted {expected}")
        good = all(verdict in ("current", "raised") for verdict in expected.values())
        soak.check(made.returncode == (0 if good else 1), f"{story}: status {made.returncode}")
        for name, verdict in expected.items():
            if verdict in ("current", "raised"):
                self.note(name)


def work_on(random, work, story):
    """One thing that somebody does."""
    way = random.choice(["change", "change", "bump by hand", "bump", "lower", "commit", "neutral", "record"])
    story.append(way)
    some = random.sample(NAMES, random.randrange(1, 5))
    if way == "change":
        feature = random.choice(sorted(FEATURES))
        story[-1] += f" {feature}"
        work.state = work.state ^ {feature}
        work.write()
    elif way == "neutral":
        work.neutral ^= {random.randrange(len(NEUTRAL))}
        work.write()
    elif way in ("bump by hand", "lower"):
        for name in some:
            work.values[name] += 1 if way == "bump by hand" else -1
        work.write()
    elif way == "commit":
        work.commit()
    elif way == "bump":
        made = work.builder("bump", *some)
        soak.check(made.returncode == 0, f"{story}: {made.stderr}")
        for name in some:
            known = {v for (n, v) in work.recorded if n == name}
            work.values[name] += 1
            while work.values[name] in known:
                work.values[name] += 1
            work.note(name)
        before = dict(work.values)
        work.read()
        soak.check(before == work.values, f"{story}: bump made {work.values}, wanted {before}")
    else:
        verdicts = work.verdicts()
        committed = [n for n in NAMES if (n, work.values[n]) in work.committed
                     and (n, work.values[n]) not in work.recorded]
        if committed:
            # Who records what was committed says what it stood for.
            return
        made = work.builder("record")
        stale = "stale" in verdicts.values()
        soak.check((made.returncode != 0) == stale, f"{story}: record {made.stderr}")
        if not stale:
            for name in NAMES:
                work.note(name)


def branch(random, work, story):
    """Two branches change and raise alike, and are merged or rebased."""
    work.commit()
    state, values = work.state, dict(work.values)
    features = random.sample(sorted(FEATURES), 2)
    some = random.sample(NAMES, random.randrange(1, 5))
    way = random.choice(["bump", "bump by hand", "bump by hand and check"])
    raised = {name: max(value for (one, value) in work.recorded if one == name) + 1 for name in some}
    work.git("branch", "base")
    for side, feature in zip(["one", "other"], features):
        work.git("checkout", "-q", "-b", side, "base")
        work.state, work.values = state ^ {feature}, dict(values)
        work.write()
        if way == "bump":
            made = work.builder("bump", *some)
            soak.check(made.returncode == 0, f"{story}: {made.stderr}")
            work.read()
            for name in some:
                work.note(name)
        else:
            work.values.update(raised)
            work.write()
            if way.endswith("check"):
                made = work.builder("check")
                for name in some:
                    if f"{name}-builder-version" in made.stdout and "raised" in made.stdout:
                        work.note(name)
        work.commit()
        if side == "one":
            highest = dict(work.values)
    joining = random.choice(["merge", "rebase"])
    story.append(f"{features} in two branches, {way} {some}, {joining}")
    work.values = {name: max(highest[name], work.values[name]) for name in NAMES}
    work.state = state ^ frozenset(features)
    work.git(joining, "-q", "one", fails=True)
    work.write()
    if joining == "rebase":
        # Whoever resolves a conflict takes one side of the record, as it comes.
        side = random.choice(["--ours", "--theirs"])
        work.git("checkout", side, "--", MEDIA.replace(".scm", ".layouts.scm"), fails=True)


def trial(random, folder, number):
    work = Work(folder)
    work.write()
    work.git("init", "-q")
    made = work.builder("record")
    soak.check(made.returncode == 0, made.stderr)
    for name in NAMES:
        work.note(name)
    work.commit()
    story = []
    for _ in range(random.randrange(1, 5)):
        work_on(random, work, story)
        if random.random() < 0.4:
            story.append("check")
            work.check(story)
    if random.random() < 0.3:
        branch(random, work, story)
    work.check(story)


soak.run("layouts", 500, trial)
