//! `lsp`: a language server for Scheme, over stdin and stdout.
//!
//! It reads texts, those that the editor has open and those of the workspace, and never
//! runs one; [`crate::lsp`] has the analysis. What the carried modules export is asked of
//! an interpreter that loads no others ([`knowledge`]). [`wire`] reads messages beside the
//! work, so that a request can be cancelled while it waits; [`session`] answers them.
//!
//! Source: Language Server Protocol 3.17.

mod answers;
mod changes;
mod completion;
mod documents;
mod knowledge;
mod session;
mod wire;

use super::arguments::CommandLine;
use super::output::print_line;
use super::settings::Environment;
use crate::failure::{Failure, Key};
use crate::lsp::text::Text;
use crate::visible::escape;
use clap::Args;
use documents::Documents;
use knowledge::Knowledge;
use std::path::PathBuf;

/// Serve an editor on stdin and stdout, by the Language Server Protocol
///
/// Programs are read and never run. docs/editors.md says how editors start it.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Print what is wrong with each FILE instead, a line each; 1 when something is
    #[arg(long, value_name = "FILE", num_args = 1..)]
    check: Vec<PathBuf>,
    /// Accepted, as language servers do; there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Do what ARGUMENTS say: 0 when the editor said good-bye, 1 when it left without, or when
/// something is wrong with a file.
pub fn run(
    arguments: &Arguments,
    line: &CommandLine,
    environment: &Environment,
) -> Result<u8, Failure> {
    let knowledge = Knowledge::new(line, environment)?;
    let documents = Documents::new(super::interpreter::load_path(line, environment));
    match arguments.check.is_empty() {
        true => session::Session::new(knowledge, documents).serve(),
        false => check(&arguments.check, knowledge, documents),
    }
}

/// Print what is wrong with FILES, one finding a line.
fn check(files: &[PathBuf], knowledge: Knowledge, mut documents: Documents) -> Result<u8, Failure> {
    if let Ok(here) = std::env::current_dir() {
        documents.add_root(here);
    }
    let analyst = documents::Analyst::new(knowledge, documents);
    let mut wrong = false;
    for file in files {
        let text = std::fs::read(file).map_err(|error| {
            Failure::new(
                Key::System,
                format!("cannot read `{}`: {error}", escape(&file.to_string_lossy())),
            )
        })?;
        let text = Text::new(String::from_utf8_lossy(&text).into_owned());
        let (_, analysis) = analyst.analyse(text.as_str(), Some(file));
        for finding in &analysis.findings {
            let at = text.place(finding.place.start);
            wrong |= !finding.kind.is_hint();
            print_line(format!(
                "{}:{}:{}: {}: {}",
                escape(&file.to_string_lossy()),
                at.line + 1,
                at.column + 1,
                finding.kind.code(),
                escape(&finding.kind.message())
            ))?;
        }
    }
    Ok(u8::from(wrong))
}
