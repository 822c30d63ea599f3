//! What is asked of git: which revision is to be tried next, and a work tree for it.
//!
//! `git bisect` chooses, in a work tree of its own without files, so that the user's work
//! tree, its index and a bisection that goes on there stay as they are: what it remembers
//! belongs to that work tree and goes with it. Each revision is checked out in a fresh
//! one, where nothing of another lies about.
//!
//! Source: git-bisect(1), git-worktree(1), gitrevisions(7).

use crate::failure::{Failure, Key};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The variables by which git is told of another repository than where it runs.
pub const VARIABLES: [&str; 5] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
];

/// A repository that a bisection goes through.
pub struct Repository {
    top: PathBuf,
}

/// Where a bisection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This revision is to be tried, and what git says of how many are left.
    Try(String, String),
    /// This is the first bad one.
    First(String),
    /// It is one of these, of which nobody can tell.
    OneOf(Vec<String>),
}

/// What a commit says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    pub subject: String,
    pub author: String,
    pub date: String,
}

impl Repository {
    /// The one that DIRECTORY is in.
    pub fn of(directory: &Path) -> Result<Repository, Failure> {
        let output = ask(directory, &["rev-parse", "--show-toplevel"])?;
        let top = PathBuf::from(OsString::from_vec(line(output)));
        Ok(Repository {
            top: fs::canonicalize(&top).unwrap_or(top),
        })
    }

    /// The one whose work tree is TOP.
    pub fn at(top: &Path) -> Repository {
        Repository {
            top: top.to_owned(),
        }
    }

    /// Its work tree.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// The commit that REVISION names, by its full digest.
    pub fn commit(&self, revision: &str) -> Result<String, Failure> {
        let name = format!("{revision}^{{commit}}");
        let found = ask(
            &self.top,
            &["rev-parse", "--verify", "--end-of-options", &name],
        )?;
        Ok(text(line(found)))
    }

    /// What COMMIT says of itself.
    pub fn told(&self, commit: &str) -> Result<Commit, Failure> {
        let format = "--format=%s%x00%an <%ae>%x00%cI";
        let said = text(line(ask(
            &self.top,
            &["show", "--no-patch", "--no-show-signature", format, commit],
        )?));
        let mut parts = said.split('\0').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        Ok(Commit {
            subject: part(),
            author: part(),
            date: part(),
        })
    }

    /// Make a work tree at PLACE of REVISION, with its files.
    pub fn check_out(&self, place: &Path, revision: &str) -> Result<(), Failure> {
        let place = place.as_os_str();
        ask_os(
            &self.top,
            &["worktree", "add", "--detach", "--force"],
            &[place, OsStr::new(revision)],
        )
        .map(drop)
    }

    /// Remove the work tree at PLACE, whatever lies in it, and what git knows of it.
    pub fn remove(&self, place: &Path) -> Result<(), Failure> {
        let arguments = ["worktree", "remove", "--force", "--force"];
        let removed = ask_os(&self.top, &arguments, &[place.as_os_str()]);
        // What git does not know of was left by a process that was killed early.
        if fs::symlink_metadata(place).is_ok() {
            fs::remove_dir_all(place).map_err(|error| {
                Failure::new(
                    Key::System,
                    format!("cannot remove the work tree `{}`: {error}", place.display()),
                )
                .cause(error)
            })?;
            if removed.is_err() {
                let _ = ask_os(&self.top, &arguments, &[place.as_os_str()]);
            }
        }
        Ok(())
    }

    /// Begin to bisect between GOOD and BAD, in a work tree without files at PLACE.
    pub fn begin(&self, place: &Path, good: &str, bad: &str) -> Result<Graph, Failure> {
        ask_os(
            &self.top,
            &["worktree", "add", "--detach", "--force", "--no-checkout"],
            &[place.as_os_str(), OsStr::new(bad)],
        )?;
        let mut graph = Graph {
            place: place.to_owned(),
            left: String::new(),
        };
        graph.ask(&["start", "--no-checkout", bad, good])?;
        Ok(graph)
    }
}

