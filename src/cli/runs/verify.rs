//! `runs verify`: whether a run's journal, its copies of sources and its attestations are
//! as they were written, and what that proves.

use super::super::output::{print_line, print_text};
use super::attest::{self, Found, Head};
use crate::failure::{Failure, Key};
use crate::report::data;
use crate::run::folder::{self, SOURCE, Summary};
use crate::run::journal::{Entry, State};
use crate::run::sha256;
use crate::ssh::signature::Signer;
use crate::visible::escape;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Check what is kept of a run.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The run, or how its identifier begins; the newest without ID
    pub id: Option<String>,
    /// Believe only attestations that the key with this public half has signed
    #[arg(long, value_name = "FILE")]
    signer: Option<PathBuf>,
    /// Compare the journal's head with the one in FILE, a record or an attestation that was kept elsewhere
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// A copy of a source, and how it was found.
struct Copy {
    /// Its file in the folder of the run.
    file: String,
    /// `whole`, `changed` or `missing`.
    state: &'static str,
}

/// Check the run in FOLDER: 0 when nothing is wrong with it, 1 when it is damaged.
pub fn run(folder: &Path, arguments: &Arguments) -> Result<u8, Failure> {
    let summary = folder::summary(folder);
    let copies = copies(folder, &summary);
    let signer = arguments.signer.as_deref().map(signer_in).transpose()?;
    let attestations = attest::found(&summary, signer.as_ref());
    let heads = heads(&summary, &arguments.against)?;
    let is_damaged = matches!(summary.reading.state, State::Damaged(_))
        || copies.iter().any(|copy| copy.state != "whole")
        || attestations.iter().any(|found| found.trouble.is_some())
        || (signer.is_some() && attestations.is_empty())
        || heads.iter().any(|(file, head)| match head {
            Head::Same => false,
            Head::Other => true,
            // Whoever names a file wants to see the head in it.
            Head::None => arguments.against.contains(file),
        });
    let proven = proven(&summary, &copies, &attestations, &heads);
    let json = arguments.json;
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
            "attestations": attestations
                .iter()
                .map(|found| json!({
                    "file": found.file,
                    "state": if found.trouble.is_some() { "changed" } else { "whole" },
                    "signer": found.signer,
                    "why": found.trouble,
                }))
                .collect::<Vec<_>>(),
            "heads": heads
                .iter()
                .map(|(file, head)| json!({
                    "file": file.to_string_lossy(),
                    "head": head.as_str(),
                }))
                .collect::<Vec<_>>(),
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
    for found in &attestations {
        let state = match (&found.signer, &found.trouble) {
            (Some(signer), None) => format!("whole, signed by {signer}"),
            (_, trouble) => format!("not believed: {}", trouble.as_deref().unwrap_or_default()),
        };
        print_line(escape(&format!("{}={state}", found.file)))?;
    }
    for (file, head) in &heads {
        let file = escape(&file.to_string_lossy());
        print_line(format_args!("head in {file}={}", head.as_str()))?;
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

/// The key that FILE holds the public half of.
fn signer_in(file: &Path) -> Result<Signer, Failure> {
    Signer::read(file).ok_or_else(|| {
        Failure::new(
            Key::Usage,
            format!("`{}` holds no public SSH key", file.display()),
        )
    })
}

/// What the files AGAINST hold of the head of the run that SUMMARY tells of, and what the
/// record does that it has written itself, where that is still there.
fn heads(summary: &Summary, against: &[PathBuf]) -> Result<Vec<(PathBuf, Head)>, Failure> {
    let mut heads = Vec::new();
    let record = summary.reading.program();
    let record = record.and_then(|program| program.metadata_file.as_deref());
    // A FIFO or a device is not there to be read again.
    if let Some(record) = record.map(Path::new).filter(|record| record.is_file())
        && !against.iter().any(|file| file == record)
        && let Ok(head) = attest::head_in(record, summary)
        && head != Head::None
    {
        heads.push((record.to_owned(), head));
    }
    for file in against {
        heads.push((file.clone(), attest::head_in(file, summary)?));
    }
    Ok(heads)
}

fn proven(
    summary: &Summary,
    copies: &[Copy],
    attestations: &[Found],
    heads: &[(PathBuf, Head)],
) -> Vec<String> {
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
    for found in attestations {
        if let Some(signer) = &found.signer {
            proven.push(format!(
                "the key {signer} has signed {} for a journal with this head",
                found.file
            ));
        }
    }
    let same = heads.iter().filter(|(_, head)| *head == Head::Same).count();
    if same > 0 {
        proven.push(format!(
            "the journal is the one whose head {same} of {} other files have",
            heads.len()
        ));
    }
    proven
}
