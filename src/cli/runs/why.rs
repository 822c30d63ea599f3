//! `runs why`: of each step, why it was done again, or was not.

use super::super::output::{print_line, print_text};
use crate::failure::{Failure, Key};
use crate::report::data;
use crate::run::folder;
use crate::run::journal::{Entry, StepKind, StepPath};
use crate::visible::escape;
use serde_json::json;
use std::path::Path;

/// Print of each step of the run in FOLDER whose name has PART in it why it was
/// done, or was not, by the process that worked on the run last.
pub fn run(folder: &Path, part: Option<&str>, json: bool) -> Result<u8, Failure> {
    let reading = super::read(folder);
    let begun = reading
        .entries()
        .rposition(|entry| matches!(entry, Entry::Began { .. } | Entry::Resumed { .. }))
        .unwrap_or(0);
    let told: Vec<Reason> = reading
        .entries()
        .skip(begun)
        .filter_map(reason)
        .filter(|reason| part.is_none_or(|part| reason.name().contains(part)))
        .collect();
    if let (true, Some(part)) = (told.is_empty(), part) {
        return Err(Failure::new(
            Key::Usage,
            format!(
                "no step of run `{}` has `{part}` in its name",
                folder::id(folder)
            ),
        ));
    }
    if json {
        let steps: Vec<_> = told
            .iter()
            .map(|reason| {
                json!({ "step": reason.step, "decision": reason.decision, "why": reason.why })
            })
            .collect();
        print_text(&data::text(&steps.into()))?;
        return Ok(0);
    }
    for reason in &told {
        print_line(escape(&reason.to_string()))?;
    }
    Ok(0)
}

/// What was decided about a step.
struct Reason {
    step: StepPath,
    /// `done`, `again`, `attached`, `kept`, `vanished` or `passed-over`.
    decision: &'static str,
    why: Option<String>,
}

impl Reason {
    fn name(&self) -> String {
        self.step.join(" / ")
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decision = match self.decision {
            "done" => "done for the first time",
            "again" => "done again",
            "attached" => "attached again",
            "vanished" => "not there any more",
            "passed-over" => "passed over by hand",
            other => other,
        };
        write!(formatter, "{}: {decision}", self.name())?;
        match &self.why {
            Some(why) => write!(formatter, ": {why}"),
            None => Ok(()),
        }
    }
}

fn reason(entry: &Entry) -> Option<Reason> {
    let (step, decision, why) = match entry {
        Entry::StepBegan {
            step, kind, why, ..
        } => {
            let decision = match (why, kind) {
                (None, _) => "done",
                (Some(_), StepKind::Resource) => "attached",
                (Some(_), _) => "again",
            };
            (step, decision, why.clone())
        }
        Entry::StepKept { step, why } => (step, "kept", Some(why.clone())),
        Entry::StepVanished { step } => (step, "vanished", None),
        Entry::StepPassedOver { step, how } => (step, "passed-over", Some(how.clone())),
        _ => return None,
    };
    Some(Reason {
        step: step.clone(),
        decision,
        why,
    })
}
