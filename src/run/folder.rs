//! The folders of runs: one each, named after its run, below one directory.
//!
//! A folder holds the journal, `source/` with a copy of the harness and of the
//! modules that were loaded from files, and whatever the harness keeps there. The
//! process that works on a run holds a lock on the file `lock`, so that a run
//! that goes on is told from one whose process is gone; the lock ends with the
//! process, however that ends. Folders are 0700: what is in them names hosts.

use super::journal::{self, Entry, Line, Reading, State, StepPath};
use super::verdict::Verdict;
use crate::failure::{Failure, Key};
use crate::private;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The copies of harness and modules, in the folder of a run.
pub const SOURCE: &str = "source";

/// Make a folder for a new run of HARNESS below DIRECTORY; its name is the run's
/// identifier, `TIME-HARNESS-DIGITS`.
pub fn create(directory: &Path, harness: &str) -> Result<(String, PathBuf), Failure> {
    let word: String = harness
        .chars()
        .take(100)
        .map(|letter| {
            if letter.is_ascii_alphanumeric() || letter == '-' {
                letter
            } else {
                '-'
            }
        })
        .collect();
    let stamp = journal::timestamp(journal::now());
    private::create_directory(directory).map_err(|error| cannot("make", directory, error))?;
    loop {
        // Folders of several machines may come together, so their names must differ
        // although their process numbers may not.
        let digits = uuid::Uuid::new_v4().simple().to_string();
        let id = format!("{stamp}-{word}-{}", &digits[..6]);
        let folder = directory.join(&id);
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok((id, folder)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot("make", &folder, error)),
        }
    }
}

/// Hold the run in FOLDER, until what this returns is dropped; `None` when another
/// process works on it.
pub fn hold(folder: &Path) -> Result<Option<File>, Failure> {
    let path = folder.join("lock");
    let file = private::options()
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|error| cannot("hold", folder, error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(cannot("hold", folder, error.into())),
    }
}

/// Keep the run in FOLDER from being removed or gone on with, until what this returns is
/// dropped; `None` when a process works on it, or it cannot be.
pub fn keep(folder: &Path) -> Option<File> {
    let file = File::open(folder.join("lock")).ok()?;
    flock(&file, FlockOperation::NonBlockingLockShared).ok()?;
    Some(file)
}

/// Whether a process works on the run in FOLDER now.
pub fn is_held(folder: &Path) -> bool {
    let lock = folder.join("lock");
    lock.is_file()
        && File::open(lock)
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// The folders of runs below DIRECTORY, oldest first; before them those whose names say
/// nothing of a time.
pub fn list(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut runs = Vec::new();
    match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(runs),
        Err(error) => return Err(cannot("list", directory, error)),
        Ok(entries) => {
            for entry in entries {
                let path = entry
                    .map_err(|error| cannot("list", directory, error))?
                    .path();
                // A process may have been killed before it began a journal.
                if path.join(journal::NAME).is_file() || (is_id(&id(&path)) && path.is_dir()) {
                    runs.push(path);
                }
            }
        }
    }
    runs.sort_by_key(|run| (is_id(&id(run)), run.clone()));
    Ok(runs)
}

/// Whether NAME begins as the identifiers of runs do, with a time.
pub fn is_id(name: &str) -> bool {
    name.split_once('-').is_some_and(|(stamp, _)| {
        stamp.len() == journal::timestamp(0).len()
            && stamp
                .bytes()
                .zip(journal::timestamp(0).bytes())
                .all(|(letter, pattern)| match pattern.is_ascii_digit() {
                    true => letter.is_ascii_digit(),
                    false => letter == pattern,
                })
    })
}

