//! What git knows of a module and of the record beside it.
//!
//! A merge or a rebase may leave a record in which one side's facts are gone, and
//! a version may have been raised in a commit without a record. The commits still
//! tell, so they are asked. A module outside of any work tree has no such past.

use crate::failure::{Failure, Key};
use crate::media::primitives::definitions;
use crate::media::{self, History, Record};
use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many commits that touched a path are looked at, the newest first.
const MOST: &str = "--max-count=500";

/// How many commits are loaded to see what an unrecorded value stood for.
const LOADED: usize = 50;

/// The work tree that a module is in.
pub struct Repository {
    top: PathBuf,
    /// The module, relative to the top.
    file: PathBuf,
}

/// What git would commit now, in a place of its own.
pub struct Staged {
    directory: tempfile::TempDir,
    file: PathBuf,
    history: History,
}

/// What the commits know of FILE; nothing without a work tree.
pub fn history(file: &Path) -> Result<History, Failure> {
    match Repository::of(file)? {
        Some(repository) => repository.history(),
        None => Ok(History::default()),
    }
}

impl Repository {
    /// The work tree that FILE is in, if any.
    pub fn of(file: &Path) -> Result<Option<Repository>, Failure> {
        let Ok(real) = fs::canonicalize(file) else {
            return Ok(None);
        };
        let Some(directory) = real.parent() else {
            return Ok(None);
        };
        let marked = |directory: &&Path| directory.join(".git").exists();
        if directory.ancestors().find(marked).is_none() {
            return Ok(None);
        }
        let mut top = ask(directory, &["rev-parse", "--show-toplevel"], &[])?;
        if top.last() == Some(&b'\n') {
            top.pop();
        }
        let top = PathBuf::from(<OsString as std::os::unix::ffi::OsStringExt>::from_vec(top));
        let top = fs::canonicalize(&top).unwrap_or(top);
        Ok(real.strip_prefix(&top).ok().map(|file| Repository {
            file: file.to_owned(),
            top: top.clone(),
        }))
    }

    /// What the commits know.
    pub fn history(&self) -> Result<History, Failure> {
        let mut history = History::default();
        let record = self.file.with_extension("layouts.scm");
        for text in self.texts(&self.revisions(&record)?, &record)? {
            // Older ways to write a record are none of ours.
            if let Ok(record) = Record::parse(&text) {
                history.record.learn(record);
            }
        }
        for text in self.texts(&self.revisions(&self.file)?, &self.file)? {
            history.values.extend(values(&text));
        }
        Ok(history)
    }

    /// The module as it stood in each commit in which one of VERSIONS, (name, value),
    /// had its value, in places of their own.
    pub fn earlier(
        &self,
        versions: &[(String, String)],
    ) -> Result<Vec<(tempfile::TempDir, PathBuf)>, Failure> {
        let part = self.part();
        let revisions = self.revisions(&part)?;
        let texts = self.texts(&revisions, &self.file)?;
        let with_them = revisions.iter().zip(texts).filter(|(_, text)| {
            let values = values(text);
            versions.iter().any(|version| values.contains(version))
        });
        with_them
            .take(LOADED)
            .map(|(revision, _)| {
                let directory = scratch()?;
                let name = part.to_string_lossy();
                let archive = ask(&self.top, &["archive", revision, "--", &name], &[])?;
                tar::Archive::new(archive.as_slice())
                    .unpack(directory.path())
                    .map_err(|error| cannot("unpack a commit of", &self.file, &error))?;
                let file = directory.path().join(&self.file);
                Ok((directory, file))
            })
            .collect()
    }

    /// The directory at the top that the module is below, with what it uses.
    fn part(&self) -> PathBuf {
        self.file.iter().take(1).collect()
    }

