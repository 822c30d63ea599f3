//! Recordings of runs, and the same program run again with nothing but one of them.

use crate::support::{Sandbox, finish, hold_no_secret};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

/// The lines of the recording NAME.
fn text(sandbox: &Sandbox, name: &str) -> String {
    let file = fs::File::open(sandbox.work().join(name)).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    let file = fs::File::create(sandbox.work().join(name)).unwrap();
    let mut encoder = GzEncoder::new(file, Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

/// The names of all files below DIRECTORY but for the cache's.
fn listing(directory: &Path) -> Vec<String> {
    walkdir::WalkDir::new(directory)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| !path.contains("/.cache"))
        .collect()
}

/// A harness that asks for all sorts of things, and waits.
const SORTS: &str = r#"(use-modules (fruix harness) (ice-9 rdelim) (my thing))
(harness "sorts"
  #:record (line variable now chance status nonce there gone)
  (step "look"
    (check-equal "the module is there" (thing) 42)
    (record! 'line (call-with-input-file "data.txt" read-line))
    (record! 'variable (getenv "SORT"))
    (record! 'there (stat:size (stat "data.txt"))))
  (step "wait"
    (record! 'now (current-time))
    (usleep 300000))
  (step "act" #:proof (file-exists? "out.txt")
    (record! 'chance (random 1000000 (random-state-from-platform)))
    (record! 'status (status:exit-val (system* "sh" "-c" "exit 3")))
    (record! 'nonce (step-nonce))
    (record! 'gone (catch 'system-error
                     (lambda () (open-input-file "nowhere"))
                     (lambda args (system-error-errno args))))
    (call-with-output-file "out.txt" (lambda (port) (display "made" port)))))
"#;

/// SORTS, recorded in `it.rec`; and what it printed.
fn sorts() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("it.scm", SORTS);
    sandbox.write("data.txt", "of that day\n");
    sandbox.write(
        "lib/my/thing.scm",
        "(define-module (my thing) #:export (thing))\n(define (thing) 42)\n",
    );
    let mut command = sandbox.command(&["-L", "lib", "--record", "it.rec", "it.scm"]);
    command.env("SORT", "a sort");
    let outcome = finish(command);
    assert!(
        outcome.stderr.contains("recorded in it.rec: "),
        "{}",
        outcome.stderr
    );
    let printed = outcome.success();
    for name in ["data.txt", "out.txt", "it.scm", "lib/my/thing.scm"] {
        fs::remove_file(sandbox.work().join(name)).unwrap();
    }
    (sandbox, printed)
}

#[test]
fn a_program_runs_again_from_its_recording_alone_and_leaves_nothing_behind() {
    let (sandbox, recorded) = sorts();
    let before = listing(&sandbox.work().join(".."));
    let replayed = sandbox.run(&["replay", "it.rec"]);
    assert!(
        replayed.stderr.contains("replaying it.rec: recorded at "),
        "{}",
        replayed.stderr
    );
    assert!(
        replayed
            .stderr
            .contains(" calls were answered from the recording")
    );
    assert_eq!(replayed.success(), recorded);
    assert!(
        recorded.contains("line=of that day\nvariable=a sort\n"),
        "{recorded}"
    );
    assert!(recorded.contains("status=3\n"), "{recorded}");
    assert_eq!(listing(&sandbox.work().join("..")), before);
}

#[test]
fn a_recorded_simulated_phase_20_gives_the_same_record_and_says_what_recording_cost() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&["--simulate", "--record", "p20.rec", "phase20.scm"]);
    let told = outcome
        .stderr
        .lines()
        .find(|line| line.starts_with("recorded in p20.rec: "))
        .unwrap_or_else(|| panic!("nothing is told of a recording: {}", outcome.stderr))
        .to_owned();
    assert!(
        told.contains(" ms, ") && told.ends_with(" % of the run"),
        "{told}"
    );
    let recorded = outcome.success();
    assert!(recorded.ends_with("PASS phase20-host-initiated-native-build-xcpng\n"));
    let size = fs::metadata(sandbox.work().join("p20.rec")).unwrap().len();
    assert!(size < 100_000, "{size} bytes are too many for a bug report");
    hold_no_secret("the recording", &text(&sandbox, "p20.rec"));

    let before = listing(&sandbox.work().join(".."));
    let replayed = sandbox.run(&["replay", "p20.rec"]).success();
    assert_eq!(replayed, recorded);
    assert_eq!(listing(&sandbox.work().join("..")), before);

    // The same text as it is now is the same program, and another text is not.
    let harness = include_str!("../../scheme/harness/phase20.scm");
    sandbox.write("now.scm", harness);
    let now = sandbox.run(&["replay", "p20.rec", "now.scm"]).success();
    assert_eq!(now, recorded);
    let line = harness
        .lines()
        .position(|line| line.contains("(step (string-append \"make \" target)"))
        .unwrap()
        + 1;
    sandbox.write(
        "edited.scm",
        &harness.replace("\"-j~a\" build-jobs", "\"-j~a\" (+ 1 build-jobs)"),
    );
    let edited = sandbox
        .run(&["replay", "p20.rec", "edited.scm"])
        .fails_with(6);
    for said in [
        "fruix-scm: edited.scm:",
        "the program asks for something else than when it was recorded\n",
        "  the recording has next: (%work-history-file ",
        "  the program asked for:  (%work-history-file ",
        "  where they part:        \"8\"\n  and:                    \"9\"\n",
        " / make buildworld`",
        &format!("which stands at edited.scm:{line}:"),
    ] {
        assert!(edited.contains(said), "`{said}` is not in\n{edited}");
    }
}

/// What OLD in the harness, which is NEW now, is told as.
fn edited(old: &str, new: &str, status: i32) -> String {
    const STORY: &str = r#"(use-modules (fruix harness))
(harness "story"
  #:record (one)
  (step "first"
    (record! 'one (getenv "ONE"))
    (check "it is there" (file-exists? "it.scm")))
  (step "second"
    (getenv "TWO")
    (getenv "THREE")))
"#;
    let sandbox = Sandbox::new();
    sandbox.write("it.scm", STORY);
    let _ = sandbox.run(&["--record", "it.rec", "it.scm"]);
    let now = STORY.replace(old, new);
    assert_ne!(now, STORY);
    sandbox.write("now.scm", &now);
    sandbox
        .run(&["replay", "it.rec", "now.scm"])
        .fails_with(status)
}

#[test]
fn the_first_difference_of_a_program_that_has_changed_is_told() {
    let told = edited("(getenv \"TWO\")", "(getenv \"TOO\")", 6);
    assert!(
        told.contains("has next: (getenv \"TWO\") in step `second` (call "),
        "{told}"
    );
    assert!(
        told.contains("asked for:  (getenv \"TOO\") in step `second`, which stands at now.scm:7:2"),
        "{told}"
    );
    let turned = edited(
        "(getenv \"TWO\")\n    (getenv \"THREE\")",
        "(getenv \"THREE\")\n    (getenv \"TWO\")",
        6,
    );
    assert!(
        turned.contains("the recording has that later: call "),
        "{turned}"
    );
    let renamed = edited("\"second\"", "\"2nd\"", 6);
    assert!(
        renamed.contains("in step `second`") && renamed.contains("in step `2nd`"),
        "{renamed}"
    );
    let less = edited("\n    (getenv \"THREE\")", "", 6);
    assert!(less.contains("has next: (getenv \"THREE\")"), "{less}");
    let more = edited(
        "(getenv \"THREE\")",
        "(getenv \"THREE\") (getenv \"FOUR\")",
        6,
    );
    assert!(more.contains("asked for:  (getenv \"FOUR\")"), "{more}");
}

#[test]
fn checks_and_the_time_are_tried_without_a_machine() {
    let (sandbox, recorded) = sorts();
    let now = SORTS.replace("(thing) 42", "(thing) 43").replace(
        "(usleep 300000)",
        "(usleep 300000) (current-time) (current-time)",
    );
    sandbox.write("now.scm", &now);
    let failing = sandbox.run(&["replay", "it.rec", "now.scm"]);
    assert!(failing.stdout.contains("FAIL sorts"), "{}", failing.stdout);
    assert_eq!(failing.status, Some(1), "{}", failing.stderr);
    assert!(
        failing.stderr.contains("the recording goes on"),
        "{}",
        failing.stderr
    );
    let timely = now.replace("(thing) 43", "(thing) 42");
    sandbox.write("now.scm", &timely);
    let replayed = sandbox.run(&["replay", "it.rec", "now.scm"]).success();
    assert_eq!(replayed, recorded);
}

#[test]
fn a_replay_stops_before_a_step_and_ends_well() {
    let (sandbox, _) = sorts();
    let outcome = sandbox.run(&["replay", "it.rec", "--until", "wait"]);
    assert!(
        outcome.stderr.contains("stopped before step `wait`"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stdout.contains("PASS"), "{}", outcome.stdout);
    let _ = outcome.success();
    let nowhere = sandbox
        .run(&["replay", "it.rec", "--until", "nowhere"])
        .fails_with(2);
    assert!(
        nowhere.contains("no step was called `nowhere`"),
        "{nowhere}"
    );
}

#[test]
fn what_is_no_recording_or_damaged_or_of_another_version_is_refused() {
    let (sandbox, recorded) = sorts();
    let whole = text(&sandbox, "it.rec");
    let refused = |name: &str, why: &str| {
        let told = sandbox.run(&["replay", name]).fails_with(2);
        assert!(
            told.contains(&format!("cannot replay `{name}`: ")),
            "{told}"
        );
        assert!(told.contains(why), "`{why}` is not in {told}");
    };
    refused("nowhere.rec", "No such file");
    sandbox.write("text.rec", "not compressed\n");
    refused("text.rec", "it is no recording");
    sandbox.write("empty.rec", "");
    refused("empty.rec", "it is no recording");
    write(&sandbox, "other.rec", "{\"name\":\"value\"}\n");
    refused("other.rec", "it is no recording");
    let newer = whole.replacen("\"fruix-scm-recording\":1", "\"fruix-scm-recording\":2", 1);
    write(&sandbox, "newer.rec", &newer);
    refused(
        "newer.rec",
        "it is of version 2 of the format, made by fruix-scm",
    );
    write(
        &sandbox,
        "changed.rec",
        &whole.replacen("of that day", "of this day", 1),
    );
    write(
        &sandbox,
        "changed.rec",
        &whole.replacen("a sort", "no sort", 1),
    );
    refused("changed.rec", "it is not as it was written");
    write(
        &sandbox,
        "odd.rec",
        &whole.replacen("{\"call\":", "{\"cull\":", 1),
    );
    refused("odd.rec", "of it says nothing");

    // Cut off anywhere, it is refused or replays as far as it goes.
    let bytes = fs::read(sandbox.work().join("it.rec")).unwrap();
    for part in 1..8 {
        let cut = &bytes[..bytes.len() * part / 8];
        fs::write(sandbox.work().join("torn.rec"), cut).unwrap();
        let outcome = sandbox.run(&["replay", "torn.rec"]);
        assert!(
            matches!(outcome.status, Some(2 | 4 | 6)),
            "{:?} {}",
            outcome.status,
            outcome.stderr
        );
        assert!(!outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    }
    let lines: Vec<&str> = whole.lines().collect();
    write(
        &sandbox,
        "short.rec",
        &(lines[..lines.len() - 4].join("\n") + "\n"),
    );
    // A run that did not end has not passed.
    let short = sandbox.run(&["replay", "short.rec"]).fails_with(6);
    assert!(
        short.contains("the recording ends here: the process that made it"),
        "{short}"
    );
    assert_eq!(sandbox.run(&["replay", "it.rec"]).success(), recorded);
}

#[test]
fn a_recording_that_cannot_be_written_is_told_and_the_run_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "it.scm",
        "(use-modules (fruix harness))\n(harness \"it\" (step \"a\" (getenv \"A\")) (step \"b\" (getenv \"B\")))\n",
    );
    if Path::new("/dev/full").exists() {
        let outcome = sandbox.run(&["--record", "/dev/full", "it.scm"]);
        let told = "there will be no recording in `/dev/full`, and the run goes on: No space";
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        assert!(outcome.success().contains("PASS it"));
    }
    let nowhere = sandbox
        .run(&["--record", "no/where.rec", "it.scm"])
        .fails_with(2);
    assert!(nowhere.contains("cannot record to `"), "{nowhere}");
    let nothing = sandbox.run(&["--record", "it.rec", "repl"]);
    assert_ne!(nothing.status, Some(0), "{}", nothing.stderr);
}

#[test]
fn large_texts_are_by_digest_and_kept_apart_where_somebody_wants_them() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "it.scm",
        r#"(use-modules (fruix harness) (fruix machine) (fruix guest) (ice-9 textual-ports))
(harness "large"
  #:record (of_guest of_file)
  (step "read"
    (let ((guest (boot-approved-machine)))
      (record! 'of_guest (string-length (guest-output guest '("seq" "100000"))))
      (record! 'of_file
               (string-length (call-with-input-file "large.txt" get-string-all))))))
"#,
    );
    sandbox.write("large.txt", &"a line of it\n".repeat(60_000));
    let whole = "of_guest=588894\nof_file=780000\n";
    let words = [
        "--simulate",
        "--record",
        "it.rec",
        "--record-streams",
        "kept",
        "it.scm",
    ];
    let recorded = sandbox.run(&words).success();
    assert!(recorded.starts_with(whole), "{recorded}");
    assert_eq!(
        fs::read_dir(sandbox.work().join("kept")).unwrap().count(),
        2
    );
    let size = fs::metadata(sandbox.work().join("it.rec")).unwrap().len();
    assert!(size < 50_000, "{size} bytes");
    let replay = ["replay", "it.rec", "--streams", "kept"];
    assert_eq!(sandbox.run(&replay).success(), recorded);
    // Without them there are the ends of what the guest said, and the beginning of the file.
    let without = sandbox.run(&["replay", "it.rec"]).success();
    assert!(without.contains("of_file=4096\n"), "{without}");
    assert!(!without.contains("of_guest=588894\n"), "{without}");
    for file in fs::read_dir(sandbox.work().join("kept")).unwrap() {
        fs::write(file.unwrap().path(), "another").unwrap();
    }
    let told = sandbox.run(&replay).fails_with(2);
    assert!(told.contains("it is not what was recorded"), "{told}");
    let told = sandbox.run(&["--simulate", "--record", "ends.rec", "it.scm"]);
    assert!(
        told.stderr
            .contains("2 texts are in the recording with their ends only"),
        "{}",
        told.stderr
    );
}

/// Secrets of every sort, each where it is found by another way.
const CORPUS: &str = r#"(use-modules (fruix harness) (fruix machine) (fruix guest) (fruix settings)
             (fruix ssh) (fruix xapi) (ice-9 rdelim) (ice-9 textual-ports))
(define-parameter host-token "A token." #:type string #:default "none")
(define (contents file) (call-with-input-file file get-string-all))
(harness "corpus"
  #:record (password token)
  (step "meet them"
    ;; Before anybody has logged in.
    (let ((password (call-with-input-file (setting 'password-file) read-line))
          (key (contents (setting 'guest/private-key)))
          (guest (boot-approved-machine)))
      (define (said . words) (guest-output guest words))
      (getenv "CI_JOB_TOKEN")
      (environ)
      (said "echo" (getenv "CI_JOB_TOKEN"))
      (said "echo" "-n" password)
      (said "sh" "-c" (string-append "echo '" key "'; echo 'x'"))
      (guest-write-file guest "/tmp/key" key)
      (guest-read guest "/tmp/key")
      (said "sh" "-c" (string-append "printf %s '" password "' | od -An -tx1 | tr -d ' \\n'"))
      (said "sh" "-c" "echo curl https://admin:hunter2hunter2@host.example/")
      (said "echo" host-token)
      (said "sh" "-c" "printf -- '-----BEGIN RSA PRIVATE %s-----\\nMIIE%s\\n-----END RSA PRIVATE %s-----\\n' KEY unknown KEY")
      (let ((session (machine-session (machine))) (vm (machine-vm (machine))))
        (xapi-call session "VM.add_to_other_config" vm "note" (string-append "pw=" password))
        (xapi-call session "VM.get_other_config" vm)
        (xapi-call session "VM.get_record" vm))
      (record! 'password password)
      (record! 'token host-token)
      (check-equal (string-append "the password is " password) password "another")))
"#;

#[test]
fn a_corpus_of_secrets_is_in_no_recording_report_or_attestation() {
    let sandbox = Sandbox::new();
    sandbox.write("corpus.scm", &format!("{CORPUS})"));
    let mut words = vec!["--simulate", "--record", "it.rec"];
    words.extend(["--html", "it.html", "--junit", "it.xml", "--tap", "it.tap"]);
    words.extend([
        "--events",
        "it.jsonl",
        "corpus.scm",
        "--host-token",
        "tok-of-argument-91",
    ]);
    let mut command = sandbox.command(&words);
    command.env("CI_JOB_TOKEN", "tok-of-environment-17");
    command.stdin(Stdio::null());
    let outcome = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    assert_eq!(outcome.status.code(), Some(1), "{stderr}");
    let recording = text(&sandbox, "it.rec");
    assert!(recording.contains("[secret: password 1]"), "{recording}");
    assert!(recording.contains("[secret: private key"), "{recording}");
    // In hexadecimal digits, the mark of what the simulation keeps secret.
    let spelled: String = "5ec2e700"
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let secrets = [
        "5ec2e700",
        &spelled,
        "PRIVATE KEY-----",
        "MIIEunknown",
        "tok-of-environment-17",
        "tok-of-argument-91",
        "hunter2hunter2",
    ];
    for secret in secrets {
        assert!(
            !recording.contains(secret),
            "`{secret}` is in the recording"
        );
    }
    let key = sandbox.work().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&key)
        .status();
    if made.is_ok_and(|status| status.success()) {
        let list = sandbox.run(&["runs", "list", "--json"]).success();
        let runs: serde_json::Value = serde_json::from_str(&list).unwrap();
        let id = runs[0]["run"].as_str().or(runs[0]["id"].as_str()).unwrap();
        let _ = sandbox.run(&["runs", "attest", id, "--key", "key", "--kind", "simulated"]);
        fs::remove_file(&key).unwrap();
    }
    let kept = walkdir::WalkDir::new(sandbox.state().join("runs"))
        .into_iter()
        .chain(walkdir::WalkDir::new(sandbox.work()));
    let mut seen = 0;
    for entry in kept
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The program's own text holds what it says.
        if name.ends_with(".scm") && name != "journal.scm" || name == "it.rec" {
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        seen += 1;
        for secret in ["5ec2e700", "tok-of-environment-17", "tok-of-argument-91"] {
            let found = text.contains(secret);
            assert!(!found, "`{secret}` is in {}", entry.path().display());
        }
    }
    assert!(seen >= 5, "only {seen} files were looked at");
    // And what is hidden is matched all the same.
    let mut again = sandbox.command(&["replay", "it.rec"]);
    again.env("CI_JOB_TOKEN", "another");
    let again = finish(again);
    assert_eq!(again.status, Some(1), "{}", again.stderr);
    assert!(again.stdout.contains("FAIL corpus"), "{}", again.stdout);
}
