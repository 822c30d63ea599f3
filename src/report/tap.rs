//! The Test Anything Protocol, version 14: a line a case, what is wrong in YAML.
//!
//! Source: the TAP 14 specification, testanything.org. Scalars are written as JSON,
//! which every YAML reader takes.

use super::model::{Case, Counts, Outcome, Suite, Trouble};
use crate::visible::escape;
use std::fmt::Write as _;

/// SUITES as one stream with one plan: readers that do not look into subtests count
/// each case.
pub fn text(suites: &[Suite]) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", Counts::of(suites).cases);
    let mut number = 0;
    for suite in suites {
        let _ = writeln!(text, "# {}", escape(&suite.name));
        for (name, value) in &suite.properties {
            let _ = writeln!(text, "# {}: {}", escape(name), escape(value));
        }
        for case in &suite.cases {
            number += 1;
            write_case(&mut text, number, case);
        }
    }
    text
}

fn write_case(text: &mut String, number: usize, case: &Case) {
    let (ok, directive) = match &case.outcome {
        Outcome::Passed => (true, String::new()),
        Outcome::Skipped(why) => (true, format!(" # SKIP {}", description(why))),
        Outcome::KnownFailure(why) => (false, format!(" # TODO {}", description(why))),
        Outcome::Failed(_) | Outcome::Error(_) => (false, String::new()),
    };
    let title = match case.group.as_str() {
        "" => case.name.clone(),
        group => format!("{group}: {}", case.name),
    };
    let _ = writeln!(
        text,
        "{}ok {number} - {}{directive}",
        if ok { "" } else { "not " },
        description(&title)
    );
    let mut said: Vec<(&str, String)> = Vec::new();
    match &case.outcome {
        Outcome::Failed(trouble) => said = diagnosis("fail", trouble),
        Outcome::Error(trouble) => said = diagnosis("error", trouble),
        _ => {}
    }
    if let Some(seconds) = case.seconds {
        said.push(("duration_ms", format!("{:.3}", seconds * 1e3)));
    }
    // What a reader of passing lines does not need would only make them long.
    if !said.is_empty() {
        if let Some(place) = &case.place {
            let line = place.line;
            said.push((
                "at",
                format!("{{\"file\": {}, \"line\": {line}}}", scalar(&place.file)),
            ));
        }
        text.push_str("  ---\n");
        for (name, value) in said {
            let _ = writeln!(text, "  {name}: {value}");
        }
        text.push_str("  ...\n");
    }
}

fn diagnosis(severity: &str, trouble: &Trouble) -> Vec<(&'static str, String)> {
    let mut said = vec![
        ("message", scalar(&trouble.message)),
        ("severity", scalar(severity)),
        ("kind", scalar(&trouble.kind)),
    ];
    for (name, value) in [("expected", &trouble.expected), ("actual", &trouble.actual)] {
        said.extend(value.as_ref().map(|value| (name, scalar(value))));
    }
    said
}

/// TEXT where a description stands: `#` would begin a directive.
fn description(text: &str) -> String {
    escape(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn scalar(text: &str) -> String {
    serde_json::Value::from(escape(text)).to_string()
}
