//! A run as a suite of cases.
//!
//! Each check is a case, and each step in which no other stands; a step that has failed
//! because of a check, or of a step in it, is none, so that one failure counts once. A
//! suite has no failing case if and only if the run has passed.

use super::evidence::{Check, CheckOutcome, Evidence, State, Step};
use super::model::{Case, Outcome, Place, Suite, Trouble};
use crate::failure::Key;
use crate::run::verdict::Verdict;
use std::collections::{HashMap, HashSet};

/// The run that EVIDENCE tells of.
pub fn suite(evidence: &Evidence) -> Suite {
    let summary = &evidence.summary;
    let mut cases = Vec::new();
    let steps: HashMap<&[String], &Step> = evidence
        .steps
        .iter()
        .map(|step| (&step.path[..], step))
        .collect();
    let mut explained: HashSet<&[String]> = HashSet::new();
    for step in &evidence.steps {
        if has_failed(step) || step.checks.iter().any(fails) {
            // Those around it fail with it.
            for length in 0..step.path.len() {
                explained.insert(&step.path[..length]);
            }
        }
    }
    for step in &evidence.steps {
        let tolerated = is_tolerated(step, &steps, summary.verdict);
        for check in &step.checks {
            cases.push(case_of_check(step, check, tolerated));
        }
        let is_explained = step.checks.iter().any(fails) || explained.contains(&step.path[..]);
        let is_case = match has_failed(step) {
            true => !is_explained,
            false => !step.has_inner && !step.checks.iter().any(says_all),
        };
        if is_case && !step.path.is_empty() {
            cases.push(case_of_step(step, evidence, tolerated));
        }
    }
    let fails = |case: &Case| matches!(case.outcome, Outcome::Failed(_) | Outcome::Error(_));
    if summary.verdict != Verdict::Pass && !cases.iter().any(fails) {
        cases.push(verdict(evidence));
    }
    Suite {
        name: match summary.harness.as_str() {
            "" => summary.id.clone(),
            name => name.to_owned(),
        },
        began: summary.began,
        seconds: summary
            .began
            .map(|_| summary.duration(summary.last.unwrap_or(0)).as_secs_f64()),
        properties: properties(evidence),
        cases,
    }
}

fn has_failed(step: &Step) -> bool {
    matches!(step.state, State::Failed { .. } | State::PassedOver { .. })
}

fn fails(check: &Check) -> bool {
    matches!(check.outcome, CheckOutcome::Fails { .. })
}

/// Whether CHECK says what became of its step.
fn says_all(check: &Check) -> bool {
    matches!(
        check.outcome,
        CheckOutcome::Skipped(_) | CheckOutcome::KnownFailure { .. }
    )
}

/// Whether the harness has gone on behind a failure in STEP by what is written there.
fn is_tolerated(step: &Step, steps: &HashMap<&[String], &Step>, verdict: Verdict) -> bool {
    for length in (1..=step.path.len()).rev() {
        match steps.get(&step.path[..length]).map(|step| &step.state) {
            Some(State::PassedOver { .. }) => return false,
            Some(State::Passed | State::Kept(_)) => return true,
            _ => {}
        }
    }
    verdict == Verdict::Pass
}

const WENT_ON: &str = "the harness went on, as it is written to";

fn case_of_check(step: &Step, check: &Check, tolerated: bool) -> Case {
    Case {
        group: step.path.join(" / "),
        name: check.what.clone(),
        place: check.place.as_deref().and_then(Place::from_text),
        seconds: None,
        outcome: match &check.outcome {
            CheckOutcome::Holds(_) => Outcome::Passed,
            CheckOutcome::Skipped(why) => Outcome::Skipped(why.clone()),
            CheckOutcome::KnownFailure { why, message } => {
                Outcome::KnownFailure(format!("{why}: {message}"))
            }
            CheckOutcome::Fails { message, .. } if tolerated => {
                Outcome::KnownFailure(format!("{WENT_ON}: {message}"))
            }
            CheckOutcome::Fails {
                message,
                expected,
                actual,
            } => Outcome::Failed(Trouble {
                kind: Key::Check.as_str().to_owned(),
                message: message.clone(),
                expected: expected.clone(),
                actual: actual.clone(),
            }),
        },
    }
}

