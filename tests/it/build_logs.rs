//! Logs of builds, each with what is to be read in it: `fixtures/build-logs`.
//! Adding a case touches no Rust.

use fruix_scm::ssh::build_log::{self, How};
use fruix_scm::ssh::estimate::Reading;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// What is read in LOG, a line a fact.
fn reading(log: &str) -> String {
    let mut said = String::new();
    let mut tell = |fact: &str, what: &str| said += &format!("{fact} {what}\n");
    let mut reading = Reading::new(None);
    for line in log.lines() {
        let before = reading.stage.take();
        reading.take(line, Duration::ZERO);
        match &reading.stage {
            Some(stage) => tell("stage", stage),
            None => reading.stage = before,
        }
    }
    tell("warnings", &reading.warnings.to_string());
    if let Some(cause) = build_log::cause(log) {
        if let Some(target) = &cause.target {
            tell("target", target);
        }
        match cause.how {
            How::Status(status) => tell("status", &status.to_string()),
            How::Signal(signal) => tell("signal", &signal.to_string()),
            How::Refused => {}
        }
        if let Some(directory) = &cause.directory {
            tell("directory", directory);
        }
        tell("told", &cause.told());
        for line in &cause.lines {
            tell("line", line);
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
    assert!(logs.len() >= 10, "only {} logs", logs.len());
    for path in logs {
        let expected = fs::read_to_string(path.with_extension("reading")).unwrap();
        let log = fs::read_to_string(&path).unwrap();
        let read = reading(&log);
        assert_eq!(read, expected, "{}:\n{read}", path.display());
    }
}
