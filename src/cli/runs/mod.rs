//! The runs that this machine has kept: which there are, what each did, and whether
//! that can be believed. What they have left on the host is the matter of
//! [`super::gc`], going on with one that of [`super::resume`].
//!
//! A verb is a file: [`list`], [`show`], [`why`], [`log`], [`verify`], [`reports`],
//! [`attest`], [`diff`], [`trends`], [`investigate`]. What `--json` prints is [`crate::report::data`]'s.

mod attest;
mod diff;
mod investigate;
mod kept;
mod list;
pub mod log;
pub mod reports;
mod show;
mod trends;
mod verify;
mod why;

use super::arguments::CommandLine;
use super::gc;
use super::interpreter::runs_directory;
use super::resume;
use super::settings::Environment;
use crate::failure::{Failure, Key};
use crate::run::folder;
use crate::run::journal::Reading;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// List the runs that were kept, look into one, go on with one, or remove what they left.
#[derive(Clone, Debug, Subcommand)]
pub enum Arguments {
    /// Print a line for each run, newest first: when, how long, kind, host, verdict, identifier, failing step
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print what run ID did; the newest one without ID
    Show {
        /// The run, or how its identifier begins
        id: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Go on with a run that was killed, interrupted or failed
    Resume(resume::Arguments),
    /// Say of each step of a run why it was done again, or was not
    Why {
        /// The step, or a part of its name; all without STEP
        step: Option<String>,
        /// The run, or how its identifier begins; the newest without it
        #[arg(long, value_name = "ID")]
        run: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the logs that a run has kept of its jobs
    Log {
        /// The run, or how its identifier begins
        id: String,
        /// The step or the job, or a part of its name; all logs without STEP
        step: Option<String>,
    },
    /// Check that a run's journal, its copies of sources and its attestations are as they were written
    Verify(verify::Arguments),
    /// Say what is different in run B: record, checks, durations, and what it has made; status 1 when something is
    Diff {
        /// The run to compare with
        a: String,
        /// The run that is compared
        b: String,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Say of each step how long it took and how it came out, over all runs that were kept
    Trends {
        /// The step, or a part of its name; the runs themselves without STEP
        step: Option<String>,
        /// Print it as JSON
        #[arg(long)]
        json: bool,
    },
    Investigate(investigate::Arguments),
    /// Sign what a run has found out, as in-toto statements in its folder
    Attest(attest::Arguments),
    /// Report what a run has found out, as when it ends with such options
    Report {
        /// The run, or how its identifier begins; the newest without ID
        id: Option<String>,
        #[command(flatten)]
        files: reports::Files,
    },
    /// Remove what runs have left behind on this machine and, after asking, on the host
    Gc(gc::Arguments),
}

/// Do what ARGUMENTS say.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let folder = |id: &Option<String>| find(id.as_deref(), environment);
    match arguments {
        Arguments::Gc(arguments) => gc::run(arguments, line, environment),
        Arguments::Resume(arguments) => resume::run(arguments, line, environment),
        Arguments::List { json } => list::run(&kept(environment)?.1, *json, environment),
        Arguments::Show { id, json } => show::run(&folder(id)?, *json),
        Arguments::Why { step, run, json } => why::run(&folder(run)?, step.as_deref(), *json),
        Arguments::Log { id, step } => log::run(&find(Some(id), environment)?, step.as_deref()),
        Arguments::Report { id, files } => {
            reports::run(&folder(id)?, &files.within(&environment.directory))
        }
        Arguments::Verify(arguments) => verify::run(&folder(&arguments.id)?, arguments),
        Arguments::Diff { a, b, json } => {
            let (a, b) = (find(Some(a), environment)?, find(Some(b), environment)?);
            diff::run(&a, &b, *json, environment)
        }
        Arguments::Trends { step, json } => {
            trends::run(&kept(environment)?.1, step.as_deref(), *json)
        }
        Arguments::Investigate(arguments) => investigate::run(arguments, environment),
        Arguments::Attest(arguments) => {
            attest::run(&folder(&arguments.id)?, arguments, environment)
        }
    }
}

/// Where runs are kept, and those that are.
fn kept(environment: &Environment) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
    let directory = runs_directory(environment).ok_or_else(no_place)?;
    let runs = folder::list(&directory)?;
    Ok((directory, runs))
}

/// The failure for a user without a home.
pub fn no_place() -> Failure {
    Failure::new(
        Key::Settings,
        "there is no place for runs: neither XDG_STATE_HOME nor HOME is set",
    )
}

/// The folder of the run whose identifier begins or ends with ID; of the newest
/// without ID.
pub fn find(id: Option<&str>, environment: &Environment) -> Result<PathBuf, Failure> {
    let (directory, runs) = kept(environment)?;
    let Some(id) = id else {
        return runs.last().cloned().ok_or_else(|| {
            Failure::new(
                Key::Usage,
                format!("there is no run in `{}`", directory.display()),
            )
        });
    };
    let found: Vec<&PathBuf> = runs
        .iter()
        .filter(|run| folder::id(run).starts_with(id) || folder::id(run).ends_with(id))
        .collect();
    match (found.iter().find(|run| folder::id(run) == id), &found[..]) {
        (Some(run), _) | (None, [run]) => Ok((**run).clone()),
        (None, []) => Err(Failure::new(
            Key::Usage,
            format!("there is no run `{id}` in `{}`", directory.display()),
        )
        .hint("`fruix-scm runs list` prints the identifiers")),
        (None, several) => {
            let ids: Vec<String> = several.iter().map(|run| folder::id(run)).collect();
            Err(Failure::new(
                Key::Usage,
                format!("`{id}` may be any of {}", ids.join(", ")),
            ))
        }
    }
}

/// What the journal in FOLDER says; nothing where there is none.
fn read(folder: &Path) -> Reading {
    folder::summary(folder).reading
}
