//! `fruix-scm runs`: what is known of the runs that were kept.

use crate::support::{Sandbox, finish};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const GOOD: &str = "(use-modules (fruix harness))
(harness \"good\" (step \"look\" (check \"it is so\" #t)))";

const BAD: &str = "(use-modules (fruix harness))
(harness \"bad\" (step \"outer\" (step \"inner\" (check \"it is so\" #f))))";

fn runs(sandbox: &Sandbox) -> PathBuf {
    sandbox.state().join("runs")
}

/// The folders of runs of the harness NAME, the oldest first.
fn folders(sandbox: &Sandbox, name: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(runs(sandbox))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(&format!("Z-{name}-")))
        .collect();
    found.sort();
    found
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

fn json(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let text = sandbox.run(arguments).success();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// A run in SANDBOX that goes on, until the caller ends it.
fn at_work(sandbox: &Sandbox) -> Child {
    sandbox.write(
        "long.scm",
        "(use-modules (fruix harness))
         (harness \"long\" (step \"wait\" (display \"begun\\n\") (force-output) (sleep 60)))",
    );
    let mut child = sandbox
        .command(&["long.scm"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut said = [0; 6];
    std::io::Read::read_exact(&mut out, &mut said).unwrap();
    child
}

/// Sandboxes, binaries and clocks are fast: runs may begin in one second.
fn next_second() {
    std::thread::sleep(Duration::from_millis(1010));
}

#[test]
fn each_run_has_a_line_whatever_became_of_it_or_of_others() {
    let sandbox = Sandbox::new();
    sandbox.write("good.scm", GOOD);
    sandbox.write("bad.scm", BAD);
    let _ = sandbox.run(&["good.scm"]).success();
    next_second();
    let _ = sandbox.run(&["bad.scm"]).fails_with(1);
    // Copies, on each of which something else has happened.
    let (good, bad) = (
        folders(&sandbox, "good").remove(0),
        folders(&sandbox, "bad").remove(0),
    );
    let journal = |folder: &Path| fs::read(folder.join("journal.scm")).unwrap();
    let copied = |id: &str, bytes: &[u8]| {
        let folder = runs(&sandbox).join(id);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("journal.scm"), bytes).unwrap();
    };
    let whole = journal(&good);
    copied("20200101T000001Z-torn-aaaaaa", &whole[..whole.len() - 5]);
    let mut broken = whole.clone();
    broken[100] ^= 1;
    copied("20200101T000002Z-damaged-aaaaaa", &broken);
    copied(
        "20200101T000003Z-old-aaaaaa",
        b"((time . 1577836803) (entry began (harness . \"old\")))\n\
          ((time . 1577836863) (entry ended (verdict . \"pass\")))\n",
    );
    copied("20200101T000004Z-nothing-aaaaaa", b"");
    copied("foreign", b"this is no journal\nof ours\n");
    fs::create_dir(runs(&sandbox).join("20200101T000005Z-empty-aaaaaa")).unwrap();
    fs::create_dir_all(runs(&sandbox).join("20200101T000006Z-odd-aaaaaa/journal.scm")).unwrap();
    fs::create_dir(runs(&sandbox).join("notes")).unwrap();
    fs::write(runs(&sandbox).join("README"), "mine\n").unwrap();
    next_second();
    let mut killed = at_work(&sandbox);
    killed.kill().unwrap();
    killed.wait().unwrap();
    next_second();
    let mut running = at_work(&sandbox);
    let listed = sandbox.run(&["runs", "list"]).success();
    let told = json(&sandbox, &["runs", "list", "--json"]);
    let gone_on = json(&sandbox, &["runs", "show", "--json"]);
    running.kill().unwrap();
    running.wait().unwrap();

    let long = folders(&sandbox, "long");
    let expected = [
        (name(&long[1]), "running"),
        (name(&long[0]), "lost"),
        (name(&bad), "fail"),
        (name(&good), "pass"),
    ];
    let lines: Vec<&str> = listed.lines().collect();
    for (line, (id, verdict)) in lines.iter().zip(&expected) {
        assert!(line.contains(id), "{listed}");
        assert!(line.contains(&format!("  {verdict} ")), "{listed}");
    }
    for (id, verdict) in [
        ("20200101T000001Z-torn-aaaaaa", "lost"),
        ("20200101T000002Z-damaged-aaaaaa", "damaged"),
        ("20200101T000003Z-old-aaaaaa", "pass"),
        ("20200101T000004Z-nothing-aaaaaa", "lost"),
        ("20200101T000005Z-empty-aaaaaa", "lost"),
        ("20200101T000006Z-odd-aaaaaa", "damaged"),
        ("foreign", "damaged"),
    ] {
        let line = lines
            .iter()
            .find(|line| line.contains(id))
            .unwrap_or_else(|| panic!("{id} is not in\n{listed}"));
        assert!(line.contains(&format!("  {verdict} ")), "{listed}");
    }
    assert_eq!(lines.len(), 11, "{listed}");
    assert!(
        !listed.contains("notes") && !listed.contains('\u{1b}'),
        "{listed}"
    );
    // The column of identifiers is one.
    let column = |id: &str| lines.iter().find_map(|line| line.find(id));
    assert_eq!(column(&expected[0].0), column("foreign"), "{listed}");
    assert!(lines[2].ends_with("  outer / inner"), "{listed}");
    let old = lines.iter().find(|line| line.contains("-old-")).unwrap();
    assert!(old.starts_with("2020-01-01T00:00:03Z"), "{listed}");
    assert!(old.contains("  1 min 0 s  none  -  "), "{listed}");

    assert_eq!(told.as_array().unwrap().len(), 11);
    assert_eq!(told[0]["verdict"], "running");
    assert_eq!(
        told[2]["failing_step"],
        serde_json::json!(["outer", "inner"])
    );
    assert_eq!(told[2]["message"], "this does not hold: it is so");
    assert_eq!(told[3]["kind"], "none");
    assert!(told[3]["seconds"].as_f64().unwrap() < 60.0);
    assert!(told[3]["began"].as_str().unwrap().ends_with('Z'));
    assert_eq!(told[3]["head_sha256"].as_str().unwrap().len(), 64);
    // Without an identifier it is the newest run, and nothing odd.
    assert_eq!(gone_on["run"]["verdict"], "running");
    assert_eq!(gone_on["entries"][0]["what"], "began");
    assert_eq!(gone_on["entries"][1]["step"], serde_json::json!(["wait"]));
}

#[test]
fn a_run_is_named_by_how_its_identifier_begins_and_two_of_them_are_told() {
    let sandbox = Sandbox::new();
    sandbox.write("good.scm", GOOD);
    let _ = sandbox.run(&["good.scm"]).success();
    let _ = sandbox.run(&["good.scm"]).success();
    let ids: Vec<String> = folders(&sandbox, "good")
        .iter()
        .map(|folder| name(folder))
        .collect();
    let refused = sandbox.run(&["runs", "show", "20"]).fails_with(2);
    assert!(
        refused.contains(&format!("`20` may be any of {}, {}", ids[0], ids[1])),
        "{refused}"
    );
    let prefix = &ids[0][..ids[0].len() - 1];
    for verb in ["show", "verify"] {
        let _ = sandbox.run(&["runs", verb, prefix]).success();
    }
    let why = json(&sandbox, &["runs", "why", "--json", "--run", prefix]);
    assert_eq!(
        why,
        serde_json::json!([{ "step": ["look"], "decision": "done", "why": null }])
    );
    let none = sandbox.run(&["runs", "log", prefix]).fails_with(2);
    assert!(none.contains("has kept no log"), "{none}");
    let nowhere = sandbox.run(&["runs", "verify", "nosuch"]).fails_with(2);
    assert!(nowhere.contains("there is no run `nosuch`"), "{nowhere}");
}

#[test]
fn verifying_says_what_is_proven_and_fails_where_something_was_changed() {
    let sandbox = Sandbox::new();
    sandbox.write("good.scm", &format!("(use-modules (part)) {GOOD}"));
    sandbox.write("lib/part.scm", "(define-module (part))");
    let run = || {
        let _ = sandbox.run(&["-L", "lib", "good.scm"]).success();
        folders(&sandbox, "good").pop().unwrap()
    };
    let folder = run();
    let whole = sandbox.run(&["runs", "verify"]).success();
    for line in [
        "journal=whole",
        "journal_version=2",
        "source/harness.scm=whole",
        "source/modules/part.scm=whole",
        "proven: each of the ",
        "proven: 2 of 2 copies of sources are what the run loaded",
        "not proven: that nobody has written the whole journal anew",
    ] {
        assert!(whole.contains(line), "`{line}` is not in\n{whole}");
    }
    let told = json(&sandbox, &["runs", "verify", "--json"]);
    assert_eq!(told["damaged"], false);
    assert!(whole.contains(&format!(
        "head_sha256={}\n",
        told["head_sha256"].as_str().unwrap()
    )));
    assert_eq!(told["sources"][1]["state"], "whole");

    fs::write(folder.join("source/harness.scm"), "(other)").unwrap();
    fs::remove_file(folder.join("source/modules/part.scm")).unwrap();
    let outcome = sandbox.run(&["runs", "verify"]);
    assert!(outcome.stdout.contains("source/harness.scm=changed\n"));
    assert!(outcome.stdout.contains("source/modules/part.scm=missing\n"));
    assert_eq!(outcome.status, Some(1));

    next_second();
    let folder = run();
    let path = folder.join("journal.scm");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let torn = sandbox.run(&["runs", "verify"]).success();
    assert!(torn.contains("journal=torn\n"), "{torn}");
    let mut broken = bytes.clone();
    let at = bytes.len() / 2;
    broken[at] ^= 1;
    fs::write(&path, broken).unwrap();
    let outcome = sandbox.run(&["runs", "verify"]);
    assert_eq!(outcome.status, Some(1));
    assert!(
        outcome.stdout.contains("journal=damaged at line "),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains("those behind them prove nothing"));
    let shown = sandbox.run(&["runs", "show"]).success();
    assert!(shown.contains("proves nothing"), "{shown}");
}

#[test]
fn as_many_runs_are_kept_as_a_setting_says_and_those_that_go_on() {
    let sandbox = Sandbox::new();
    sandbox.write("good.scm", GOOD);
    for _ in 0..3 {
        let _ = sandbox.run(&["good.scm"]).success();
    }
    next_second();
    let mut running = at_work(&sandbox);
    next_second();
    let began = Instant::now();
    for arguments in [
        &["--set", "keep-runs=2", "good.scm"][..],
        &["--simulate", "--set", "keep-runs=2", "good.scm"],
    ] {
        let _ = sandbox.run(arguments).success();
        assert_eq!(folders(&sandbox, "good").len(), 1);
        assert_eq!(folders(&sandbox, "long").len(), 1);
    }
    for simulate in [&[][..], &["--simulate"]] {
        let arguments: Vec<&str> = simulate.iter().copied().chain(["good.scm"]).collect();
        let mut command = sandbox.command(&arguments);
        command.env("FRUIX_KEEP_RUNS", "3");
        let _ = finish(command).success();
        assert_eq!(folders(&sandbox, "good").len(), 2);
    }
    assert!(
        began.elapsed() < Duration::from_secs(50),
        "it may have ended"
    );
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_run_that_was_killed_before_its_first_line_is_nothing_to_go_on_with() {
    let sandbox = Sandbox::new();
    let runs = sandbox.state().join("runs");
    let nothing = runs.join("20991231T235959Z-phase20-abcdef");
    std::fs::create_dir_all(&nothing).unwrap();
    let stderr = sandbox.run(&["runs", "resume"]).fails_with(2);
    assert!(stderr.contains("is unfinished"), "{stderr}");
    let stderr = sandbox.run(&["runs", "resume", "2099"]).fails_with(2);
    assert!(
        stderr.contains("it was killed before it had begun"),
        "{stderr}"
    );
    let list = sandbox.run(&["runs", "list"]).success();
    assert!(list.contains("lost"), "{list}");
}
