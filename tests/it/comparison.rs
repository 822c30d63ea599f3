//! `runs diff` and `runs trends`: runs beside one another.

use crate::support::Sandbox;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// A harness that checks what VERSION is, and copies what is in `made/` into its folder.
fn maker(version: u32) -> String {
    format!(
        r#"(use-modules (fruix harness) (ice-9 ftw))
(harness "maker"
  #:record (version)
  (step "make"
    (system* "cp" "-a" "made/." (run-file ""))
    (check "steady" #t)
    {})
  (record! 'version "{version}"))
"#,
        match version {
            1 => "(collect-checks (check \"better\" #f) (check \"old\" #t) (check \"worse\" #t))",
            _ => "(collect-checks (check \"better\" #t) (check \"new\" #t) (check \"worse\" #f))",
        }
    )
}

/// The folders of runs in SANDBOX, the oldest first.
fn folders(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(sandbox.state().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort_by_key(|folder| {
        fs::metadata(folder.join("journal.scm"))
            .unwrap()
            .modified()
            .unwrap()
    });
    found
}

fn id(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

/// Two runs that have kept what BEFORE and AFTER put into the folder that they are given.
fn two_builds(before: impl Fn(&PathBuf), after: impl Fn(&PathBuf)) -> (Sandbox, String, String) {
    let sandbox = Sandbox::new();
    sandbox.write(
        "it.scm",
        r#"(use-modules (fruix harness))
(harness "maker" (step "make" (system* "cp" "-a" "made/." (run-file "")) 1))"#,
    );
    let made = sandbox.work().join("made");
    for build in [&before as &dyn Fn(&PathBuf), &after] {
        let _ = fs::remove_dir_all(&made);
        fs::create_dir(&made).unwrap();
        build(&made);
        let _ = sandbox.run(&["it.scm"]).success();
    }
    let folders = folders(&sandbox);
    (sandbox, id(&folders[0]), id(&folders[1]))
}

/// What `runs diff` prints of them, and its status.
fn diff(runs: &(Sandbox, String, String)) -> (Option<i32>, String) {
    let outcome = runs.0.run(&["runs", "diff", &runs.1, &runs.2]);
    (outcome.status, outcome.stdout)
}

/// A boot loader as a PE file, with this time of its making.
fn loader(time: u32) -> Vec<u8> {
    let mut file = vec![0_u8; 0x400];
    file[..2].copy_from_slice(b"MZ");
    file[0x3c] = 0x80;
    file[0x80..0x84].copy_from_slice(b"PE\0\0");
    file[0x88..0x8c].copy_from_slice(&time.to_le_bytes());
    file
}

#[test]
fn builds_that_are_the_same_are_said_to_be() {
    let build = |made: &PathBuf| {
        fs::write(made.join("kernel"), "kernel").unwrap();
        fs::write(made.join("loader.efi"), loader(7)).unwrap();
    };
    assert_eq!(
        diff(&two_builds(build, build)),
        (Some(0), "artifacts=same\n".to_owned())
    );
}

#[test]
fn builds_that_differ_by_one_time_stamp_are_told_by_exactly_that() {
    let build =
        |time: u32| move |made: &PathBuf| fs::write(made.join("loader.efi"), loader(time)).unwrap();
    assert_eq!(
        diff(&two_builds(build(1_700_000_000), build(1_700_000_001))),
        (
            Some(1),
            "artifact loader.efi: PE time stamp (bytes 136 to 139)\n\
             artifacts=same but for PE time stamp\n"
                .to_owned()
        )
    );
}

#[test]
fn builds_that_differ_by_one_link_are_told_by_exactly_that() {
    let build = |linked: bool| {
        move |made: &PathBuf| {
            fs::write(made.join("gzip"), "program").unwrap();
            match linked {
                true => fs::hard_link(made.join("gzip"), made.join("zcat")).unwrap(),
                false => fs::write(made.join("zcat"), "program").unwrap(),
            }
        }
    };
    assert_eq!(
        diff(&two_builds(build(true), build(false))),
        (
            Some(1),
            "artifact zcat: hard links: hardlink was gzip, is zcat\n\
             artifacts=same but for hard links\n"
                .to_owned()
        )
    );
}

#[test]
fn builds_that_differ_by_one_bit_are_told_by_exactly_that() {
    let build =
        |byte: u8| move |made: &PathBuf| fs::write(made.join("kernel"), [1, 2, byte]).unwrap();
    assert_eq!(
        diff(&two_builds(build(0b100), build(0b101))),
        (
            Some(1),
            "artifact kernel: one bit: bit 0 of byte 2\nartifacts=different\n".to_owned()
        )
    );
}

#[test]
fn manifests_are_compared_entry_by_entry() {
    let manifest = |time: &str, links: &str, mode: &str| {
        let text = format!(
            "#mtree\n. type=dir mode=0755\n\
             ./a type=file mode=0644 size=3 nlink={links} time={time}\n\
             ./b type=file mode={mode} size=3\n"
        );
        move |made: &PathBuf| fs::write(made.join("world.mtree"), &text).unwrap()
    };
    assert_eq!(
        diff(&two_builds(
            manifest("5.0", "1", "0644"),
            manifest("6.0", "2", "0644")
        )),
        (
            Some(1),
            "artifact world.mtree: entry a: hard links: nlink was 1, is 2\n\
             artifact world.mtree: entry a: time stamp: time was 5.0, is 6.0\n\
             artifacts=same but for hard links, time stamps\n"
                .to_owned()
        )
    );
    assert_eq!(
        diff(&two_builds(
            manifest("5.0", "1", "0644"),
            manifest("5.0", "1", "0600")
        )),
        (
            Some(1),
            "artifact world.mtree: entry b: mode was 0644, is 0600\nartifacts=different\n"
                .to_owned()
        )
    );
}

#[test]
fn checks_records_and_circumstances_are_compared() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.work().join("made")).unwrap();
    for version in [1, 2] {
        sandbox.write("it.scm", &maker(version));
        let _ = sandbox.run(&["it.scm"]).fails_with(1);
    }
    let folders = folders(&sandbox);
    let (one, other) = (id(&folders[0]), id(&folders[1]));
    let outcome = sandbox.run(&["runs", "diff", &one, &other]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    for expected in [
        "circumstance harness_sha256: was ",
        "check broken: make: worse\n",
        "check fixed: make: better\n",
        "check new: make: new\n",
        "check vanished: make: old\n",
        "artifacts=same\n",
    ] {
        assert!(
            outcome.stdout.contains(expected),
            "{expected}\n{}",
            outcome.stdout
        );
    }
    assert!(!outcome.stdout.contains("steady"), "{}", outcome.stdout);
    let told = sandbox.run(&["runs", "diff", "--json", &one, &other]);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        told["checks"][0],
        json!({ "group": "make", "name": "worse", "turn": "broken" })
    );
    assert_eq!(told["verdict"], "same");
}

#[test]
fn diffoscope_is_asked_about_what_nobody_here_knows() {
    use std::os::unix::fs::PermissionsExt;
    let build =
        |text: &'static str| move |made: &PathBuf| fs::write(made.join("kernel"), text).unwrap();
    let runs = two_builds(build("one"), build("two"));
    let program = runs.0.write(
        "bin/diffoscope",
        "#!/bin/sh\nprintf 'seen \\033[2J by %s\\n' \"$1\"\nexit 1\n",
    );
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = runs.0.command(&["runs", "diff", &runs.1, &runs.2]);
    let path = std::env::var("PATH").unwrap();
    command.env(
        "PATH",
        format!("{}:{path}", program.parent().unwrap().display()),
    );
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(told.contains("  seen \\x1b[2J by --text\n"), "{told}");
}

#[test]
fn trends_tell_a_step_over_all_runs_and_since_when_it_fails() {
    let sandbox = Sandbox::new();
    for good in [true, true, false] {
        let value = if good { "#t" } else { "#f" };
        sandbox.write(
            "it.scm",
            &format!(
                "(use-modules (fruix harness))
                 (harness \"it\" (step \"boot\" (check \"it is up\" {value})))"
            ),
        );
        let outcome = sandbox.run(&["it.scm"]);
        assert_eq!(outcome.status, Some(if good { 0 } else { 1 }));
    }
    let told = sandbox.run(&["runs", "trends", "boot"]).success();
    assert_eq!(told.lines().count(), 4, "{told}");
    let last = told.lines().last().unwrap();
    assert!(
        last.starts_with("it / boot (none): 3 runs, 1 failed, the first of them 20"),
        "{told}"
    );
    let told = sandbox.run(&["runs", "trends", "--json"]).success();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["points"].as_array().unwrap().len(), 3);
    assert_eq!(told["trends"][0]["failed"], 1);
    assert_eq!(told["trends"][0]["step"], serde_json::Value::Null);
}
