//! Which logs a run has kept, and of which step and job each is.
//!
//! The journal says it where a job begins. Runs of earlier versions did not; their
//! logs go by the names of files, `JOB.log.gz` and `JOB.2.log.gz`.

use super::journal::{Entry, Reading, StepPath};
use std::path::{Path, PathBuf};

/// A log that a run has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The step that the job was in.
    pub step: StepPath,
    pub job: String,
    pub file: PathBuf,
}

/// The logs of the run in FOLDER, whose journal is READING, in the order of time: those
/// whose files are there.
pub fn of_run(folder: &Path, reading: &Reading) -> Vec<Log> {
    let mut open: Vec<&StepPath> = Vec::new();
    let mut logs: Vec<Log> = Vec::new();
    for entry in reading.entries() {
        match entry {
            Entry::Began { .. } | Entry::Resumed { .. } => open.clear(),
            Entry::StepBegan { step, .. } => open.push(step),
            Entry::StepPassed { step, .. }
            | Entry::StepFailed { step, .. }
            | Entry::StepKept { step, .. } => {
                if let Some(at) = open.iter().rposition(|path| *path == step) {
                    open.truncate(at);
                }
            }
            Entry::JobBegan { name, log, .. } => {
                let file = match log {
                    // The folder may have moved; a file elsewhere has not.
                    Some(log) => in_folder(folder, Path::new(log)),
                    None => folder.join(unsaid(name, &logs)),
                };
                let step = open.last().map(|step| (*step).clone()).unwrap_or_default();
                let log = Log {
                    step,
                    job: name.clone(),
                    file,
                };
                // A job that is followed again goes on in the same file.
                if log.file.is_file() && !logs.contains(&log) {
                    logs.push(log);
                }
            }
            _ => {}
        }
    }
    logs
}

fn in_folder(folder: &Path, log: &Path) -> PathBuf {
    let there = log.file_name().map(|name| folder.join(name));
    let is_of_a_run = log.parent().and_then(Path::file_name) == folder.file_name();
    match there {
        Some(there) if is_of_a_run => there,
        _ => log.to_owned(),
    }
}

/// The file of the next log of the job NAME behind LOGS.
fn unsaid(name: &str, logs: &[Log]) -> String {
    match logs.iter().filter(|log| log.job == name).count() {
        0 => format!("{name}.log.gz"),
        before => format!("{name}.{}.log.gz", before + 1),
    }
}

/// Those of LOGS that are of the step whose path, written `OUTER / INNER`, has PART in
/// it, of one inside of that, or of a job with PART in its name.
pub fn of_step<'a>(logs: &'a [Log], part: &str) -> Vec<&'a Log> {
    logs.iter()
        .filter(|log| log.step.join(" / ").contains(part) || log.job.contains(part))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::{Line, StepKind};

    fn began(step: &[&str]) -> Entry {
        Entry::StepBegan {
            step: step.iter().map(|name| (*name).to_owned()).collect(),
            kind: StepKind::Result,
            text: String::new(),
            inputs: None,
            nonce: String::new(),
            why: None,
        }
    }

    fn job(name: &str, log: Option<&str>) -> Entry {
        Entry::JobBegan {
            name: name.to_owned(),
            how: "start".to_owned(),
            log: log.map(str::to_owned),
        }
    }

    #[test]
    fn logs_are_those_that_the_journal_names_or_else_go_by_the_names_of_files() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path();
        for name in ["a.log.gz", "a.2.log.gz", "b.log.gz"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let moved = format!(
            "/nowhere/{}/b.log.gz",
            folder.file_name().unwrap().to_str().unwrap()
        );
        let reading = Reading {
            lines: [
                began(&["build"]),
                began(&["build", "one"]),
                job("a", None),
                Entry::StepPassed {
                    step: vec!["build".into(), "one".into()],
                    milliseconds: 0,
                    value: None,
                    identity: None,
                },
                job("a", None),
                job("b", Some(&moved)),
                job("gone", None),
            ]
            .map(|entry| Line { time: 0, entry })
            .into(),
            ..Reading::nothing()
        };
        let logs = of_run(folder, &reading);
        let found: Vec<(String, &str)> = logs
            .iter()
            .map(|log| {
                let file = log.file.file_name().unwrap().to_str().unwrap();
                (log.step.join(" / "), file)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("build / one".to_owned(), "a.log.gz"),
                ("build".to_owned(), "a.2.log.gz"),
                ("build".to_owned(), "b.log.gz"),
            ]
        );
        assert_eq!(of_step(&logs, "one").len(), 1);
        assert_eq!(of_step(&logs, "build").len(), 3);
    }
}