fn case_of_step(step: &Step, evidence: &Evidence, tolerated: bool) -> Case {
    let (name, outer) = step.path.split_last().expect("the harness is no case");
    let trouble = |kind: &str, message: &str| Trouble {
        kind: kind.to_owned(),
        message: message.to_owned(),
        ..Trouble::default()
    };
    Case {
        group: outer.join(" / "),
        name: name.clone(),
        place: None,
        seconds: step
            .milliseconds
            .map(|milliseconds| milliseconds as f64 / 1e3),
        outcome: match &step.state {
            State::Passed => Outcome::Passed,
            State::Kept(why) if evidence.partial.is_some() => Outcome::Skipped(why.clone()),
            State::Kept(_) => Outcome::Passed,
            State::Failed { message, .. } if tolerated => {
                Outcome::KnownFailure(format!("{WENT_ON}: {message}"))
            }
            State::Failed { key, message } => match Verdict::of_key(key) {
                Verdict::Fail => Outcome::Failed(trouble(key, message)),
                _ => Outcome::Error(trouble(key, message)),
            },
            State::PassedOver { how, message } => Outcome::Failed(trouble(
                "passed-over",
                &format!("{message}; passed over by hand: {how}"),
            )),
            State::Open => Outcome::Error(trouble("open", "it has not ended")),
        },
    }
}

/// What a run that has not passed has to say where no step or check does.
fn verdict(evidence: &Evidence) -> Case {
    let summary = &evidence.summary;
    let trouble = Trouble {
        kind: summary.verdict.to_string(),
        message: summary
            .message
            .clone()
            .unwrap_or_else(|| format!("the verdict on the run is `{}`", summary.verdict)),
        ..Trouble::default()
    };
    Case {
        group: String::new(),
        name: "the run has passed".to_owned(),
        place: None,
        seconds: None,
        outcome: match summary.verdict {
            Verdict::Fail | Verdict::Partial => Outcome::Failed(trouble),
            _ => Outcome::Error(trouble),
        },
    }
}