/// What git knows of a bisection.
pub struct Graph {
    place: PathBuf,
    /// What git has said of how many revisions are left.
    left: String,
}

impl Graph {
    /// REVISION is HOW: `good`, `bad` or `skip`.
    pub fn mark(&mut self, revision: &str, how: &str) -> Result<(), Failure> {
        self.ask(&[how, revision])
    }

    fn ask(&mut self, arguments: &[&str]) -> Result<(), Failure> {
        let arguments = [&["bisect"], arguments].concat();
        let output = output(&self.place, &arguments, &[])?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let left = said.lines().find(|line| line.starts_with("Bisecting: "));
        self.left = left
            .and_then(|line| line.strip_prefix("Bisecting: "))
            .unwrap_or_default()
            .to_owned();
        // 2: only revisions are left of which nobody can tell.
        match output.status.code() {
            Some(0 | 2) => Ok(()),
            _ => Err(refused(&self.place, &output)),
        }
    }

    /// Which revision is to be tried next.
    pub fn next(&self) -> Result<Next, Failure> {
        let log = text(ask(&self.place, &["bisect", "log"])?);
        // `# WORDS: [DIGEST] SUBJECT`
        let digest = |line: &str, words: &str| {
            let rest = line.strip_prefix(words)?.strip_prefix(": [")?;
            rest.split_once(']').map(|(digest, _)| digest.to_owned())
        };
        let all = |words: &str| -> Vec<String> {
            log.lines().filter_map(|line| digest(line, words)).collect()
        };
        if let Some(first) = all("# first bad commit").pop() {
            return Ok(Next::First(first));
        }
        let mut possible = all("# possible first bad commit");
        if !possible.is_empty() {
            // Each mark that changes nothing more has told them once more.
            let mut told = HashSet::new();
            possible.retain(|digest| told.insert(digest.clone()));
            return Ok(Next::OneOf(possible));
        }
        let next = ask(&self.place, &["rev-parse", "--verify", "BISECT_HEAD"])?;
        Ok(Next::Try(text(line(next)), self.left.clone()))
    }
}

/// What git answers in DIRECTORY to ARGUMENTS.
fn ask(directory: &Path, arguments: &[&str]) -> Result<Vec<u8>, Failure> {
    ask_os(directory, arguments, &[])
}

fn ask_os(directory: &Path, arguments: &[&str], rest: &[&OsStr]) -> Result<Vec<u8>, Failure> {
    let output = output(directory, arguments, rest)?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(refused(directory, &output)),
    }
}

fn output(directory: &Path, arguments: &[&str], rest: &[&OsStr]) -> Result<Output, Failure> {
    let mut command = Command::new("git");
    // No hook of the user's is to run in a work tree of ours, and words are English. What
    // git has begun it ends, also when Ctrl-C is pressed.
    command
        .arg("-C")
        .arg(directory)
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "advice.detachedHead=false",
        ])
        .args(arguments)
        .args(rest)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .process_group(0);
    for name in VARIABLES {
        command.env_remove(name);
    }
    command.output().map_err(|error| {
        Failure::new(Key::System, format!("cannot run git: {error}"))
            .hint("`bisect` lets git choose the revisions; install git")
            .cause(error)
    })
}

fn refused(directory: &Path, output: &Output) -> Failure {
    let said = [&output.stderr, &output.stdout].map(|said| String::from_utf8_lossy(said));
    let first = said.iter().flat_map(|said| said.lines());
    let first = first.map(str::trim).find(|line| !line.is_empty());
    let first = first.unwrap_or("it failed").trim_start_matches("fatal: ");
    Failure::new(
        Key::Usage,
        format!("git refuses in `{}`: {first}", directory.display()),
    )
}

/// OUTPUT without the end of its line.
fn line(mut output: Vec<u8>) -> Vec<u8> {
    if output.last() == Some(&b'\n') {
        output.pop();
    }
    output
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
