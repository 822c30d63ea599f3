//! Runs as data for other programs: the names here stay.
//!
//! Times are RFC 3339 in UTC, durations are in seconds. docs/operating.md lists the
//! names.

use super::moment;
use crate::run::folder::Summary;
use crate::run::journal::{Entry, Line, State};
use serde_json::{Map, Value, json};

/// VALUE as it is printed.
pub fn text(value: &Value) -> String {
    format!("{value:#}\n")
}

/// A run, as SUMMARY has it at NOW.
pub fn run(summary: &Summary, now: u64) -> Value {
    let text = |text: &str| match text {
        "" => Value::Null,
        text => text.into(),
    };
    json!({
        "id": summary.id,
        "harness": text(&summary.harness),
        "began": summary.began.map(moment),
        "last": summary.last.map(moment),
        "seconds": summary.began.map(|_| summary.duration(now).as_secs_f64()),
        "kind": summary.kind,
        "host": text(&summary.host),
        "vm": text(&summary.vm),
        "vdi": text(&summary.vdi),
        "verdict": summary.verdict.as_str(),
        "failing_step": summary.failed.last(),
        "message": summary.message,
        "passed_over": summary.passed_over,
        "machine_kept": summary.keeps_machine(now),
        "kept_until": summary.kept.flatten().map(moment),
        "journal": state(summary.reading.state),
        "journal_version": summary.reading.version,
        "head_sha256": text(&summary.reading.head),
        "folder": summary.folder.to_string_lossy(),
    })
}

/// The name of STATE.
pub fn state(state: State) -> &'static str {
    match state {
        State::Whole => "whole",
        State::Torn => "torn",
        State::Damaged(_) => "damaged",
    }
}

/// A line of a journal: when, what, and what that has to say.
pub fn entry(line: &Line) -> Value {
    let mut data = Map::new();
    data.insert("time".to_owned(), moment(line.time).into());
    let (what, said) = match &line.entry {
        Entry::Unknown(text) => ("unknown".to_owned(), json!({ "text": text })),
        // A variant is an object with one member, which is named after it.
        entry => match serde_json::to_value(entry) {
            Ok(Value::Object(object)) => object.into_iter().next().unwrap_or_default(),
            _ => Default::default(),
        },
    };
    data.insert("what".to_owned(), what.into());
    if let Value::Object(said) = said {
        for (name, value) in said {
            let (name, value) = member(&name, value);
            data.insert(name, value);
        }
    }
    data.into()
}

/// A member of an entry, in our units and spelling.
fn member(name: &str, value: Value) -> (String, Value) {
    let per_second = |value: &Value, many: f64| json!(value.as_f64().unwrap_or(0.0) / many);
    match (name, value) {
        ("milliseconds", value) => ("seconds".to_owned(), per_second(&value, 1e3)),
        ("overhead_microseconds", value) => {
            ("overhead_seconds".to_owned(), per_second(&value, 1e6))
        }
        ("until", Value::Number(until)) => {
            let until = until.as_u64().map(moment);
            ("until".to_owned(), json!(until))
        }
        // What an entry is has that name already.
        ("what", value) => ("text".to_owned(), value),
        (name, Value::Object(object)) => {
            let members = object
                .into_iter()
                .map(|(name, value)| member(&name, value))
                .collect::<Map<_, _>>();
            (name.replace('-', "_"), members.into())
        }
        (name, value) => (name.replace('-', "_"), value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_check_or_a_promise_says_does_not_hide_what_the_entry_is() {
        let line = Line {
            time: 0,
            entry: Entry::Checked {
                what: "it is so".into(),
                value: None,
            },
        };
        let data = entry(&line);
        assert_eq!(
            (&data["what"], &data["text"]),
            (&json!("checked"), &json!("it is so"))
        );
    }

    #[test]
    fn entries_have_times_and_durations_in_units_of_their_own() {
        let line = Line {
            time: 0,
            entry: Entry::StepPassed {
                step: vec!["a".into(), "b".into()],
                milliseconds: 1500,
                value: None,
                identity: None,
            },
        };
        assert_eq!(
            entry(&line),
            json!({
                "time": "1970-01-01T00:00:00Z",
                "what": "step-passed",
                "step": ["a", "b"],
                "seconds": 1.5,
            })
        );
        let unknown = Line {
            time: 0,
            entry: Entry::Unknown("(new . 1)".into()),
        };
        assert_eq!(entry(&unknown)["text"], "(new . 1)");
    }
}