/// The identifier of the run in FOLDER.
pub fn id(folder: &Path) -> String {
    folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// A run as its folder tells it.
#[derive(Clone, Debug)]
pub struct Summary {
    pub id: String,
    pub folder: PathBuf,
    pub harness: String,
    /// When it began, in seconds since 1970; none when its journal says nothing.
    pub began: Option<u64>,
    /// When its last line was written.
    pub last: Option<u64>,
    /// How long processes have worked on it that have ended, as far as they say.
    pub worked: Duration,
    /// When the process began that has not said that it ended.
    pub since: Option<u64>,
    /// `live`, `simulated`, `local`, or `none` for a run without a machine.
    pub kind: String,
    /// The machine's host; empty without one.
    pub host: String,
    pub vm: String,
    pub vdi: String,
    pub verdict: Verdict,
    /// The innermost steps that have failed and have not gone well since, in the order
    /// of time, when the run did not pass.
    pub failed: Vec<StepPath>,
    /// What the verdict says, when the run did not pass.
    pub message: Option<String>,
    /// The steps that were passed over by hand, as `OUTER / INNER`.
    pub passed_over: Vec<String>,
    /// Whether its machine was kept, and until when.
    pub kept: Option<Option<u64>>,
    pub reading: Reading,
}

/// What FOLDER tells of its run. A journal that cannot be read makes it damaged, and
/// one that is not there says nothing: one run's trouble is not that of others.
pub fn summary(folder: &Path) -> Summary {
    let mut summary = told(folder);
    if summary.verdict != Verdict::Damaged && is_held(folder) {
        summary.verdict = Verdict::Running;
    }
    summary
}

/// The same, whoever works on it: a process says by this what is to be said of the run
/// that it has just ended.
pub fn told(folder: &Path) -> Summary {
    let path = folder.join(journal::NAME);
    let reading = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Reading::nothing(),
        // Whoever reads something else than a file may wait for ever.
        _ if !path.is_file() => unreadable(),
        _ => journal::read(folder).unwrap_or_else(|_| unreadable()),
    };
    Summary::of(id(folder), folder.to_owned(), reading)
}

fn unreadable() -> Reading {
    Reading {
        state: State::Damaged(1),
        ..Reading::nothing()
    }
}

impl Summary {
    /// What READING, the journal in FOLDER, tells of the run ID.
    pub fn of(id: String, folder: PathBuf, reading: Reading) -> Summary {
        let mut summary = Summary {
            id,
            folder,
            harness: String::new(),
            began: None,
            last: None,
            worked: Duration::ZERO,
            since: None,
            kind: "none".to_owned(),
            host: String::new(),
            vm: String::new(),
            vdi: String::new(),
            verdict: Verdict::Lost,
            failed: Vec::new(),
            message: None,
            passed_over: Vec::new(),
            kept: None,
            reading: Reading::nothing(),
        };
        for line in &reading.lines {
            summary.see(line);
        }
        if let State::Damaged(_) = reading.state {
            summary.verdict = Verdict::Damaged;
        }
        Summary { reading, ..summary }
    }

    /// How long processes have worked on the run until NOW, in seconds since 1970; of
    /// one that was killed as long as its journal goes.
    pub fn duration(&self, now: u64) -> Duration {
        let until = match self.verdict {
            Verdict::Running => Some(now),
            _ => self.last,
        };
        let open = self
            .since
            .zip(until)
            .map_or(0, |(since, until)| until.saturating_sub(since));
        self.worked + Duration::from_secs(open)
    }

    /// Whether the run's machine is kept for it at NOW, in seconds since 1970.
    pub fn keeps_machine(&self, now: u64) -> bool {
        self.kept
            .is_some_and(|until| until.is_none_or(|until| until > now))
    }

