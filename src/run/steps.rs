//! Which steps of a run are done again when it goes on, and why: decisions, and
//! nothing else.
//!
//! A step's identity is its path: the names around it, its own, and how often
//! that was there before. Beside it stands its evidence, the digest of its text
//! and what it said it depends on. A journal proves what a *result* was. What an
//! *effect* has done is asked of the world, by its proof, and a *resource* is
//! attached to again.
//!
//! What has another value than before makes what follows it suspect: it may have
//! been made from the old one. So it is done again, unless it says itself, with
//! `#:inputs`, what it depends on. The same holds for a parameter that has another
//! value, and every step.

use super::journal::{Entry, StepKind, StepPath};
use crate::secrets;
use std::collections::{HashMap, HashSet};

/// What an earlier process of the run did in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub kind: StepKind,
    pub text: String,
    pub inputs: Option<String>,
    pub nonce: String,
    /// How it ended well, if it did.
    pub end: Option<End>,
    pub milliseconds: u64,
    /// What was recorded in it, in the order of time.
    pub records: Vec<(String, String)>,
    /// How many of its checks held.
    pub checks: usize,
    /// A clean-up that it has promised, which ended with its process.
    pub promised: Option<String>,
    /// Whether somebody passed over a failure in it.
    pub passed_over: bool,
    /// Whether an effect or a resource is among the steps in it.
    pub acts: bool,
}

impl Past {
    /// Whether what it gave or recorded is not all kept, because it was secret.
    fn holds_a_secret(&self) -> bool {
        let value = self.end.as_ref().and_then(|end| end.value.as_deref());
        let mut told = value
            .into_iter()
            .chain(self.records.iter().map(|(_, value)| value.as_str()));
        told.any(|text| text.contains(secrets::MARK))
    }
}

/// What a step that ended well gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    pub value: Option<String>,
    pub identity: Option<String>,
}

/// What is known about a step that is about to begin.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub kind: StepKind,
    pub text: &'a str,
    pub inputs: Option<&'a str>,
    /// The step before, in this nesting, that has now another value.
    pub suspect: Option<&'a str>,
    /// A parameter of the harness that has now another value.
    pub parameter: Option<&'a str>,
}

/// What is to be done with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do it: for the first time, or again because of what is said here.
    Do(Option<String>),
    /// Do what an earlier process has begun and not ended.
    Finish(String),
    /// Go through the steps in it, each of which is decided for itself.
    Enter(String),
    /// Take its value from the journal.
    Keep(String),
    /// Ask its proof, and do it when that does not hold.
    Prove,
    /// Attach to what it has made, and do it when that is not there.
    Attach,
}

