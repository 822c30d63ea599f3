//! `runs verify`: whether a run's journal and its copies of sources are as they were
//! written, and what that proves.

use super::super::output::{print_line, print_text};
use crate::failure::Failure;
use crate::report::data;
use crate::run::folder::{self, SOURCE, Summary};
use crate::run::journal::{Entry, State};
use crate::run::sha256;
use crate::visible::escape;
use serde_json::json;
use std::path::Path;

/// A copy of a source, and how it was found.
struct Copy {
    /// Its file in the folder of the run.
    file: String,
    /// `whole`, `changed` or `missing`.
    state: &'static str,
}

/// Check the run in FOLDER: 0 when nothing is wrong with it, 1 when it is damaged.
pub fn run(folder: &Path, json: bool) -> Result<u8, Failure> {
    let summary = folder::summary(folder);
    let copies = copies(folder, &summary);
    let is_damaged = matches!(summary.reading.state, State::Damaged(_))
        || copies.iter().any(|copy| copy.state != "whole");
    let proven = proven(&summary, &copies);
    let status = u8::from(is_damaged);
    if json {
        let copies: Vec<_> = copies
            .iter()
            .map(|copy| json!({ "file": copy.file, "state": copy.state }))
            .collect();
        print_text(&data::text(&json!({
            "id": summary.id,
            "damaged": is_damaged,
            "journal": data::state(summary.reading.state),
            "damaged_at_line": match summary.reading.state {
                State::Damaged(line) => Some(line),
                _ => None,
            },
            "journal_version": summary.reading.version,
            "lines": summary.reading.lines.len(),
            "head_sha256": summary.reading.head,
            "sources": copies,
            "proven": proven,
            "not_proven": NOT_PROVEN,
        })))?;
        return Ok(status);
    }
    print_line(format_args!("run={}", escape(&summary.id)))?;
    match summary.reading.state {
        State::Damaged(line) => print_line(format_args!("journal=damaged at line {line}"))?,
        state => print_line(format_args!("journal={}", data::state(state)))?,
    }
    print_line(format_args!("journal_version={}", summary.reading.version))?;
    print_line(format_args!("lines={}", summary.reading.lines.len()))?;
    print_line(format_args!("head_sha256={}", summary.reading.head))?;
    for copy in &copies {
        print_line(escape(&format!("{}={}", copy.file, copy.state)))?;
    }
    for sentence in proven {
        print_line(format_args!("proven: {}", escape(&sentence)))?;
    }
    for sentence in NOT_PROVEN {
        print_line(format_args!("not proven: {sentence}"))?;
    }
    Ok(status)
}

/// What no look at a run's folder can prove.
const NOT_PROVEN: [&str; 2] = [
    "that nobody has written the whole journal anew; who has kept head_sha256 elsewhere, such \
     as journal_sha256 in the record of a run that passed, compares it",
    "that host, guest and disk were as the journal says; `runs resume` asks them",
];

/// The copies of harness and modules that the run in FOLDER has kept.
fn copies(folder: &Path, summary: &Summary) -> Vec<Copy> {
    let mut copies = Vec::new();
    let mut look = |name: &str, expected: &str| {
        let file = format!("{SOURCE}/{name}");
        let state = match std::fs::read(folder.join(&file)) {
            Err(_) => "missing",
            Ok(text) if sha256(&text) == expected => "whole",
            Ok(_) => "changed",
        };
        copies.push(Copy { file, state });
    };
    for entry in summary.reading.entries() {
        match entry {
            // A prompt has no text to be kept.
            Entry::Began { program, .. }
                if !program.file.is_empty() && program.sha256 != sha256(b"") =>
            {
                look("harness.scm", &program.sha256);
            }
            Entry::Module { name, sha256, .. } => look(name, sha256),
            _ => {}
        }
    }
    copies
}

fn proven(summary: &Summary, copies: &[Copy]) -> Vec<String> {
    let mut proven = Vec::new();
    let lines = summary.reading.lines.len();
    match summary.reading.state {
        _ if summary.reading.version < 2 => {}
        _ if lines == 0 => {}
        State::Whole => proven.push(format!(
            "each of the {lines} lines follows the one before as it was written"
        )),
        State::Torn => proven.push(format!(
            "each of the first {lines} lines follows the one before as it was written; the last \
             was torn, and is left out"
        )),
        State::Damaged(_) => proven.push(format!(
            "each of the first {lines} lines follows the one before as it was written; those \
             behind them prove nothing"
        )),
    }
    let whole = copies.iter().filter(|copy| copy.state == "whole").count();
    if whole > 0 && !proven.is_empty() {
        proven.push(format!(
            "{whole} of {} copies of sources are what the run loaded",
            copies.len()
        ));
    }
    proven
}
