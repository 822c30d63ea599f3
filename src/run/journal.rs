//! The journal: what a run did, one datum a line, on disk before the next step.
//!
//! A run's folder is `<runs directory>/<time>-<harness>-<process>`, and in it
//! `journal.scm`. Lines are association lists of our own making, written and
//! read with lexpr; a line that was cut short by a crash is left out when a
//! journal is read.

use crate::failure::{Failure, Key};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// One thing that a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    Began {
        harness: String,
    },
    StepBegan {
        step: String,
    },
    StepPassed {
        step: String,
        milliseconds: u64,
    },
    StepFailed {
        step: String,
        milliseconds: u64,
        message: String,
    },
    Checked {
        what: String,
    },
    Recorded {
        key: String,
        value: String,
    },
    Ended {
        verdict: String,
    },
}

/// An entry with the time it was written, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub time: u64,
    pub entry: Entry,
}

/// A journal that is being written.
pub struct Journal {
    id: String,
    path: PathBuf,
    file: Option<File>,
}

impl Journal {
    /// Make the folder of a new run of HARNESS below DIRECTORY; without one,
    /// nothing is kept.
    pub fn create(directory: Option<&Path>, harness: &str) -> Result<Journal, Failure> {
        let word: String = harness
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || letter == '-' {
                    letter
                } else {
                    '-'
                }
            })
            .collect();
        let stamp = timestamp(now());
        let id = format!("{stamp}-{word}-{}", std::process::id());
        let Some(directory) = directory else {
            return Ok(Journal {
                id,
                path: PathBuf::new(),
                file: None,
            });
        };
        // Two runs of one process within a second get folders of their own.
        for attempt in 0..1000 {
            let id = if attempt == 0 {
                id.clone()
            } else {
                format!("{id}.{attempt}")
            };
            let folder = directory.join(&id);
            let created = fs::create_dir_all(directory).and_then(|()| fs::create_dir(&folder));
            match created {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(cannot("make", &folder, error)),
            }
            let path = folder.join("journal.scm");
            let file = OpenOptions::new()
                .append(true)
                .create_new(true)
                .open(&path)
                .map_err(|error| cannot("make", &path, error))?;
            return Ok(Journal {
                id,
                path,
                file: Some(file),
            });
        }
        Err(Failure::internal("a thousand runs began within one second"))
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// Add ENTRY; it is with the operating system when this returns. After a
    /// failure nothing more is kept: a journal with holes would lie.
    pub fn write(&mut self, entry: Entry) -> Result<(), Failure> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let line = Line { time: now(), entry };
        let mut text = serde_lexpr::to_string(&line).map_err(Failure::internal)?;
        text.push('\n');
        if let Err(error) = file.write_all(text.as_bytes()) {
            self.file = None;
            return Err(cannot("write", &self.path, error));
        }
        Ok(())
    }
}

/// The lines of the journal in the folder RUN, as far as they are whole.
pub fn read(run: &Path) -> Result<Vec<Line>, Failure> {
    let path = run.join("journal.scm");
    let text = fs::read_to_string(&path).map_err(|error| cannot("read", &path, error))?;
    Ok(text
        .lines()
        .filter_map(|line| serde_lexpr::from_str(line).ok())
        .collect())
}

/// The folders of runs below DIRECTORY, oldest first.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut runs = Vec::new();
    match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(runs),
        Err(error) => return Err(cannot("list", directory, error)),
        Ok(entries) => {
            for entry in entries {
                let path = entry
                    .map_err(|error| cannot("list", directory, error))?
                    .path();
                if path.join("journal.scm").is_file() {
                    runs.push(path);
                }
            }
        }
    }
    runs.sort();
    Ok(runs)
}

fn cannot(verb: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::new(
        Key::Settings,
        format!(
            "cannot {verb} the journal of a run, `{}`: {error}",
            path.display()
        ),
    )
    .hint("set XDG_STATE_HOME to a directory that may be written")
    .cause(error)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// SECONDS since 1970 as `20261123T060000Z`, which sorts by time.
pub fn timestamp(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0))
        .map_or_else(
            || seconds.to_string(),
            |time| time.format("%Y%m%dT%H%M%SZ").to_string(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_the_calendar_has_it() {
        // The expectations are what `date -u -d @SECONDS +%Y%m%dT%H%M%SZ` prints.
        assert_eq!(timestamp(0), "19700101T000000Z");
        assert_eq!(timestamp(951_782_400), "20000229T000000Z");
        assert_eq!(timestamp(1_767_225_599), "20251231T235959Z");
        assert_eq!(timestamp(4_107_542_400), "21000301T000000Z");
    }

    #[test]
    fn a_journal_that_was_cut_short_is_read_up_to_the_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(Some(folder.path()), "phase 20").unwrap();
        let step = "build \"the\" world (1)".to_owned();
        journal
            .write(Entry::StepBegan { step: step.clone() })
            .unwrap();
        journal
            .write(Entry::Recorded {
                key: "a".into(),
                value: "λ;#|".into(),
            })
            .unwrap();
        let runs = list(folder.path()).unwrap();
        let path = runs[0].join("journal.scm");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("((time . 1) (entry");
        fs::write(&path, text).unwrap();
        let entries: Vec<Entry> = read(&runs[0])
            .unwrap()
            .into_iter()
            .map(|line| line.entry)
            .collect();
        assert_eq!(
            entries,
            [
                Entry::StepBegan { step },
                Entry::Recorded {
                    key: "a".into(),
                    value: "λ;#|".into()
                }
            ]
        );
    }

    #[test]
    fn two_runs_within_a_second_have_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let one = Journal::create(Some(folder.path()), "x").unwrap();
        let two = Journal::create(Some(folder.path()), "x").unwrap();
        assert_ne!(one.id(), two.id());
    }
}
