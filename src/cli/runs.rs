//! Lists the runs whose journals were kept, and shows one; what they have left on
//! the host is the matter of [`super::gc`].

use super::arguments::CommandLine;
use super::gc;
use super::interpreter::runs_directory;
use super::output::print_line;
use super::settings::Environment;
use crate::failure::{Failure, Key};
use crate::run::journal::{self, Entry};
use crate::visible::escape;
use clap::Subcommand;
use std::path::PathBuf;

/// List the runs that were kept, show one, or remove what they left.
#[derive(Clone, Debug, Subcommand)]
pub enum Arguments {
    /// Print a line for each run, oldest first: identifier, verdict
    List,
    /// Print what run ID did; the newest one without ID
    Show {
        /// The identifier that `runs list` prints
        id: Option<String>,
    },
    /// Remove what runs have left behind on the host, after asking
    Gc(gc::Arguments),
}

/// Do what ARGUMENTS say.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    match arguments {
        Arguments::Gc(arguments) => gc::run(arguments, line, environment),
        Arguments::List => {
            let (_, runs) = kept(environment)?;
            for run in &runs {
                print_line(format_args!(
                    "{}  {}",
                    name(run),
                    verdict(&journal::read(run)?)
                ))?;
            }
            Ok(0)
        }
        Arguments::Show { id } => {
            let (directory, runs) = kept(environment)?;
            let found = match id {
                Some(id) => runs.iter().find(|run| name(run) == *id),
                None => runs.last(),
            };
            let run = found.ok_or_else(|| {
                Failure::new(
                    Key::Usage,
                    match id {
                        Some(id) => format!(
                            "cannot show run `{id}`: it is not in `{}`",
                            directory.display()
                        ),
                        None => format!(
                            "cannot show a run: there is none in `{}`",
                            directory.display()
                        ),
                    },
                )
                .hint("`fruix-scm runs list` prints the identifiers")
            })?;
            show(run)?;
            Ok(0)
        }
    }
}

/// Where runs are kept, and those that are.
fn kept(environment: &Environment) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
    let directory = runs_directory(environment).ok_or_else(|| {
        Failure::new(
            Key::Settings,
            "there is no place for runs: neither XDG_STATE_HOME nor HOME is set",
        )
    })?;
    let runs = journal::list(&directory)?;
    Ok((directory, runs))
}

fn name(run: &std::path::Path) -> String {
    run.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// `pass`, `fail`, or `unfinished` for a run that was killed.
fn verdict(lines: &[journal::Line]) -> String {
    lines
        .iter()
        .rev()
        .find_map(|line| match &line.entry {
            Entry::Ended { verdict } => Some(verdict.clone()),
            _ => None,
        })
        .unwrap_or_else(|| "unfinished".to_owned())
}

fn show(run: &std::path::Path) -> Result<(), Failure> {
    for line in journal::read(run)? {
        let time = journal::timestamp(line.time);
        let text = match line.entry {
            Entry::Began { harness } => format!("began {harness}"),
            Entry::StepBegan { step } => format!("▸ {step}"),
            Entry::StepPassed { step, milliseconds } => format!("✓ {step} ({milliseconds} ms)"),
            Entry::StepFailed {
                step,
                milliseconds,
                message,
            } => format!("✗ {step} ({milliseconds} ms): {message}"),
            Entry::Checked { what } => format!("· {what}"),
            Entry::Recorded { key, value } => format!("{key}={value}"),
            Entry::Ended { verdict } => format!("ended: {verdict}"),
        };
        print_line(format_args!("{time} {}", escape(&text)))?;
    }
    Ok(())
}