impl Decision {
    /// Why the step is done, when it is.
    pub fn why_done(&self) -> Option<String> {
        match self {
            Decision::Do(None) => Some("it has not done it".to_owned()),
            Decision::Do(Some(why)) | Decision::Finish(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Whether what PAST may have left in the world is still meant.
    pub fn goes_on(&self, past: &Past) -> bool {
        !matches!(self, Decision::Do(_)) && !past.nonce.is_empty()
    }
}

/// Whether a step with EVIDENCE that an earlier process has left as PAST is done.
pub fn decide(past: Option<&Past>, evidence: &Evidence) -> Decision {
    let again = |why: &str| Decision::Do(Some(why.to_owned()));
    let Some(past) = past else {
        return Decision::Do(None);
    };
    if past.kind != evidence.kind {
        return again("it is of another kind now");
    }
    if past.text != evidence.text {
        return again("its text has changed");
    }
    match (past.inputs.as_deref(), evidence.inputs) {
        (before, now) if before != now => return again("what it depends on has changed"),
        (Some(_), Some(_)) => {}
        _ => {
            if let Some(parameter) = evidence.parameter {
                return Decision::Do(Some(format!(
                    "the parameter `{parameter}` has another value"
                )));
            }
            if let Some(cause) = evidence.suspect {
                return Decision::Do(Some(format!(
                    "`{cause}` before it gave something else this time"
                )));
            }
        }
    }
    match evidence.kind {
        StepKind::Resource => Decision::Attach,
        // Between its deed and the note of it a process may have died, so the proof
        // is asked whether or not the journal knows an end.
        StepKind::Effect => Decision::Prove,
        StepKind::Result if past.end.is_none() => Decision::Finish("it had not ended".to_owned()),
        StepKind::Result if past.holds_a_secret() => {
            again("what it gave held a secret, which is not kept")
        }
        StepKind::Result if past.passed_over => again("in it a failure was passed over by hand"),
        // What the steps in it have done is asked of the world, not of the journal.
        StepKind::Result if past.acts => {
            Decision::Enter("each step in it is asked for itself".to_owned())
        }
        StepKind::Result => match &past.promised {
            Some(what) => Decision::Do(Some(format!(
                "its promise to `{what}` ended with its process"
            ))),
            None => Decision::Keep("it had ended, and nothing it rests on has changed".to_owned()),
        },
    }
}

/// The steps of the processes that have worked on a run before.
#[derive(Debug, Default)]
pub struct History {
    steps: HashMap<StepPath, Past>,
    order: Vec<StepPath>,
    seen: HashSet<StepPath>,
}

impl History {
    /// What ENTRIES, a journal, tell of steps.
    pub fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> History {
        let mut history = History::default();
        let mut open: Vec<StepPath> = Vec::new();
        for entry in entries {
            match entry {
                Entry::Began { .. } | Entry::Resumed { .. } => open.clear(),
                Entry::StepBegan {
                    step,
                    kind,
                    text,
                    inputs,
                    nonce,
                    ..
                } => {
                    let past = Past {
                        kind: *kind,
                        text: text.clone(),
                        inputs: inputs.clone(),
                        nonce: nonce.clone(),
                        end: None,
                        milliseconds: 0,
                        records: Vec::new(),
                        checks: 0,
                        promised: None,
                        passed_over: false,
                        acts: false,
                    };
                    if *kind != StepKind::Result {
                        history.within(&open, |past| past.acts = true);
                    }
                    if history.steps.insert(step.clone(), past).is_none() {
                        history.order.push(step.clone());
                    }
                    open.push(step.clone());
                }
                Entry::StepPassed {
                    step,
                    milliseconds,
                    value,
                    identity,
                } => {
                    if let Some(past) = history.steps.get_mut(step) {
                        past.end = Some(End {
                            value: value.clone(),
                            identity: identity.clone(),
                        });
                        past.milliseconds = *milliseconds;
                    }
                    close(&mut open, step);
                }
                Entry::StepFailed {
                    step, milliseconds, ..
                } => {
                    if let Some(past) = history.steps.get_mut(step) {
                        past.end = None;
                        past.milliseconds = *milliseconds;
                    }
                    close(&mut open, step);
                }
                // What a kept step had recorded belongs to the steps around it too.
                Entry::StepKept { step, .. } => {
                    let kept = history
                        .steps
                        .get(step)
                        .map(|past| {
                            let acts = past.acts || past.kind != StepKind::Result;
                            (past.records.clone(), past.checks, acts)
                        })
                        .unwrap_or_default();
                    for outer in &open {
                        if let Some(past) = history.steps.get_mut(outer) {
                            past.records.extend(kept.0.iter().cloned());
                            past.checks += kept.1;
                            past.acts |= kept.2;
                        }
                    }
                }
                Entry::Recorded { key, value } => history.within(&open, |past| {
                    past.records.push((key.clone(), value.clone()));
                }),
                Entry::Checked { .. } => history.within(&open, |past| past.checks += 1),
                Entry::Promised { what } => {
                    history.within(&open, |past| past.promised = Some(what.clone()));
                }
                Entry::StepPassedOver { step, .. } => {
                    if let Some(past) = history.steps.get_mut(step) {
                        past.passed_over = true;
                    }
                    history.within(&open, |past| past.passed_over = true);
                }
                _ => {}
            }
        }
        history
    }

    fn within(&mut self, open: &[StepPath], change: impl Fn(&mut Past)) {
        for step in open {
            if let Some(past) = self.steps.get_mut(step) {
                change(past);
            }
        }
    }

    /// What is known of the step at PATH, which has come up now.
    pub fn meet(&mut self, path: &StepPath) -> Option<&Past> {
        let past = self.steps.get(path)?;
        self.seen.insert(path.clone());
        Some(past)
    }

    /// What is known of the step at PATH.
    pub fn get(&self, path: &[String]) -> Option<&Past> {
        self.steps.get(path)
    }

    /// The paths of its steps, in the order in which they first began.
    pub fn paths(&self) -> impl Iterator<Item = &StepPath> {
        self.order.iter()
    }

    /// Steps that had begun and have not come up again, but for those inside of
    /// others that have not, or that were kept whole.
    pub fn vanished(&self) -> Vec<&StepPath> {
        self.order
            .iter()
            .filter(|path| {
                let outer = &path[..path.len() - 1];
                !self.seen.contains(*path)
                    && (outer.is_empty() || self.seen.contains(outer))
                    && !self.is_inside_a_kept_one(path)
            })
            .collect()
    }

    fn is_inside_a_kept_one(&self, path: &[String]) -> bool {
        // A step that was met and whose inner steps were not is one that was kept.
        let outer = &path[..path.len() - 1];
        !outer.is_empty()
            && !self
                .seen
                .iter()
                .any(|seen| seen.len() > outer.len() && seen.starts_with(outer))
    }

    /// How long the steps took, in milliseconds, that a resumed run would not do
    /// again: finished results and effects, the outermost only.
    pub fn worth_milliseconds(&self) -> u64 {
        self.order
            .iter()
            .filter(|path| {
                is_worth(&self.steps[*path])
                    && !(1..path.len())
                        .any(|length| self.steps.get(&path[..length]).is_some_and(is_worth))
            })
            .map(|path| self.steps[path].milliseconds)
            .sum()
    }
}

fn is_worth(past: &Past) -> bool {
    past.end.is_some() && past.kind != StepKind::Resource && past.promised.is_none()
}

fn close(open: &mut Vec<StepPath>, step: &StepPath) {
    if let Some(at) = open.iter().rposition(|path| path == step) {
        open.truncate(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> StepPath {
        text.split('/').map(str::to_owned).collect()
    }

    fn began(step: &str, kind: StepKind) -> Entry {
        Entry::StepBegan {
            step: path(step),
            kind,
            text: "text".into(),
            inputs: None,
            nonce: "n".into(),
            why: None,
        }
    }

    fn passed(step: &str, milliseconds: u64) -> Entry {
        Entry::StepPassed {
            step: path(step),
            milliseconds,
            value: Some("(1)".into()),
            identity: None,
        }
    }

    fn recorded(key: &str) -> Entry {
        Entry::Recorded {
            key: key.into(),
            value: "1".into(),
        }
    }

    const EVIDENCE: Evidence = Evidence {
        kind: StepKind::Result,
        text: "text",
        inputs: None,
        suspect: None,
        parameter: None,
    };

    #[test]
    fn a_result_is_kept_only_when_it_ended_and_nothing_about_it_has_changed() {
        let ended = History::of([began("a", StepKind::Result), passed("a", 1)].iter());
        let past = ended.get(&path("a"));
        assert!(matches!(decide(past, &EVIDENCE), Decision::Keep(_)));
        for changed in [
            Evidence {
                text: "other",
                ..EVIDENCE
            },
            Evidence {
                inputs: Some("(2)"),
                ..EVIDENCE
            },
            Evidence {
                suspect: Some("b"),
                ..EVIDENCE
            },
            Evidence {
                parameter: Some("jobs"),
                ..EVIDENCE
            },
            Evidence {
                kind: StepKind::Effect,
                ..EVIDENCE
            },
        ] {
            assert!(
                matches!(decide(past, &changed), Decision::Do(Some(_))),
                "{changed:?}"
            );
        }
        assert_eq!(decide(None, &EVIDENCE), Decision::Do(None));
        let begun = History::of([began("a", StepKind::Result)].iter());
        assert!(matches!(
            decide(begun.get(&path("a")), &EVIDENCE),
            Decision::Finish(_)
        ));
    }

    #[test]
    fn the_journal_alone_proves_no_effect() {
        let effect = Evidence {
            kind: StepKind::Effect,
            ..EVIDENCE
        };
        let ended = History::of([began("a", StepKind::Effect), passed("a", 1)].iter());
        assert_eq!(decide(ended.get(&path("a")), &effect), Decision::Prove);
        // It may have been done although nobody could note it.
        let begun = History::of([began("a", StepKind::Effect)].iter());
        assert_eq!(decide(begun.get(&path("a")), &effect), Decision::Prove);
        let suspect = Evidence {
            suspect: Some("b"),
            ..effect
        };
        assert!(matches!(
            decide(ended.get(&path("a")), &suspect),
            Decision::Do(Some(_))
        ));
    }

    #[test]
    fn a_step_that_says_what_it_depends_on_is_not_suspect() {
        let mut entries = [began("a", StepKind::Result), passed("a", 1)];
        if let Entry::StepBegan { inputs, .. } = &mut entries[0] {
            *inputs = Some("(1)".into());
        }
        let history = History::of(entries.iter());
        let evidence = Evidence {
            inputs: Some("(1)"),
            suspect: Some("b"),
            parameter: Some("jobs"),
            ..EVIDENCE
        };
        assert!(matches!(
            decide(history.get(&path("a")), &evidence),
            Decision::Keep(_)
        ));
    }

    #[test]
    fn a_step_in_which_something_was_passed_over_is_done_again() {
        let entries = [
            began("a", StepKind::Result),
            began("a/b", StepKind::Result),
            Entry::StepFailed {
                step: path("a/b"),
                milliseconds: 1,
                key: String::new(),
                message: String::new(),
            },
            Entry::StepPassedOver {
                step: path("a/b"),
                how: String::new(),
            },
            passed("a", 1),
        ];
        let history = History::of(entries.iter());
        assert!(matches!(
            decide(history.get(&path("a")), &EVIDENCE),
            Decision::Do(Some(_))
        ));
        assert!(matches!(
            decide(history.get(&path("a/b")), &EVIDENCE),
            Decision::Finish(_)
        ));
    }

    #[test]
    fn a_step_that_promised_a_clean_up_is_done_again() {
        let entries = [
            began("a", StepKind::Result),
            began("a/b", StepKind::Result),
            Entry::Promised {
                what: "tidy".into(),
            },
            passed("a/b", 1),
            passed("a", 1),
        ];
        let history = History::of(entries.iter());
        for step in ["a", "a/b"] {
            assert!(matches!(
                decide(history.get(&path(step)), &EVIDENCE),
                Decision::Do(Some(_))
            ));
        }
    }

    #[test]
    fn a_step_made_of_others_that_act_is_not_taken_from_the_journal() {
        let first = [
            began("a", StepKind::Result),
            began("a/b", StepKind::Effect),
            passed("a/b", 1),
            passed("a", 1),
            began("c", StepKind::Result),
            began("c/d", StepKind::Result),
            passed("c/d", 1),
            passed("c", 1),
        ];
        // In a second process the proof held.
        let second = [
            began("a", StepKind::Result),
            Entry::StepKept {
                step: path("a/b"),
                why: String::new(),
            },
            passed("a", 1),
        ];
        for entries in [first.to_vec(), [&first[..], &second[..]].concat()] {
            let history = History::of(entries.iter());
            let decision = |step| decide(history.get(&path(step)), &EVIDENCE);
            assert!(matches!(decision("a"), Decision::Enter(_)));
            assert!(matches!(decision("c"), Decision::Keep(_)));
        }
    }

    #[test]
    fn what_was_recorded_in_a_step_is_known_to_all_around_it() {
        let entries = [
            began("a", StepKind::Result),
            began("a/b", StepKind::Result),
            recorded("one"),
            passed("a/b", 1),
            Entry::Resumed {
                tool: String::new(),
                client: String::new(),
                source: String::new(),
                trouble: None,
            },
            began("a", StepKind::Result),
            Entry::StepKept {
                step: path("a/b"),
                why: String::new(),
            },
            recorded("two"),
            passed("a", 1),
        ];
        let history = History::of(entries.iter());
        let keys = |step: &str| -> Vec<String> {
            let past = history.get(&path(step)).unwrap();
            past.records.iter().map(|(key, _)| key.clone()).collect()
        };
        assert_eq!(keys("a/b"), ["one"]);
        assert_eq!(keys("a"), ["one", "two"]);
    }

    #[test]
    fn steps_that_are_not_there_any_more_are_named_and_those_of_kept_ones_are_not() {
        let entries = [
            began("a", StepKind::Result),
            began("a/b", StepKind::Result),
            passed("a/b", 1),
            passed("a", 1),
            began("gone", StepKind::Result),
            began("gone/inner", StepKind::Result),
            passed("gone/inner", 1),
            passed("gone", 1),
        ];
        let mut history = History::of(entries.iter());
        history.meet(&path("a"));
        assert_eq!(history.vanished(), [&path("gone")]);
    }

    #[test]
    fn the_worth_of_a_run_counts_no_step_twice_and_no_resource() {
        let entries = [
            began("machine", StepKind::Resource),
            began("machine/import", StepKind::Effect),
            passed("machine/import", 100),
            passed("machine", 150),
            began("a", StepKind::Result),
            began("a/b", StepKind::Result),
            passed("a/b", 20),
            passed("a", 30),
            began("c", StepKind::Result),
            began("c/d", StepKind::Effect),
            passed("c/d", 5),
        ];
        assert_eq!(History::of(entries.iter()).worth_milliseconds(), 135);
    }
}
