//! `runs show`: what a run did, an entry of its journal a line.

use super::super::output::{print_line, print_text};
use crate::failure::Failure;
use crate::report::data;
use crate::run::Machine;
use crate::run::folder::{self, Summary};
use crate::run::journal::{self, Entry, Line, State};
use crate::visible::escape;
use serde_json::json;
use std::path::Path;

/// Print what the run in FOLDER did.
pub fn run(folder: &Path, json: bool) -> Result<u8, Failure> {
    let summary = folder::summary(folder);
    let reading = &summary.reading;
    if json {
        let entries = |lines: &[Line]| lines.iter().map(data::entry).collect::<Vec<_>>();
        print_text(&data::text(&json!({
            "run": data::run(&summary, journal::now()),
            "entries": entries(&reading.lines),
            "doubtful_entries": entries(&reading.doubtful),
        })))?;
        return Ok(0);
    }
    for line in &reading.lines {
        print(line)?;
    }
    if let Some(trouble) = trouble(&summary) {
        print_line(escape(&trouble))?;
    }
    for line in &reading.doubtful {
        print(line)?;
    }
    Ok(0)
}

/// What is to be said of the run beside its entries.
fn trouble(summary: &Summary) -> Option<String> {
    match summary.reading.state {
        State::Damaged(line) => Some(format!(
            "the journal is damaged at line {line}: what it says from there on proves nothing"
        )),
        State::Torn => Some("the last line was torn, and is left out".to_owned()),
        State::Whole if summary.reading.lines.is_empty() => {
            Some("there is no journal: its process ended before it wrote one".to_owned())
        }
        State::Whole => None,
    }
}

fn print(line: &Line) -> Result<(), Failure> {
    let time = journal::timestamp(line.time);
    match told(&line.entry) {
        Some(text) => print_line(format_args!("{time} {}", escape(&text))),
        None => Ok(()),
    }
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
        Entry::MadeFor { purpose } => format!("made for {purpose}"),
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
        Entry::Checked { what, .. } => format!("· {what}"),
        Entry::CheckFailed { message, place, .. } => match place {
            None => format!("✗ {message}"),
            Some(place) => format!("✗ {place}: {message}"),
        },
        Entry::Skipped { why } => format!("· skipped: {why}"),
        Entry::FailedAsKnown { why, message } => {
            format!("· fails, as is known ({why}): {message}")
        }
        Entry::Settings { settings } => format!("settings: {}", settings.len()),
        Entry::Tool { version, sha256 } => format!("{version}, sha256 {sha256}"),
        Entry::Recorded { key, value } => format!("{key}={value}"),
        Entry::Promised { .. } => return None,
        Entry::CleanedUp { what, trouble } => match trouble {
            None => format!("clean-up: {what}"),
            Some(trouble) => format!("clean-up `{what}` failed: {trouble}"),
        },
        Entry::JobBegan { name, how, .. } => format!("job {name}: {how}"),
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
