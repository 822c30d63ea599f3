//! A run of a harness: its steps as they happen, and the record it leaves.
//!
//! [`record`] is what a run found out, as `key=value` lines in a fixed order;
//! [`journal`] is what it did, written to disk step by step, so that a process
//! that is killed leaves what it had done. Deciding what a step is belongs to
//! the harness (`scheme/fruix/harness.scm`); showing it belongs to `cli`.

pub mod journal;
pub mod primitives;
pub mod record;

use crate::clock::Stopwatch;
use crate::failure::{Failure, Key};
use crate::progress::{Event, tell};
use journal::{Entry, Journal};
use record::Record;
use std::path::{Path, PathBuf};

/// A harness that is running.
pub struct Run {
    name: String,
    record: Record,
    journal: Journal,
    steps: Vec<(String, Stopwatch)>,
    metadata_file: Option<PathBuf>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed(String),
}

impl Run {
    /// Begin a run of the harness NAME that promises to record KEYS, in that
    /// order. The journal goes into a new folder below RUNS_DIRECTORY, or is
    /// kept in memory where that is `None`. The record of a run that passes is
    /// also written to METADATA_FILE.
    pub fn begin(
        name: &str,
        keys: Vec<String>,
        runs_directory: Option<&Path>,
        metadata_file: Option<PathBuf>,
    ) -> Result<Run, Failure> {
        if let Some(file) = &metadata_file {
            record::check_destination(file)?;
        }
        let journal = match Journal::create(runs_directory, name) {
            Ok(journal) => journal,
            Err(failure) => {
                not_kept(&failure);
                Journal::create(None, name)?
            }
        };
        let mut run = Run {
            name: name.to_owned(),
            record: Record::new(keys),
            journal,
            steps: Vec::new(),
            metadata_file,
        };
        run.keep(Entry::Began {
            harness: name.to_owned(),
        });
        Ok(run)
    }

    /// Write ENTRY to the journal. A journal that cannot be written is told
    /// and goes without: it must not end the hours of work that it is about.
    fn keep(&mut self, entry: Entry) {
        if let Err(failure) = self.journal.write(entry) {
            not_kept(&failure);
        }
    }

    /// The name of the folder that holds the journal.
    pub fn id(&self) -> &str {
        self.journal.id()
    }

    /// A step called NAME begins; steps may nest.
    pub fn step_began(&mut self, name: &str) {
        self.steps.push((name.to_owned(), Stopwatch::start()));
        tell(Event::StepStarted {
            name: name.to_owned(),
        });
        self.keep(Entry::StepBegan {
            step: name.to_owned(),
        });
    }

    /// The step that began last has ended, with MESSAGE when it failed.
    pub fn step_ended(&mut self, message: Option<&str>) -> Result<(), Failure> {
        let Some((name, began)) = self.steps.pop() else {
            return Err(Failure::new(Key::Usage, "no step is running"));
        };
        let elapsed = began.elapsed();
        match message {
            None => {
                tell(Event::StepPassed {
                    name: name.clone(),
                    elapsed,
                });
                self.keep(Entry::StepPassed {
                    step: name,
                    milliseconds: milliseconds(elapsed),
                });
            }
            Some(message) => {
                tell(Event::StepFailed {
                    name: name.clone(),
                    elapsed,
                    message: message.to_owned(),
                });
                self.keep(Entry::StepFailed {
                    step: name,
                    milliseconds: milliseconds(elapsed),
                    message: message.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// A check that WHAT describes holds.
    pub fn check_passed(&mut self, what: &str) {
        tell(Event::CheckPassed {
            what: what.to_owned(),
        });
        self.keep(Entry::Checked {
            what: what.to_owned(),
        });
    }

    /// Put VALUE into the record as KEY.
    pub fn record(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        self.record.set(key, value)?;
        self.keep(Entry::Recorded {
            key: key.to_owned(),
            value: value.to_owned(),
        });
        Ok(())
    }

    /// What has been recorded so far, in the promised order.
    pub fn record_entries(&self) -> Vec<(String, String)> {
        self.record.entries()
    }

    /// End the run. One that passed must have recorded every key it promised;
    /// then its record goes to the metadata file.
    pub fn finish(&mut self, verdict: &Verdict) -> Result<(), Failure> {
        let ended = |verdict: &str| Entry::Ended {
            verdict: verdict.to_owned(),
        };
        match verdict {
            Verdict::Passed => {
                self.record.check_complete(&self.name)?;
                if let Some(file) = &self.metadata_file {
                    self.record.write_to(file)?;
                }
                self.keep(ended("pass"));
            }
            Verdict::Failed(_) => self.keep(ended("fail")),
        }
        Ok(())
    }
}

fn not_kept(failure: &Failure) {
    tell(Event::Note {
        text: format!("this run is not kept: {failure}"),
    });
}

fn milliseconds(elapsed: std::time::Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