fn properties(evidence: &Evidence) -> Vec<(String, String)> {
    let summary = &evidence.summary;
    let mut properties: Vec<(String, String)> = [
        ("verdict", summary.verdict.as_str()),
        ("run_id", &summary.id),
        ("run_kind", evidence.kind()),
        ("host", &summary.host),
        ("vm", &summary.vm),
        ("vdi", &summary.vdi),
        ("harness_sha256", &evidence.program.sha256),
        ("journal_sha256", &summary.reading.head),
        ("tool_version", &evidence.tool),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    let images = evidence.images.iter();
    properties.extend(images.map(|image| ("image_sha256".to_owned(), image.sha256.clone())));
    let record = evidence.record.iter();
    properties.extend(record.map(|(key, value)| (format!("record.{key}"), value.clone())));
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::folder::Summary;
    use crate::run::journal::{Entry, Line, Reading, StepKind, StepPath};

    fn path(text: &str) -> StepPath {
        text.split('/').map(str::to_owned).collect()
    }

    fn began(step: &str) -> Entry {
        Entry::StepBegan {
            step: path(step),
            kind: StepKind::Result,
            text: String::new(),
            inputs: None,
            nonce: String::new(),
            why: None,
        }
    }

    fn passed(step: &str) -> Entry {
        Entry::StepPassed {
            step: path(step),
            milliseconds: 1,
            value: None,
            identity: None,
        }
    }

    fn failed(step: &str) -> Entry {
        Entry::StepFailed {
            step: path(step),
            milliseconds: 1,
            key: "check-failed".into(),
            message: "no".into(),
        }
    }

    fn kept(step: &str) -> Entry {
        Entry::StepKept {
            step: path(step),
            why: "its proof holds".into(),
        }
    }

    fn refused(what: &str) -> Entry {
        Entry::CheckFailed {
            what: what.into(),
            place: None,
            message: "no".into(),
            expected: None,
            actual: None,
        }
    }

    fn holds(what: &str) -> Entry {
        Entry::Checked {
            what: what.into(),
            value: None,
        }
    }

    fn resumed() -> Entry {
        Entry::Resumed {
            tool: String::new(),
            client: String::new(),
            source: String::new(),
            trouble: None,
        }
    }

    fn ended(verdict: &str) -> Entry {
        Entry::Ended {
            verdict: verdict.into(),
            message: None,
            milliseconds: 1,
            overhead_microseconds: 0,
        }
    }

    /// The cases of a run with ENTRIES, each as `SIGN GROUP: NAME`.
    fn cases(entries: Vec<Entry>) -> Vec<String> {
        let reading = Reading {
            lines: entries
                .into_iter()
                .map(|entry| Line { time: 0, entry })
                .collect(),
            ..Reading::nothing()
        };
        let summary = Summary::of("id".into(), "/run".into(), reading);
        let suite = Evidence::of(summary).suite();
        suite
            .cases
            .iter()
            .map(|case| {
                let sign = match case.outcome {
                    Outcome::Passed => "ok",
                    Outcome::Skipped(_) => "skipped",
                    Outcome::KnownFailure(_) => "known",
                    Outcome::Failed(_) => "failed",
                    Outcome::Error(_) => "error",
                };
                format!("{sign} {}: {}", case.group, case.name)
            })
            .collect()
    }

    #[test]
    fn one_failure_counts_once_where_it_is() {
        assert_eq!(
            cases(vec![
                began("a"),
                began("a/b"),
                holds("good"),
                refused("bad"),
                failed("a/b"),
                failed("a"),
                ended("fail"),
            ]),
            ["ok a / b: good", "failed a / b: bad"]
        );
        assert_eq!(
            cases(vec![
                began("a"),
                began("a/b"),
                failed("a/b"),
                failed("a"),
                ended("fail")
            ]),
            ["failed a: b"]
        );
    }

    #[test]
    fn of_a_step_that_was_done_again_the_last_time_counts() {
        assert_eq!(
            cases(vec![
                began("a"),
                began("a/b"),
                refused("bad"),
                failed("a/b"),
                began("a/b"),
                holds("bad"),
                passed("a/b"),
                passed("a"),
                ended("pass"),
            ]),
            ["ok a / b: bad", "ok a: b"]
        );
        // In another process, where what is inside of a step may be other steps.
        assert_eq!(
            cases(vec![
                began("a"),
                began("a/gone"),
                failed("a/gone"),
                failed("a"),
                ended("fail"),
                resumed(),
                began("a"),
                began("a/new"),
                passed("a/new"),
                passed("a"),
                ended("pass"),
            ]),
            ["ok a: new"]
        );
    }

    #[test]
    fn what_is_kept_of_an_earlier_process_is_there_with_its_checks() {
        assert_eq!(
            cases(vec![
                began("a"),
                began("a/b"),
                holds("good"),
                passed("a/b"),
                passed("a"),
                began("c"),
                failed("c"),
                ended("fail"),
                resumed(),
                kept("a"),
                began("c"),
                passed("c"),
                ended("pass"),
            ]),
            ["ok a / b: good", "ok a: b", "ok : c"]
        );
    }

    #[test]
    fn what_a_harness_has_caught_is_known_and_what_a_hand_passed_over_is_not() {
        let caught = |verdict: &str| {
            vec![
                began("a"),
                began("a/b"),
                refused("bad"),
                failed("a/b"),
                passed("a"),
                ended(verdict),
            ]
        };
        assert_eq!(cases(caught("pass")), ["known a / b: bad"]);
        let mut passed_over = caught("partial");
        passed_over.insert(
            4,
            Entry::StepPassedOver {
                step: path("a/b"),
                how: "by hand".into(),
            },
        );
        assert_eq!(cases(passed_over), ["failed a / b: bad"]);
    }

    #[test]
    fn a_run_that_has_not_passed_has_a_case_that_says_so() {
        let good = || vec![began("a"), passed("a")];
        assert_eq!(cases([good(), vec![ended("pass")]].concat()), ["ok : a"]);
        for (verdict, sign) in [
            ("partial", "failed"),
            ("not-ready", "error"),
            ("interrupted", "error"),
        ] {
            assert_eq!(
                cases([good(), vec![ended(verdict)]].concat()),
                ["ok : a".to_owned(), format!("{sign} : the run has passed")]
            );
        }
        // Killed, in a step and between two.
        assert_eq!(cases(vec![began("a")]), ["error : a"]);
        assert_eq!(cases(good()), ["ok : a", "error : the run has passed"]);
    }
}
