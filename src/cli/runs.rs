//! Lists the runs whose journals were kept, and shows one; what they have left on
//! this machine and the host is the matter of [`super::gc`].

use super::arguments::CommandLine;
use super::gc;
use super::interpreter::runs_directory;
use super::output::print_line;
use super::resume;
use super::settings::Environment;
use crate::failure::{Failure, Key};
use crate::run::Machine;
use crate::run::folder;
use crate::run::journal::{self, Entry, StepKind};
use crate::visible::escape;
use clap::Subcommand;
use std::path::{Path, PathBuf};

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
    /// Go on with a run that was killed, interrupted or failed
    Resume(resume::Arguments),
    /// Say of each step of a run why it was done again, or was not
    Why {
        /// The step, or a part of its name; all without STEP
        step: Option<String>,
        /// The run, or how its identifier begins; the newest without it
        #[arg(long, value_name = "ID")]
        run: Option<String>,
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
    match arguments {
        Arguments::Gc(arguments) => gc::run(arguments, line, environment),
        Arguments::Resume(arguments) => resume::run(arguments, environment),
        Arguments::Why { step, run } => why(&find(run.as_deref(), environment)?, step.as_deref()),
        Arguments::List => {
            let (_, runs) = kept(environment)?;
            for run in &runs {
                let summary = folder::summary(run);
                print_line(escape(&format!("{}  {}", summary.id, summary.verdict)))?;
            }
            Ok(0)
        }
        Arguments::Show { id } => {
            show(&find(id.as_deref(), environment)?)?;
            Ok(0)
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

/// Print of each step of the run in FOLDER whose name has PART in it why it was
/// done, or was not, by the process that worked on the run last.
fn why(folder: &Path, part: Option<&str>) -> Result<u8, Failure> {
    let reading = journal::read(folder)?;
    let mut told = 0;
    let begun = reading
        .entries()
        .rposition(|entry| matches!(entry, Entry::Began { .. } | Entry::Resumed { .. }))
        .unwrap_or(0);
    for entry in reading.entries().skip(begun) {
        let (step, how) = match entry {
            Entry::StepBegan {
                step, why: None, ..
            } => (step, "done for the first time".to_owned()),
            Entry::StepBegan {
                step,
                why: Some(why),
                kind,
                ..
            } => match kind {
                StepKind::Resource => (step, format!("attached again: {why}")),
                _ => (step, format!("done again: {why}")),
            },
            Entry::StepKept { step, why } => (step, format!("kept: {why}")),
            Entry::StepVanished { step } => (step, "not there any more".to_owned()),
            Entry::StepPassedOver { step, how } => (step, format!("passed over by hand: {how}")),
            _ => continue,
        };
        let name = step.join(" / ");
        if part.is_none_or(|part| name.contains(part)) {
            told += 1;
            print_line(escape(&format!("{name}: {how}")))?;
        }
    }
    match (told, part) {
        (0, Some(part)) => Err(Failure::new(
            Key::Usage,
            format!(
                "no step of run `{}` has `{part}` in its name",
                folder::id(folder)
            ),
        )),
        _ => Ok(0),
    }
}

/// The folder of the run whose identifier begins with ID; of the newest without ID.
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

fn show(run: &std::path::Path) -> Result<(), Failure> {
    for line in journal::read(run)?.lines {
        let time = journal::timestamp(line.time);
        if let Some(text) = told(&line.entry) {
            print_line(format_args!("{time} {}", escape(&text)))?;
        }
    }
    Ok(())
}

/// What ENTRY says, on one line.
fn told(entry: &Entry) -> Option<String> {
    Some(match entry {
        Entry::Began { harness, .. } => format!("began {harness}"),
        Entry::Parameter {
            name,
            value,
            origin,
            ..
        } => format!("parameter {name} = {value} ({origin})"),
        Entry::Partial { how, step, of } => {
            format!("partial: {how} step `{step}`, the rest taken from run `{of}`")
        }
        Entry::Module { name, .. } => format!("module {name}"),
        Entry::Machine {
            kind,
            host,
            name,
            vm,
            vdi,
        } => Machine {
            kind: kind.clone(),
            host: host.clone(),
            name: name.clone(),
            vm: vm.clone(),
            vdi: vdi.clone(),
        }
        .to_string(),
        Entry::Image { file, sha256 } => format!("image {file}, sha256 {sha256}"),
        Entry::StepBegan { step, why, .. } => match why {
            None => format!("▸ {}", step.join(" / ")),
            Some(why) => format!("▸ {} (again: {why})", step.join(" / ")),
        },
        Entry::StepPassed {
            step, milliseconds, ..
        } => {
            format!("✓ {} ({milliseconds} ms)", step.join(" / "))
        }
        Entry::StepFailed {
            step,
            milliseconds,
            message,
            ..
        } => {
            format!("✗ {} ({milliseconds} ms): {message}", step.join(" / "))
        }
        Entry::StepKept { step, why } => format!("= {} (kept: {why})", step.join(" / ")),
        Entry::StepVanished { step } => format!("- {} is not there any more", step.join(" / ")),
        Entry::StepPassedOver { step, how } => {
            format!("! {} was passed over by hand: {how}", step.join(" / "))
        }
        Entry::Checked { what } => format!("· {what}"),
        Entry::Recorded { key, value } => format!("{key}={value}"),
        Entry::Promised { .. } => return None,
        Entry::CleanedUp { what, trouble } => match trouble {
            None => format!("clean-up: {what}"),
            Some(trouble) => format!("clean-up `{what}` failed: {trouble}"),
        },
        Entry::JobBegan { name, how } => format!("job {name}: {how}"),
        Entry::JobEnded { name, how } => format!("job {name}: {how}"),
        Entry::Kept {
            machine,
            why,
            until,
            ..
        } => {
            let until = until.map_or(String::new(), |until| {
                format!(" until {}", journal::timestamp(until))
            });
            if *machine {
                format!("machine kept{until}: {why}")
            } else {
                format!("machine tidied away: {why}")
            }
        }
        Entry::Resumed { source, .. } => format!("resumed, with {source} files"),
        Entry::Ended {
            verdict, message, ..
        } => match message {
            None => format!("ended: {verdict}"),
            Some(message) => format!("ended: {verdict}: {message}"),
        },
        Entry::Unknown(text) => text.clone(),
    })
}
