//! The programs of `tests/guile/`, held against what real Guile printed.
//!
//! A case is two files, PROGRAM.scm and PROGRAM.out; adding one touches
//! nothing here. `tests/guile/README.md` says how cases are written.

use crate::support::{Sandbox, finish, installed, skipped};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many lines of a difference are worth reading in a test's report.
const LINES_SHOWN: usize = 8;

#[test]
fn programs_print_what_guile_prints() {
    let names = cases(&corpus());
    assert!(
        names.len() + cases(&corpus().join("gaps")).len() >= 300,
        "only {} programs",
        names.len()
    );
    let differing: Vec<String> = run_all(&corpus(), &names)
        .into_iter()
        .filter_map(|result| result.difference())
        .collect();
    assert!(
        differing.is_empty(),
        "{} of {} programs differ from Guile:\n{}",
        differing.len(),
        names.len(),
        differing.concat()
    );
}

#[test]
fn a_gap_is_still_a_gap() {
    let folder = corpus().join("gaps");
    let closed: Vec<String> = run_all(&folder, &cases(&folder))
        .into_iter()
        .filter(|result| result.difference().is_none())
        .map(|result| result.name)
        .collect();
    assert!(
        closed.is_empty(),
        "no longer gaps, move them up to tests/guile: {}",
        closed.join(", ")
    );
}

#[test]
fn a_gap_says_why_in_its_first_line() {
    let folder = corpus().join("gaps");
    for name in cases(&folder) {
        let text = read(&folder.join(format!("{name}.scm")));
        let reason = text.lines().next().unwrap_or_default();
        assert!(
            reason.starts_with(";; ") && reason.len() > 20,
            "gaps/{name}.scm opens without a reason"
        );
    }
}

#[test]
fn what_guile_printed_is_what_it_prints() {
    let Some(guile) = installed("guile") else {
        return;
    };
    // Every tenth program: a rotten .out is found within a few weeks, and
    // Guile starts thirty times, not three hundred.
    let sample: Vec<String> = cases(&corpus()).into_iter().step_by(10).collect();
    let fresh = tempfile::tempdir().unwrap();
    let mut regenerate = Command::new(corpus().join("regenerate"));
    regenerate
        .env("GUILE", guile)
        .arg("--into")
        .arg(fresh.path())
        .args(&sample);
    finish(regenerate).success();
    for name in sample {
        let file = format!("{name}.out");
        assert_eq!(
            read(&fresh.path().join(&file)),
            read(&corpus().join(&file)),
            "{file} is not what Guile prints"
        );
    }
}

#[test]
fn the_names_of_guile_are_those_that_guile_shows() {
    let Some(guile) = installed("guile") else {
        return;
    };
    let mut version = Command::new(&guile);
    version.args(["-c", "(display (version))"]);
    if finish(version).success() != "3.0.8" {
        return skipped("the names are those of Guile 3.0.8");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guile/namespace");
    let mut list = Command::new(guile);
    list.arg("--no-auto-compile").arg(folder.join("list-names"));
    assert_eq!(finish(list).success(), read(&folder.join("names-of-guile")));
}

/// What a program printed beside what it should have.
struct Run {
    name: String,
    expected: String,
    printed: String,
    said: String,
    status: Option<i32>,
}

impl Run {
    /// The first lines in which the two differ, and what was said on stderr.
    fn difference(&self) -> Option<String> {
        if self.expected == self.printed {
            return None;
        }
        let mut report = format!("\n{} (status {:?})\n", self.name, self.status);
        let mut shown = 0;
        let (mut expected, mut printed) = (self.expected.lines(), self.printed.lines());
        loop {
            let pair = (expected.next(), printed.next());
            if pair == (None, None) || shown == LINES_SHOWN {
                break;
            }
            if pair.0 != pair.1 {
                let none = "(nothing)";
                writeln!(report, "  guile: {}", pair.0.unwrap_or(none)).unwrap();
                writeln!(report, "  ours:  {}", pair.1.unwrap_or(none)).unwrap();
                shown += 1;
            }
        }
        for line in self.said.lines().take(LINES_SHOWN) {
            writeln!(report, "  ! {line}").unwrap();
        }
        Some(report)
    }
}

/// Run the programs NAMES of FOLDER, a few at a time, in their order. What the modules
/// expand to that some of them load is kept for the others.
fn run_all(folder: &Path, names: &[String]) -> Vec<Run> {
    let cache = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    let runs = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(name) = names.get(index) else { break };
                    let run = run(folder, name, cache.path());
                    runs.lock().unwrap().push((index, run));
                }
            });
        }
    });
    let mut runs = runs.into_inner().unwrap();
    runs.sort_by_key(|(index, _)| *index);
    runs.into_iter().map(|(_, run)| run).collect()
}

fn run(folder: &Path, name: &str, cache: &Path) -> Run {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&[
        Path::new("-L"),
        &corpus().join("modules"),
        &folder.join(format!("{name}.scm")),
    ]);
    command.env("XDG_CACHE_HOME", cache);
    let outcome = finish(command);
    Run {
        name: name.to_owned(),
        expected: read(&folder.join(format!("{name}.out"))),
        printed: outcome.stdout,
        said: outcome.stderr,
        status: outcome.status,
    }
}

/// The names of the programs in FOLDER, each of which has its .out, and no
/// .out is without its program.
fn cases(folder: &Path) -> Vec<String> {
    let (programs, outputs) = (with_extension(folder, "scm"), with_extension(folder, "out"));
    let alone: Vec<&String> = programs.symmetric_difference(&outputs).collect();
    assert!(
        alone.is_empty(),
        "in {}: a program without .out, or a .out without program: {alone:?}",
        folder.display()
    );
    programs.into_iter().collect()
}

fn with_extension(folder: &Path, extension: &str) -> BTreeSet<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guile")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
