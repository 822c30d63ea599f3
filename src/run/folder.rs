//! The folders of runs: one each, named after its run, below one directory.
//!
//! A folder holds the journal, `source/` with a copy of the harness and of the
//! modules that were loaded from files, and whatever the harness keeps there. The
//! process that works on a run holds a lock on the file `lock`, so that a run
//! that goes on is told from one whose process is gone; the lock ends with the
//! process, however that ends. Folders are 0700: what is in them names hosts.

use super::journal::{self, Entry, Line, Reading, State};
use super::verdict::Verdict;
use crate::failure::{Failure, Key};
use crate::private;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

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

/// Whether a process works on the run in FOLDER now.
pub fn is_held(folder: &Path) -> bool {
    File::open(folder.join("lock"))
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// The folders of runs below DIRECTORY, oldest first.
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
                if path.join(journal::NAME).is_file() {
                    runs.push(path);
                }
            }
        }
    }
    runs.sort();
    Ok(runs)
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
    /// `live`, `simulated`, `local`, or `none` for a run without a machine.
    pub kind: String,
    /// The machine's host; empty without one.
    pub host: String,
    pub vm: String,
    pub vdi: String,
    pub verdict: Verdict,
    /// The innermost step that failed last, when the run did not pass.
    pub failing: Option<String>,
    /// What the verdict says, when the run did not pass.
    pub message: Option<String>,
    /// Whether its machine was kept, and until when.
    pub kept: Option<Option<u64>>,
    pub reading: Reading,
}

/// What FOLDER tells of its run. A journal that cannot be read makes it damaged:
/// one run's trouble is not that of others.
pub fn summary(folder: &Path) -> Summary {
    let reading = journal::read(folder).unwrap_or_else(|_| Reading {
        state: State::Damaged(1),
        ..journal::parse(b"")
    });
    let mut summary = Summary {
        id: id(folder),
        folder: folder.to_owned(),
        harness: String::new(),
        began: None,
        last: None,
        kind: "none".to_owned(),
        host: String::new(),
        vm: String::new(),
        vdi: String::new(),
        verdict: Verdict::Lost,
        failing: None,
        message: None,
        kept: None,
        reading,
    };
    let lines: Vec<Line> = summary.reading.lines.clone();
    for line in &lines {
        summary.see(line);
    }
    if let State::Damaged(_) = summary.reading.state {
        summary.verdict = Verdict::Damaged;
    } else if is_held(folder) {
        summary.verdict = Verdict::Running;
    }
    summary
}

impl Summary {
    fn see(&mut self, line: &Line) {
        self.last = Some(line.time);
        match &line.entry {
            Entry::Began { harness, .. } => {
                self.harness = harness.clone();
                self.began = Some(line.time);
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
            Entry::StepFailed { step, .. } if self.failing.is_none() => {
                self.failing = Some(step.join(" / "));
            }
            Entry::Kept { machine, until, .. } => {
                self.kept = machine.then_some(*until);
            }
            Entry::Resumed { .. } => {
                self.verdict = Verdict::Lost;
                (self.failing, self.message, self.kept) = (None, None, None);
            }
            Entry::Ended {
                verdict, message, ..
            } => {
                self.verdict = Verdict::from_name(verdict);
                self.message = message.clone();
                if self.verdict == Verdict::Pass {
                    self.failing = None;
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
        if !over || summary.kept.is_some() {
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

    #[test]
    fn pruning_takes_the_oldest_that_are_over() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Entry::Kept {
            machine: true,
            why: String::new(),
            until: None,
            login: None,
        };
        let with_machine = run(directory.path(), vec![kept, ended("fail")]);
        let lost = run(directory.path(), vec![]);
        let over: Vec<_> = (0..3)
            .map(|_| run(directory.path(), vec![ended("pass")]))
            .collect();
        assert_eq!(prune(directory.path(), 3).unwrap().len(), 2);
        assert!(with_machine.exists() && lost.exists());
        assert_eq!(over.iter().filter(|folder| folder.exists()).count(), 1);
    }
}
