//! The results that `(fruix testing)` writes down: a line of JSON a test.

use crate::failure::Failure;
use crate::report::model::{Case, Outcome, Place, Trouble};
use serde::Deserialize;

/// A line; what is not known of a test is not in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    #[serde(default)]
    group: String,
    kind: Kind,
    file: Option<String>,
    line: Option<u64>,
    column: Option<u64>,
    seconds: Option<f64>,
    expected: Option<String>,
    actual: Option<String>,
}

/// SRFI-64's kinds of results.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Pass,
    Fail,
    Xpass,
    Xfail,
    Skip,
}

/// The tests in TEXT, in their order.
pub fn cases(text: &str) -> Result<Vec<Case>, Failure> {
    text.lines()
        .map(|line| match serde_json::from_str::<Line>(line) {
            Ok(line) => Ok(case(line)),
            Err(error) => Err(Failure::internal(format!(
                "a test's result cannot be read: {error}"
            ))),
        })
        .collect()
}

fn case(line: Line) -> Case {
    let place = match (&line.file, line.line, line.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => String::new(),
    };
    let trouble = |kind: &str, what: &str| {
        Outcome::Failed(Trouble {
            kind: kind.to_owned(),
            message: format!("{place}{what}"),
            expected: line.expected.clone(),
            actual: line.actual.clone(),
        })
    };
    Case {
        outcome: match line.kind {
            Kind::Pass => Outcome::Passed,
            Kind::Fail => trouble("fail", "the test fails"),
            Kind::Xpass => trouble("xpass", "the test passes, and is expected to fail"),
            Kind::Xfail => Outcome::KnownFailure("expected to fail".to_owned()),
            Kind::Skip => Outcome::Skipped("the file says so".to_owned()),
        },
        place: line
            .file
            .zip(line.line)
            .map(|(file, line)| Place { file, line }),
        group: line.group,
        name: line.name,
        seconds: line.seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_result_has_its_outcome_and_a_failure_says_where() {
        let line = |kind: &str| {
            format!(
                r#"{{"name":"n","group":"g","kind":"{kind}","file":"a.scm","line":3,"column":1,"seconds":0.5,"expected":"1","actual":"2"}}"#
            )
        };
        let text = ["pass", "fail", "xpass", "xfail", "skip"]
            .map(line)
            .join("\n");
        let cases = cases(&text).unwrap();
        let told: Vec<&str> = cases
            .iter()
            .map(|case| match &case.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed(trouble) | Outcome::Error(trouble) => &trouble.message,
                Outcome::KnownFailure(why) | Outcome::Skipped(why) => why,
            })
            .collect();
        assert_eq!(
            told,
            [
                "passed",
                "a.scm:3:1: the test fails",
                "a.scm:3:1: the test passes, and is expected to fail",
                "expected to fail",
                "the file says so"
            ]
        );
        assert!(super::cases("{\"name\":\"n\",\"kind\":\"lost\"}").is_err());
        assert!(super::cases("").unwrap().is_empty());
    }
}