    /// The commits that touched PATH, among them those of a branch that is just
    /// being merged.
    fn revisions(&self, path: &Path) -> Result<Vec<String>, Failure> {
        let heads = ["HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD"];
        let mut arguments = vec!["log", "--full-history", "--format=%H", MOST];
        for head in heads {
            if ask(&self.top, &["rev-parse", "--quiet", "--verify", head], &[]).is_ok() {
                arguments.push(head);
            }
        }
        if arguments.len() == 4 {
            return Ok(Vec::new());
        }
        let path = path.to_string_lossy();
        arguments.extend(["--", &path]);
        let text = ask(&self.top, &arguments, &[])?;
        Ok(String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// The text of PATH in each of REVISIONS, empty where it is not there.
    fn texts(&self, revisions: &[String], path: &Path) -> Result<Vec<String>, Failure> {
        let asked: String = revisions
            .iter()
            .map(|revision| format!("{revision}:{}\n", path.display()))
            .collect();
        let answered = ask(&self.top, &["cat-file", "--batch"], asked.as_bytes())?;
        let mut rest = answered.as_slice();
        let mut texts = Vec::new();
        for _ in revisions {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = rest.get(end + 1..).unwrap_or_default();
            let size = match head.rsplit_once(" blob ").or(head.split_once(" blob ")) {
                Some((_, size)) => size.parse().unwrap_or(0),
                None => {
                    texts.push(String::new());
                    continue;
                }
            };
            let bytes = rest.get(..size).unwrap_or_default();
            texts.push(String::from_utf8_lossy(bytes).into_owned());
            rest = rest.get(size + 1..).unwrap_or_default();
        }
        Ok(texts)
    }
}

impl Staged {
    /// What git would commit now of the tree of modules that FILE is in.
    pub fn of(file: &Path) -> Result<Staged, Failure> {
        let Some(repository) = Repository::of(file)? else {
            return Err(Failure::new(
                Key::Media,
                format!(
                    "cannot tell what is staged of `{}`: it is in no work tree of git",
                    file.display()
                ),
            )
            .hint("leave out --staged"));
        };
        let directory = scratch()?;
        let part = repository.part();
        let names = ask(
            &repository.top,
            &["ls-files", "-z", "--", &part.to_string_lossy()],
            &[],
        )?;
        let prefix = format!("--prefix={}/", directory.path().display());
        ask(
            &repository.top,
            &["checkout-index", "-z", "--stdin", &prefix],
            &names,
        )?;
        Ok(Staged {
            file: directory.path().join(&repository.file),
            history: repository.history()?,
            directory,
        })
    }

    /// Where the module stands as git would commit it.
    pub fn file(&self) -> &Path {
        debug_assert!(self.file.starts_with(self.directory.path()));
        &self.file
    }

    pub fn history(&self) -> &History {
        &self.history
    }
}

/// The builder versions in TEXT, (name, value); none in what cannot be read.
fn values(text: &str) -> Vec<(String, String)> {
    let versions = media::find(text, definitions).unwrap_or_default();
    versions
        .into_iter()
        .map(|version| {
            let value = version.value.trim_start_matches('\'').to_owned();
            (version.name, value)
        })
        .collect()
}

fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new()
        .prefix("fruix-scm-commit-")
        .tempdir()
        .map_err(|error| cannot("make a place in", &std::env::temp_dir(), &error))
}

fn cannot(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Key::Media,
        format!("cannot {doing} `{}`: {error}", path.display()),
    )
}

/// What git answers in DIRECTORY to ARGUMENTS when it is given INPUT.
fn ask(directory: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, Failure> {
    let refuse = |why: String| {
        Failure::new(
            Key::Media,
            format!("cannot ask git about `{}`: {why}", directory.display()),
        )
        .hint("git's history tells what values of versions have stood for")
    };
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // A hook is told of its repository relative to where it runs; only the index
    // is one that cannot be found again.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    if let Some(index) = std::env::var_os("GIT_INDEX_FILE")
        && let Ok(index) = std::path::absolute(index)
    {
        command.env("GIT_INDEX_FILE", index);
    }
    let mut child = command.spawn().map_err(|error| refuse(error.to_string()))?;
    let mut stdin = child.stdin.take();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || {
        if let Some(stdin) = &mut stdin {
            // When git stops reading, its status says so.
            let _ = stdin.write_all(&input);
        }
    });
    let mut stderr = child.stderr.take();
    let complaining = std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(stderr) = &mut stderr {
            let _ = stderr.read_to_string(&mut text);
        }
        text
    });
    let mut answer = Vec::new();
    if let Some(stdout) = &mut child.stdout {
        stdout
            .read_to_end(&mut answer)
            .map_err(|error| refuse(error.to_string()))?;
    }
    let status = child.wait().map_err(|error| refuse(error.to_string()))?;
    let _ = writing.join();
    let complaint = complaining.join().unwrap_or_default();
    if status.success() {
        return Ok(answer);
    }
    let first = complaint.lines().next().unwrap_or("it failed");
    Err(refuse(first.to_owned()))
}
