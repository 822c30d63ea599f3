//! JSON Lines: an object for each line of a journal, as it is written.
//!
//! docs/reports.md has the schema; the names are those of `runs show --json`.

use super::data;
use crate::run::folder::Summary;
use crate::run::journal::{Line, State};
use serde_json::{Value, json};

/// The version of the schema. Members and kinds of entries may be added to one; what
/// they mean changes with its number.
pub const SCHEMA: u32 = 1;

/// LINE of the journal of the run ID, with its end.
pub fn line(id: &str, line: &Line) -> String {
    let mut said = json!({ "schema": SCHEMA, "run": id });
    if let (Value::Object(said), Value::Object(entry)) = (&mut said, data::entry(line)) {
        said.extend(entry.into_iter().filter(|(name, _)| name != "run"));
    }
    format!("{said}\n")
}

/// All that is believed of the run that SUMMARY tells of. Where its journal is cut short
/// or broken, the last line says so.
pub fn text(summary: &Summary) -> String {
    let mut text: String = summary
        .reading
        .lines
        .iter()
        .map(|entry| line(&summary.id, entry))
        .collect();
    let trouble = match summary.reading.state {
        State::Whole => return text,
        State::Torn => json!({ "what": "torn" }),
        State::Damaged(line) => json!({ "what": "damaged", "line": line }),
    };
    let mut said = json!({ "schema": SCHEMA, "run": summary.id });
    if let (Value::Object(said), Value::Object(trouble)) = (&mut said, trouble) {
        said.extend(trouble);
    }
    text.push_str(&format!("{said}\n"));
    text
}