    fn see(&mut self, line: &Line) {
        let before = self.last.replace(line.time);
        match &line.entry {
            Entry::Began { harness, .. } => {
                self.harness = harness.clone();
                self.began = Some(line.time);
                self.since = Some(line.time);
            }
            Entry::Machine {
                kind,
                host,
                vm,
                vdi,
                ..
            } => {
                self.kind = kind.clone();
                self.host = host.clone();
                self.vm = vm.clone();
                self.vdi = vdi.clone();
            }
            Entry::StepFailed { step, .. } => {
                // The steps around it fail with it.
                let is_around = self
                    .failed
                    .last()
                    .is_some_and(|failed| failed.len() > step.len() && failed.starts_with(step));
                if !is_around {
                    self.failed.retain(|failed| failed != step);
                    self.failed.push(step.clone());
                }
            }
            // What went well when it was done again has not failed.
            Entry::StepPassed { step, .. } => self.failed.retain(|failed| failed != step),
            // What is done again is passed over no more.
            Entry::StepBegan { step, .. } => {
                let step = step.join(" / ");
                self.passed_over.retain(|passed_over| *passed_over != step);
            }
            Entry::StepPassedOver { step, .. } => {
                self.passed_over.push(step.join(" / "));
            }
            Entry::Kept { machine, until, .. } => {
                self.kept = machine.then_some(*until);
            }
            Entry::Resumed { .. } => {
                self.verdict = Verdict::Lost;
                (self.message, self.kept) = (None, None);
                self.failed.clear();
                // A process that was killed has worked until its last line.
                self.worked += Duration::from_secs(
                    self.since
                        .map_or(0, |since| before.unwrap_or(since).saturating_sub(since)),
                );
                self.since = Some(line.time);
            }
            Entry::Ended {
                verdict,
                message,
                milliseconds,
                ..
            } => {
                self.verdict = Verdict::from_name(verdict);
                self.message = message.clone();
                if self.verdict == Verdict::Pass {
                    self.failed.clear();
                }
                if let Some(since) = self.since.take() {
                    // Journals of version 1 do not say it.
                    self.worked += match milliseconds {
                        0 => Duration::from_secs(line.time.saturating_sub(since)),
                        milliseconds => Duration::from_millis(*milliseconds),
                    };
                }
            }
            _ => {}
        }
    }
}

/// Remove the oldest folders below DIRECTORY of runs that are over, until at most
/// MOST are left; a run that could still be gone on with, or whose machine is
/// kept, stays.
pub fn prune(directory: &Path, most: usize) -> Result<Vec<String>, Failure> {
    let runs = list(directory)?;
    let mut excess = runs.len().saturating_sub(most);
    let mut removed = Vec::new();
    for folder in runs {
        if excess == 0 {
            break;
        }
        let summary = summary(&folder);
        let over = matches!(
            summary.verdict,
            Verdict::Pass | Verdict::Fail | Verdict::Partial | Verdict::NotReady | Verdict::Error
        );
        // What has another name was put there by somebody.
        if !over || !is_id(&summary.id) || summary.keeps_machine(journal::now()) {
            continue;
        }
        let Some(held) = hold(&folder)? else { continue };
        fs::remove_dir_all(&folder).map_err(|error| cannot("remove", &folder, error))?;
        drop(held);
        removed.push(summary.id);
        excess -= 1;
    }
    Ok(removed)
}

