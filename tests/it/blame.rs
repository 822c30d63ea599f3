//! `runs investigate` and `bisect`: whose fault it is that a harness fails.

use crate::support::{Outcome, Sandbox, finish, settings_text};
use fruix_scm::sim::disk::FixtureDisk;
use fruix_scm::sim::{Simulation, SimulationOptions};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A harness that needs no machine and passes where the image is one of ACCEPTED; BEFORE
/// is done first.
fn harness(accepted: &str, before: &str) -> String {
    format!(
        "(use-modules (fruix harness) (fruix settings) (ice-9 textual-ports))
(harness \"it\"
  (step \"look\"
    {before}
    (check \"accepted\"
           (member (call-with-input-file (setting 'image) get-line) '({accepted})))
    #t))\n"
    )
}

fn runs(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.state().join("runs")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Run the harness on IMAGE, for itself; what it said.
fn run_on(sandbox: &Sandbox, image: &str) -> Outcome {
    sandbox.run(&["--set", &format!("image={image}"), "it.scm"])
}

/// What comes now has another second in its name than what was before.
fn next_second() {
    std::thread::sleep(Duration::from_millis(1100));
}

/// The value of NAME in OUTPUT, lines of `NAME=VALUE`.
fn value<'a>(output: &'a str, name: &str) -> &'a str {
    output
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("no {name} in {output}"))
}

/// A sandbox in which the harness that accepts THEN has passed on an image `a`, and the
/// one that accepts NOW has failed on `b`.
fn failed(then: &str, now: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("a.img", "a\n");
    sandbox.write("b.img", "b\n");
    sandbox.write("it.scm", &harness(then, "1"));
    let _ = run_on(&sandbox, "a.img").success();
    sandbox.write("it.scm", &harness(now, "1"));
    let _ = run_on(&sandbox, "b.img").fails_with(1);
    sandbox
}

#[test]
fn four_runs_tell_whether_harness_or_product_has_changed() {
    for (then, now, fault, made) in [
        // The harness is the same: two of the four are one run.
        ("\"a\"", "\"a\"", "product", 2),
        ("\"a\"", "\"a\" \"c\"", "product", 4),
        ("\"a\" \"b\"", "\"c\"", "harness", 4),
        ("\"a\"", "\"c\"", "harness and product", 4),
        ("\"a\" \"b\"", "\"a\"", "harness with product", 4),
    ] {
        let sandbox = failed(then, now);
        let before = runs(&sandbox);
        let output = sandbox.run(&["runs", "investigate"]).success();
        assert_eq!(value(&output, "fault"), fault, "{then} {now}\n{output}");
        let mut known = ["good_run", "failed_run"].map(|name| value(&output, name));
        known.sort();
        assert_eq!(known[..], before[..]);
        assert_eq!(runs(&sandbox).len(), 2 + made, "{output}");
        // What was made is found again, and nothing is made.
        let again = sandbox.run(&["runs", "investigate"]).success();
        assert_eq!(again, output);
        assert_eq!(runs(&sandbox).len(), 2 + made);
    }
}

#[test]
fn each_of_the_four_is_told_with_its_run_and_the_command_that_makes_it() {
    let sandbox = failed("\"a\" \"b\"", "\"c\"");
    let output = sandbox.run(&["runs", "investigate"]).success();
    for (cell, verdict) in [
        ("harness_now_image_now", "fail"),
        ("harness_good_image_good", "pass"),
        ("harness_good_image_now", "pass"),
        ("harness_now_image_good", "fail"),
    ] {
        let told = value(&output, cell);
        let run = told
            .strip_prefix(verdict)
            .unwrap_or_else(|| panic!("{told}"));
        let run = run.trim().trim_end_matches(" at look");
        let shown = sandbox.run(&["runs", "show", run]).success();
        assert!(shown.contains("made for investigating run"), "{shown}");
        let command = value(&output, &format!("{cell}_command"));
        let words = command.strip_prefix("fruix-scm ").unwrap();
        let words: Vec<&str> = words.split(' ').collect();
        let by_hand = sandbox.run(&words);
        assert_eq!(
            by_hand.status,
            Some(i32::from(verdict == "fail")),
            "{command}"
        );
    }
    let reason = value(&output, "reason");
    assert!(reason.contains("the harness of now fails"), "{reason}");
}

#[test]
fn what_fails_with_all_as_it_was_is_the_labs_and_what_passes_again_is_nobodys() {
    let sandbox = Sandbox::new();
    sandbox.write("a.img", "a\n");
    sandbox.write(
        "it.scm",
        &harness("\"a\"", "(if (file-exists? \"broken\") (fail \"lab\"))"),
    );
    let _ = run_on(&sandbox, "a.img").success();
    let lab = sandbox.write("broken", "");
    let _ = sandbox
        .run(&["--set", "image=a.img", "--set", "build-jobs=3", "it.scm"])
        .fails_with(1);
    let output = sandbox.run(&["runs", "investigate"]).success();
    assert_eq!(value(&output, "fault"), "lab");
    // What else is not as it was is named.
    let changed: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("changed="))
        .collect();
    let expected = [
        "changed=setting build-jobs: new, is 3",
        "changed=options: was , is --set build-jobs=3",
    ];
    assert_eq!(changed, expected);
    assert_eq!(value(&output, "harness_changed"), "no");
    // One run is all four.
    assert_eq!(runs(&sandbox).len(), 3);
    for cell in ["harness_now_image_now", "harness_now_image_good"] {
        assert!(value(&output, cell).starts_with("fail "), "{output}");
    }
    assert_eq!(value(&output, "image_changed"), "no");
    fs::remove_file(lab).unwrap();
    // Another failure of somebody's own, which was never looked into.
    next_second();
    sandbox.write("broken", "");
    let _ = run_on(&sandbox, "a.img").fails_with(1);
    fs::remove_file(sandbox.work().join("broken")).unwrap();
    let json = sandbox.run(&["runs", "investigate", "--json"]).success();
    let told: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(told["fault"], "none", "{json}");
    assert_eq!(told["runs"].as_array().unwrap().len(), 4);
}

#[test]
fn the_harness_and_its_modules_are_those_that_the_run_has_kept() {
    let sandbox = Sandbox::new();
    sandbox.write("a.img", "a\n");
    sandbox.write("b.img", "b\n");
    let module = |accepted: &str| {
        let text = format!("(define-module (lib it) #:export (all)) (define all '({accepted}))");
        sandbox.write("lib/it.scm", &text);
    };
    sandbox.write(
        "it.scm",
        "(use-modules (fruix harness) (fruix settings) (lib it) (ice-9 textual-ports))
(harness \"it\"
  (check \"accepted\" (member (call-with-input-file (setting 'image) get-line) all)))",
    );
    let run = |image: &str| sandbox.run(&["-L", ".", "--set", &format!("image={image}"), "it.scm"]);
    module("\"a\" \"b\"");
    let _ = run("a.img").success();
    module("\"c\"");
    let _ = run("b.img").fails_with(1);
    // What is there now is neither.
    module("\"d\"");
    fs::remove_file(sandbox.work().join("it.scm")).unwrap();
    let output = sandbox.run(&["runs", "investigate"]).success();
    assert_eq!(value(&output, "fault"), "harness", "{output}");
    // A copy that is not what was run is not run.
    let copy = sandbox
        .state()
        .join("runs")
        .join(value(&output, "good_run"));
    fs::write(copy.join("source/harness.scm"), "1").unwrap();
    let refused = sandbox.run(&["runs", "investigate"]).fails_with(2);
    assert!(refused.contains("is not what was run"), "{refused}");
}

/// A process of the binary that has printed MARK into the file of that name.
fn at_work(sandbox: &Sandbox, arguments: &[&str], mark: &str) -> Child {
    let child = sandbox
        .command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it has not begun", || sandbox.work().join(mark).exists());
    child
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, signal: libc::c_int) {
    // SAFETY: a plain system call; the child has not been waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, signal) };
}

#[test]
fn several_requests_to_end_at_once_are_one_and_leave_time_to_tidy_up() {
    let sandbox = Sandbox::new();
    sandbox.write("a.img", "a\n");
    sandbox.write("it.scm", &harness("\"a\"", SLOW));
    sandbox.write("slow", "");
    let words = ["--set", "image=a.img", "it.scm"];
    for (first, second) in [
        (libc::SIGTERM, libc::SIGTERM),
        (libc::SIGHUP, libc::SIGTERM),
    ] {
        let _ = fs::remove_file(sandbox.work().join("mark"));
        let mut child = at_work(&sandbox, &words, "mark");
        signal(&child, first);
        signal(&child, second);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
    let listed = sandbox.run(&["runs", "list"]).success();
    assert_eq!(listed.matches(" interrupted ").count(), 2, "{listed}");
}

/// What leaves a mark and then lasts as long as there is a file `slow`.
const SLOW: &str = "(when (file-exists? \"slow\")
      (close-port (open-output-file \"mark\"))
      (while (file-exists? \"slow\") (usleep 20000)))";

#[test]
fn an_investigation_that_was_interrupted_or_killed_goes_on() {
    for (kill, status) in [(libc::SIGINT, Some(130)), (libc::SIGKILL, None)] {
        let sandbox = Sandbox::new();
        sandbox.write("a.img", "a\n");
        sandbox.write("b.img", "b\n");
        sandbox.write("it.scm", &harness("\"a\"", SLOW));
        let _ = run_on(&sandbox, "a.img").success();
        let _ = run_on(&sandbox, "b.img").fails_with(1);
        let slow = sandbox.write("slow", "");
        let mut child = at_work(&sandbox, &["runs", "investigate"], "mark");
        signal(&child, kill);
        assert_eq!(child.wait().unwrap().code(), status);
        // Whoever was made to work for it does not go on unseen.
        let verdicts = || sandbox.run(&["runs", "list"]).success();
        eventually("the run goes on", || verdicts().contains("interrupted"));
        fs::remove_file(slow).unwrap();
        let output = sandbox.run(&["runs", "investigate"]).success();
        assert_eq!(value(&output, "fault"), "product", "{output}");
        // It is the one that was cut short, which has gone on, and another one.
        assert_eq!(runs(&sandbox).len(), 4);
    }
}

#[test]
fn an_image_that_was_overwritten_is_asked_for_and_known_by_its_bytes() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "it.scm",
        "(use-modules (fruix harness) (fruix machine) (fruix guest) (fruix ssh))
(harness \"it\"
  (step \"look\" (boot-approved-machine)
    (check-equal \"word\" (guest-output (machine-guest) '(\"cat\" \"/etc/word\")) \"good\")
    #t))",
    );
    let image = |word: &str| {
        let directory = sandbox.work().join(word);
        fs::create_dir(&directory).unwrap();
        FixtureDisk::changed(&directory, |root| fs::write(root.join("etc/word"), word)).unwrap()
    };
    let run = |disk: &FixtureDisk| {
        sandbox.run(&[
            "--simulate",
            "--set",
            &format!("image={}", disk.image.display()),
            "--set",
            &format!("guest/private-key={}", disk.private_key.display()),
            "--set",
            &format!("guest/host-key={}", disk.host_key),
            "it.scm",
        ])
    };
    let (good, bad) = (image("good"), image("bad"));
    let _ = run(&good).success();
    let _ = run(&bad).fails_with(1);
    let elsewhere = sandbox.work().join("kept.img");
    fs::rename(&good.image, &elsewhere).unwrap();
    fs::write(&good.image, "another one").unwrap();
    let refused = sandbox.run(&["runs", "investigate"]).fails_with(2);
    assert!(
        refused.contains("has other bytes now; its SHA-256 was"),
        "{refused}"
    );
    let output = sandbox
        .run(&[
            "runs",
            "investigate",
            "--image",
            "good/fruix.img",
            "--image",
            "kept.img",
        ])
        .success();
    assert_eq!(value(&output, "fault"), "product", "{output}");
    let command = value(&output, "harness_good_image_good_command");
    assert!(command.contains("kept.img"), "{command}");
    // The simulated guest is reached with the keys that are on the image.
    assert!(command.contains(&good.host_key), "{command}");
}

#[test]
fn live_runs_are_made_on_their_host_by_the_same_words() {
    let sandbox = Sandbox::new();
    let simulation = Simulation::start(SimulationOptions::default()).unwrap();
    sandbox.write("fruix-scm.scm", &settings_text(&simulation));
    sandbox.write(
        "it.scm",
        "(use-modules (fruix harness) (fruix machine) (fruix guest) (fruix ssh))
(harness \"it\"
  (step \"look\" (boot-approved-machine)
    (check \"no word\" (not (guest-exists? (machine-guest) \"/etc/word\")))
    #t))",
    );
    let place = tempfile::tempdir().unwrap();
    let bad =
        FixtureDisk::changed(place.path(), |root| fs::write(root.join("etc/word"), "")).unwrap();
    let _ = sandbox.run(&["it.scm"]).success();
    let _ = sandbox
        .run(&[
            "--tidy",
            "--set",
            &format!("image={}", bad.image.display()),
            "--set",
            &format!("guest/private-key={}", bad.private_key.display()),
            "--set",
            &format!("guest/host-key={}", bad.host_key),
            "it.scm",
        ])
        .fails_with(1);
    let before = simulation.host().calls("VM.start");
    let output = sandbox.run(&["runs", "investigate"]).success();
    assert_eq!(value(&output, "fault"), "product", "{output}");
    assert_eq!(simulation.host().calls("VM.start"), before + 2);
    let vm = &simulation.settings().vm;
    assert_eq!(simulation.host().field("VM", vm, "power_state"), "Halted");
    let command = value(&output, "harness_now_image_now_command");
    assert!(command.contains("--tidy"), "{command}");
}

#[test]
fn what_cannot_be_investigated_is_said_to_be_that() {
    let sandbox = Sandbox::new();
    sandbox.write("a.img", "a\n");
    sandbox.write("b.img", "b\n");
    sandbox.write("it.scm", &harness("\"a\"", "1"));
    let nothing = sandbox.run(&["runs", "investigate"]).fails_with(2);
    assert!(nothing.contains("has failed"), "{nothing}");
    let _ = run_on(&sandbox, "b.img").fails_with(1);
    let alone = sandbox.run(&["runs", "investigate"]).fails_with(2);
    assert!(
        alone.contains("no run of `it` before it has passed"),
        "{alone}"
    );
    let _ = run_on(&sandbox, "a.img").success();
    let good = runs(&sandbox).pop().unwrap();
    let passed = sandbox.run(&["runs", "investigate", &good]).fails_with(2);
    assert!(passed.contains("its verdict is `pass`"), "{passed}");
    // One that came later may be named.
    let output = sandbox
        .run(&["runs", "investigate", "--dry-run", "--good", &good])
        .success();
    assert_eq!(value(&output, "harness_now_image_now"), "not made");
    assert_eq!(runs(&sandbox).len(), 2);
}

/// A checkout in SANDBOX with a revision for each of STATES, what the file `state` holds;
/// gives the revisions.
fn checkout(sandbox: &Sandbox, states: &[&str]) -> Vec<String> {
    fs::create_dir(sandbox.work().join("r")).unwrap();
    git(sandbox, &["init", "--quiet"]);
    for (number, state) in states.iter().enumerate() {
        sandbox.write("r/state", &format!("{state}\n"));
        sandbox.write("r/number", &format!("{number}\n"));
        git(sandbox, &["add", "state", "number"]);
        let message = format!("change {number} \x1b[31m{state}");
        git(sandbox, &["commit", "--quiet", "--message", &message]);
    }
    let log = git(sandbox, &["log", "--reverse", "--format=%H"]);
    log.lines().map(str::to_owned).collect()
}

fn git(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=n", "-c", "user.email=n@example.org"])
        .arg("-C")
        .arg(sandbox.work().join("r"))
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?} {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What makes an image in SANDBOX, and counts how often.
fn make(sandbox: &Sandbox) -> String {
    let made = sandbox.work().join("made");
    format!(
        "echo \"$FRUIX_SCM_REVISION\" >> {}; pwd >&2; cp state out.img; echo out.img",
        made.display()
    )
}

/// `bisect` over the whole of the checkout, with OPTIONS, with what MAKE makes.
fn bisect<'a>(revisions: &'a [String], make: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let (good, bad) = (&revisions[0], &revisions[revisions.len() - 1]);
    let mut words = vec!["bisect", "--in", "r", "--good", good, "--bad", bad];
    words.extend(["--image", make]);
    words.extend(options);
    words.push("it.scm");
    words
}

fn made(sandbox: &Sandbox) -> usize {
    let made = fs::read_to_string(sandbox.work().join("made")).unwrap_or_default();
    made.lines().count()
}

/// Insist that git knows of no work tree but the user's, and that none is there.
fn nothing_is_left(sandbox: &Sandbox) {
    assert_eq!(
        git(sandbox, &["worktree", "list", "--porcelain"])
            .matches("worktree ")
            .count(),
        1
    );
    assert_eq!(git(sandbox, &["for-each-ref", "refs/bisect"]), "");
    let bisections = walkdir::WalkDir::new(sandbox.state().join("bisections"));
    for entry in bisections.into_iter().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(
            !name.starts_with("tree-") && !name.starts_with("graph-"),
            "{name}"
        );
    }
}

const STATES: [&str; 8] = ["a", "a", "a", "a", "a", "b", "b", "b"];

#[test]
fn bisecting_finds_the_first_bad_revision_and_leaves_the_checkout_as_it_is() {
    let sandbox = Sandbox::new();
    let revisions = checkout(&sandbox, &STATES);
    sandbox.write("it.scm", &harness("\"a\"", "1"));
    // Somebody works in the checkout, and bisects there himself.
    sandbox.write("r/hook", "#!/bin/sh\necho ran >> ../hook-ran\n");
    fs::create_dir_all(sandbox.work().join("r/.git/hooks")).unwrap();
    fs::copy(
        sandbox.work().join("r/hook"),
        sandbox.work().join("r/.git/hooks/post-checkout"),
    )
    .unwrap();
    sandbox.write("r/number", "mine");
    git(&sandbox, &["add", "number"]);
    sandbox.write("r/state", "mine");
    git(&sandbox, &["bisect", "start"]);
    git(&sandbox, &["bisect", "bad", "HEAD"]);
    let status = || {
        git(&sandbox, &["status", "--porcelain=v2", "--branch"])
            + &git(&sandbox, &["bisect", "log"])
            + &git(&sandbox, &["for-each-ref"])
    };
    let before = status();
    let outcome = sandbox.run(&bisect(&revisions, &make(&sandbox), &[]));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let output = outcome.stdout;
    assert_eq!(value(&output, "first_bad"), revisions[5]);
    assert_eq!(value(&output, "subject"), "change 5 \\x1b[31mb");
    assert_eq!(value(&output, "failing_step"), "look");
    assert_eq!(output.matches("tried=").count(), 5, "{output}");
    for text in [&output, &outcome.stderr] {
        assert!(!text.contains('\x1b'), "{text:?}");
    }
    let log = fs::read_to_string(value(&output, "command_log")).unwrap();
    assert!(log.contains("/tree-"), "{log}");
    let run = value(&output, "run");
    let shown = sandbox.run(&["runs", "show", run]).success();
    assert!(
        shown.contains(&format!("revision {}", revisions[5])),
        "{shown}"
    );
    assert_eq!(status(), before);
    assert!(!sandbox.work().join("hook-ran").exists());
    git(&sandbox, &["bisect", "reset", "HEAD"]);
    nothing_is_left(&sandbox);
    // The same command tells it again, and tries nothing.
    assert_eq!(made(&sandbox), 5);
    let again = sandbox
        .run(&bisect(&revisions, &make(&sandbox), &[]))
        .success();
    assert_eq!((made(&sandbox), &again), (5, &output));
    let json = sandbox
        .run(&bisect(&revisions, &make(&sandbox), &["--json", "--fresh"]))
        .success();
    let told: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&told["first_bad"], made(&sandbox)),
        (&revisions[5].as_str().into(), 10)
    );
    nothing_is_left(&sandbox);
}

#[test]
fn a_bisection_that_was_interrupted_or_killed_goes_on_where_it_was() {
    for (kill, again) in [
        (libc::SIGINT, "same"),
        (libc::SIGKILL, "same"),
        (libc::SIGKILL, "resume"),
    ] {
        let sandbox = Sandbox::new();
        let revisions = checkout(&sandbox, &STATES);
        sandbox.write("it.scm", &harness("\"a\"", "1"));
        let make = format!(
            "if [ -e {0}/slow ] && [ $(wc -l < {0}/made) -ge 3 ]; then \
             touch {0}/mark; sleep 30; fi; {1}",
            sandbox.work().display(),
            make(&sandbox)
        );
        let slow = sandbox.write("slow", "");
        let words = bisect(&revisions, &make, &["--trust-ends"]);
        sandbox.write("made", "\n\n");
        let mut child = at_work(&sandbox, &words, "mark");
        signal(&child, kill);
        let ended = child.wait().unwrap();
        if kill == libc::SIGINT {
            assert_eq!(ended.code(), Some(130));
            nothing_is_left(&sandbox);
        }
        // One revision was decided.
        assert_eq!(made(&sandbox), 3);
        fs::remove_file(slow).unwrap();
        if again == "resume" {
            // Whoever does not go on is rid of what was left all the same.
            let swept = sandbox.run(&["runs", "gc"]).success();
            assert_eq!(swept, "removed=2\n");
            nothing_is_left(&sandbox);
        }
        let outcome = match again {
            "same" => sandbox.run(&words),
            _ => sandbox.run(&["bisect", "--resume"]),
        };
        assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
        assert_eq!(value(&outcome.stdout, "first_bad"), revisions[5]);
        assert_eq!(made(&sandbox), 5, "{}", outcome.stderr);
        nothing_is_left(&sandbox);
        let over = sandbox.run(&["bisect", "--resume"]).fails_with(2);
        assert!(over.contains("none in"), "{over}");
    }
}

#[test]
fn what_the_command_ends_with_is_read_as_git_reads_it() {
    let sandbox = Sandbox::new();
    let revisions = checkout(
        &sandbox,
        &["a", "a", "exit 125", "exit 125", "exit 1", "b", "b"],
    );
    sandbox.write("it.scm", &harness("\"a\"", "1"));
    let make = "case $(cat state) in exit*) printf 'why \\033[2J\\n' >&2; $(cat state);; \
                sig) kill -9 $$;; esac; cp state o; echo o";
    let outcome = sandbox.run(&bisect(&revisions, make, &[]));
    let stderr = outcome.stderr.clone();
    // Of 2 and 3 nothing is known: one of them may be the first, or 4, which is bad.
    assert_eq!(outcome.status, Some(5), "{stderr}");
    let among: Vec<&str> = outcome
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("first_bad_among="))
        .collect();
    assert_eq!(among.len(), 3, "{}", outcome.stdout);
    for number in [2, 3, 4] {
        assert!(among.contains(&revisions[number].as_str()), "{among:?}");
    }
    assert!(stderr.contains("why \\x1b[2J"), "{stderr}");
    nothing_is_left(&sandbox);
    for (make, status, said) in [
        (
            "kill -9 $$",
            4,
            "ended with status 137, which ends the bisection",
        ),
        ("exit 200", 4, "ended with status 200"),
        (
            "echo nowhere",
            2,
            "printed `nowhere` as its last line, which is no file",
        ),
        ("true", 2, "printed `` as its last line"),
        ("no-such-command", 1, "is said to be good and is bad"),
    ] {
        let refused = sandbox
            .run(&bisect(&revisions, make, &[]))
            .fails_with(status);
        assert!(refused.contains(said), "{make}: {refused}");
        nothing_is_left(&sandbox);
    }
}

#[test]
fn a_failure_that_comes_now_and_then_is_found_with_many_passes() {
    let sandbox = Sandbox::new();
    let revisions = checkout(&sandbox, &["a", "a", "c", "c"]);
    // On `c` every third time fails.
    let before = "(let* ((times (if (file-exists? \"times\")
                        (call-with-input-file \"times\" read) 0)))
      (call-with-output-file \"times\" (lambda (port) (write (+ 1 times) port)))
      (when (and (string=? \"c\" (call-with-input-file (setting 'image) get-line))
                 (= 2 (modulo times 3)))
        (fail \"now and then\")))";
    sandbox.write("it.scm", &harness("\"a\" \"c\"", before));
    let output = sandbox
        .run(&bisect(&revisions, &make(&sandbox), &["--repeat", "4"]))
        .success();
    assert_eq!(value(&output, "first_bad"), revisions[2], "{output}");
    assert!(output.contains("good (passed 4, failed 0)"), "{output}");
    // An image is made once of each revision.
    assert_eq!(made(&sandbox), output.matches("tried=").count());
}

#[test]
fn a_world_that_is_not_ready_is_tried_again_and_then_left_out_or_bad() {
    let sandbox = Sandbox::new();
    let revisions = checkout(&sandbox, &["a", "a", "x", "x", "b"]);
    let before = "(let ((it (call-with-input-file (setting 'image) get-line)))
      (let ((port (open-file \"tried\" \"a\"))) (display it port) (newline port) (close port))
      (if (string=? it \"x\") (throw 'timeout #f \"not ready\" '() '())))";
    sandbox.write("it.scm", &harness("\"a\"", before));
    let outcome = sandbox.run(&bisect(&revisions, &make(&sandbox), &[]));
    assert_eq!(outcome.status, Some(5), "{}", outcome.stderr);
    assert_eq!(outcome.stdout.matches("first_bad_among=").count(), 3);
    let tried = fs::read_to_string(sandbox.work().join("tried")).unwrap();
    // Three times each, and the others once.
    assert_eq!(tried.matches('x').count(), 6, "{tried}");
    assert_eq!(tried.matches('a').count(), 2, "{tried}");
    let options = ["--not-ready", "bad", "--retries", "0"];
    let output = sandbox
        .run(&bisect(&revisions, &make(&sandbox), &options))
        .success();
    assert_eq!(value(&output, "first_bad"), revisions[2], "{output}");
}

#[test]
fn wrong_ends_are_found_out_before_anything_is_concluded() {
    let sandbox = Sandbox::new();
    let revisions = checkout(&sandbox, &["a", "a", "a"]);
    sandbox.write("it.scm", &harness("\"a\"", "1"));
    let all_good = sandbox
        .run(&bisect(&revisions, &make(&sandbox), &[]))
        .fails_with(1);
    assert!(
        all_good.contains("is said to be bad and is good"),
        "{all_good}"
    );
    let mut turned = revisions.clone();
    turned.reverse();
    let refused = sandbox
        .run(&bisect(&turned, &make(&sandbox), &[]))
        .fails_with(2);
    assert!(refused.contains("git refuses"), "{refused}");
    let make = make(&sandbox);
    let mut words = bisect(&revisions, &make, &[]);
    words[4] = "no-such-revision";
    let refused = sandbox.run(&words).fails_with(2);
    assert!(refused.contains("git refuses"), "{refused}");
    nothing_is_left(&sandbox);
    let nowhere = Sandbox::new();
    nowhere.write("it.scm", &harness("\"a\"", "1"));
    let words = [
        "bisect", "--good", "a", "--bad", "b", "--image", "x", "it.scm",
    ];
    let refused = nowhere.run(&words).fails_with(2);
    assert!(refused.contains("not a git repository"), "{refused}");
}

#[test]
fn the_example_of_the_documentation_is_so() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/investigating.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks: Vec<(&str, &str)> = page
        .split("\n```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'))
        .collect();
    let sandbox = Sandbox::new();
    sandbox.write("greets.scm", blocks[0].1);
    assert_eq!(blocks[0].0, "scheme");
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_fruix-scm"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    for pair in blocks[1..].chunks(2) {
        let [("sh", commands), ("", printed)] = pair else {
            panic!("{pair:?}");
        };
        let commands = sandbox.write("example.sh", commands);
        let mut command = Command::new("sh");
        let like = sandbox.command(&["x"]);
        command
            .args(["-eu"])
            .arg(&commands)
            .env_clear()
            .envs(
                like.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .env("PATH", &path)
            .current_dir(sandbox.work())
            .stdin(Stdio::null());
        let output = finish(command).success();
        for line in printed.lines() {
            assert!(output.lines().any(|it| it == line), "{line}\n{output}");
        }
    }
}
