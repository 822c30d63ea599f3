//! Logs of builds, each with what is to be read in it: `fixtures/build-logs`.
//! Adding a case touches no Rust. With FRUIX_SCM_WRITE_READINGS set what is read
//! is written down instead, to be looked at.

use crate::support::{Sandbox, installed};
use fruix_scm::ssh::build_log::{How, Outcome, Reader};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is read in LOG, a line a fact.
fn reading(log: &[u8]) -> String {
    let mut said = String::new();
    let mut tell = |fact: &str, what: &str| said += &format!("{fact} {what}\n");
    let mut reader = Reader::new();
    let mut stage = None;
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => reader.take(line),
            None => reader.torn(line),
        }
        let now = reader.stage().map(str::to_owned);
        if now != stage {
            tell("stage", now.as_deref().unwrap_or_default());
            stage = now;
        }
    }
    tell("warnings", &reader.warnings().to_string());
    match reader.outcome() {
        Outcome::Passed => {}
        Outcome::CutOff => tell("cut", "off"),
        Outcome::Failed(cause) => {
            if let Some(target) = &cause.target {
                tell("target", target);
            }
            match cause.how {
                How::Status(status) => tell("status", &status.to_string()),
                How::Signal(signal) => tell("signal", &signal.to_string()),
                How::Unsaid => {}
            }
            if let Some(directory) = &cause.directory {
                tell("directory", directory);
            }
            tell("told", &cause.told());
            for line in &cause.lines {
                tell("line", line);
            }
        }
    }
    said
}

#[test]
fn every_log_is_read_as_is_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/build-logs");
    let mut logs: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    assert!(logs.len() >= 100, "only {} logs", logs.len());
    let write = std::env::var_os("FRUIX_SCM_WRITE_READINGS").is_some();
    let mut wrong = String::new();
    for path in logs {
        let read = reading(&fs::read(&path).unwrap());
        let beside = path.with_extension("reading");
        if write {
            fs::write(beside, read).unwrap();
        } else if fs::read_to_string(beside).unwrap_or_default() != read {
            wrong += &format!("{}:\n{read}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_verb_tells_the_cause_of_a_plain_and_of_a_compressed_log() {
    let sandbox = Sandbox::new();
    let log = ">>> stage 4.2: building libraries\n\
               a.c:1:2: warning: unused\n--- b.o ---\nb.c:1:1: error: \u{1b}[2Jbad\n\
               *** [b.o] Error code 1\n\nmake[3]: stopped in /s\n";
    let expected = "stage=4.2 building libraries\nwarnings=1\ntarget=b.o\nstatus=1\n\
                    cause=b.c:1:1: error: bad\n";
    sandbox.write("plain.log", log);
    let failed = |file: &str, input: &[u8]| {
        let mut command = sandbox.command(&["log", file]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let outcome = crate::support::wait(child, std::time::Instant::now());
        assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
        outcome.stdout
    };
    assert_eq!(failed("plain.log", b""), expected);
    assert_eq!(failed("-", log.as_bytes()), expected);
    for (program, ending) in [
        ("gzip", "gz"),
        ("xz", "xz"),
        ("bzip2", "bz2"),
        ("zstd", "zst"),
    ] {
        if installed(program).is_none() {
            continue;
        }
        let made = Command::new(program)
            .args(["-k", "-q", "plain.log"])
            .current_dir(sandbox.work())
            .status()
            .unwrap();
        assert!(made.success());
        assert_eq!(failed(&format!("plain.log.{ending}"), b""), expected);
    }
    let json = sandbox.run(&["log", "plain.log", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&json["target"], &json["status"], &json["line"]),
        (&"b.o".into(), &1.into(), &5.into())
    );
}

#[test]
fn the_verb_tells_a_build_that_went_well_from_a_log_that_breaks_off() {
    let sandbox = Sandbox::new();
    sandbox.write("well", "cc -c a.c\ncc -o a a.o\n");
    sandbox.write(
        "signal",
        "cc -c a.c\ngmake: *** [Makefile:1: a.o] Terminated\n",
    );
    sandbox.write("torn", "cc -c a.c\ncc -o a a");
    let said = sandbox.run(&["log", "well"]).success();
    assert_eq!(said, "stage=\nwarnings=0\nstatus=0\n");
    let torn = sandbox.run(&["log", "torn"]);
    assert_eq!(
        (torn.status, &*torn.stdout),
        (Some(3), "stage=\nwarnings=0\nstatus=unknown\n")
    );
    let signal = sandbox.run(&["log", "signal"]);
    assert!(signal.stdout.contains("\nsignal=15\n"), "{}", signal.stdout);
    // gzip that has no end is no error: the log breaks off there.
    let mut bytes = Vec::new();
    let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
    encoder
        .write_all("cc -c a.c\n".repeat(10_000).as_bytes())
        .unwrap();
    encoder.finish().unwrap();
    fs::write(sandbox.work().join("half.gz"), &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(sandbox.run(&["log", "half.gz"]).status, Some(3));
    let missing = sandbox.run(&["log", "none"]).fails_with(4);
    assert!(missing.contains("cannot read the log `none`"), "{missing}");
}