fn cannot(verb: &str, path: &Path, error: io::Error) -> Failure {
    Failure::new(
        Key::Settings,
        format!(
            "cannot {verb} the folder of a run, `{}`: {error}",
            path.display()
        ),
    )
    .hint("set XDG_STATE_HOME to a directory that may be written")
    .cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::journal::Journal;
    use std::os::unix::fs::PermissionsExt;

    fn ended(verdict: &str) -> Entry {
        Entry::Ended {
            verdict: verdict.into(),
            message: None,
            milliseconds: 0,
            overhead_microseconds: 0,
        }
    }

    fn run(directory: &Path, entries: Vec<Entry>) -> PathBuf {
        let (_, folder) = create(directory, "x").unwrap();
        let mut journal = Journal::create(&folder).unwrap();
        for entry in entries {
            journal.write(entry).unwrap();
        }
        folder
    }

    #[test]
    fn folders_and_journals_are_for_their_user_alone() {
        let directory = tempfile::tempdir().unwrap();
        let folder = run(&directory.path().join("state/runs"), vec![]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&directory.path().join("state")), 0o700);
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&folder.join(journal::NAME)), 0o600);
    }

    #[test]
    fn a_run_is_running_while_it_is_held_and_lost_when_it_never_ended() {
        let directory = tempfile::tempdir().unwrap();
        let folder = run(directory.path(), vec![]);
        let held = hold(&folder).unwrap().unwrap();
        assert!(hold(&folder).unwrap().is_none());
        assert_eq!(summary(&folder).verdict, Verdict::Running);
        drop(held);
        assert_eq!(summary(&folder).verdict, Verdict::Lost);
        let folder = run(directory.path(), vec![ended("not-ready")]);
        assert_eq!(summary(&folder).verdict, Verdict::NotReady);
    }

    #[test]
    fn one_damaged_run_hides_no_other_and_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let bad = run(directory.path(), vec![ended("fail"), ended("pass")]);
        let good = run(directory.path(), vec![ended("pass")]);
        let path = bad.join(journal::NAME);
        let mut bytes = fs::read(&path).unwrap();
        bytes[70] ^= 0xff;
        fs::write(&path, bytes).unwrap();
        assert_eq!(list(directory.path()).unwrap().len(), 2);
        assert_eq!(summary(&bad).verdict, Verdict::Damaged);
        assert_eq!(summary(&good).verdict, Verdict::Pass);
    }

    fn kept(until: Option<u64>) -> Entry {
        Entry::Kept {
            machine: true,
            why: String::new(),
            until,
            login: None,
        }
    }

    #[test]
    fn what_is_no_run_is_left_out_and_what_may_have_been_one_is_lost_or_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let folder = directory.path().join(name);
            fs::create_dir(&folder).unwrap();
            folder
        };
        folder("foreign");
        let empty = folder("20261130T101205Z-empty-ab12cd");
        let odd = folder("20261130T101206Z-odd-ab12cd");
        fs::create_dir(odd.join(journal::NAME)).unwrap();
        let good = run(directory.path(), vec![ended("pass")]);
        fs::write(directory.path().join("20261130T101206Z-file"), "").unwrap();
        let verdicts: Vec<Verdict> = [&empty, &odd, &good]
            .map(|folder| summary(folder).verdict)
            .into();
        assert_eq!(verdicts, [Verdict::Lost, Verdict::Damaged, Verdict::Pass]);
        assert_eq!(list(directory.path()).unwrap().len(), 3);
    }

    #[test]
    fn a_step_that_went_well_when_it_was_done_again_has_not_failed() {
        let step =
            |names: &[&str]| -> StepPath { names.iter().map(|name| (*name).to_owned()).collect() };
        let failed = |names: &[&str]| Entry::StepFailed {
            step: step(names),
            milliseconds: 0,
            key: String::new(),
            message: String::new(),
        };
        let directory = tempfile::tempdir().unwrap();
        let entries = vec![
            failed(&["a"]),
            Entry::StepPassed {
                step: step(&["a"]),
                milliseconds: 0,
                value: None,
                identity: None,
            },
            failed(&["b", "c"]),
            failed(&["b"]),
            ended("fail"),
        ];
        let found = summary(&run(directory.path(), entries));
        assert_eq!(found.failed, [step(&["b", "c"])]);
    }

    #[test]
    fn pruning_takes_those_that_are_over() {
        let directory = tempfile::tempdir().unwrap();
        let ends = journal::now() + 3600;
        let with_machine = run(directory.path(), vec![kept(Some(ends)), ended("fail")]);
        let without_lease = run(directory.path(), vec![kept(None), ended("fail")]);
        // Its machine may be taken by anybody.
        let before = run(directory.path(), vec![kept(Some(1)), ended("fail")]);
        let running = run(directory.path(), vec![ended("fail")]);
        let held = hold(&running).unwrap();
        let lost = run(directory.path(), vec![]);
        let over: Vec<_> = (0..3)
            .map(|_| run(directory.path(), vec![ended("pass")]))
            .collect();
        // All of one second: which of them is the oldest is not known.
        assert_eq!(prune(directory.path(), 7).unwrap().len(), 1);
        assert_eq!(prune(directory.path(), 4).unwrap().len(), 3);
        assert!(with_machine.exists() && without_lease.exists() && lost.exists());
        assert!(running.exists() && !before.exists());
        drop(held);
        assert_eq!(over.iter().filter(|folder| folder.exists()).count(), 0);
    }
}
