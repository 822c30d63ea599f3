//! Two runs beside one another: what has changed from one to the other.
//!
//! What is the same is left out. How long steps took is told and counts for nothing:
//! no two runs take as long.

use super::evidence::Evidence;
use super::model::Outcome;
use std::collections::{BTreeMap, HashMap};

/// What is different in the second of two runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Of which the runs are: harness, tool, image, machine, parameters, settings.
    pub circumstances: Vec<Change>,
    pub record: Vec<Change>,
    pub checks: Vec<Check>,
    pub durations: Vec<Duration>,
}

/// A value that has another one now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    /// None when it is new.
    pub before: Option<String>,
    /// None when it has vanished.
    pub after: Option<String>,
}

/// A check, or a step, that comes out otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub group: String,
    pub name: String,
    pub turn: Turn,
}

/// Which way a check has turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    Broken,
    Fixed,
    New,
    Vanished,
}

impl Turn {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Turn::Broken => "broken",
            Turn::Fixed => "fixed",
            Turn::New => "new",
            Turn::Vanished => "vanished",
        }
    }
}

/// How long a step took that both have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Duration {
    pub step: String,
    pub before: f64,
    pub after: f64,
}

impl Comparison {
    /// What has changed from BEFORE to AFTER.
    pub fn of(before: &Evidence, after: &Evidence) -> Comparison {
        Comparison {
            circumstances: changes(&circumstances(before), &circumstances(after)),
            record: changes(&before.record, &after.record),
            checks: checks(before, after),
            durations: durations(before, after),
        }
    }

    /// Whether both have found the same in the same circumstances.
    pub fn is_empty(&self) -> bool {
        self.circumstances.is_empty() && self.record.is_empty() && self.checks.is_empty()
    }
}

fn circumstances(evidence: &Evidence) -> Vec<(String, String)> {
    let mut found = vec![
        ("harness".to_owned(), evidence.summary.harness.clone()),
        ("harness_sha256".to_owned(), evidence.program.sha256.clone()),
        ("run_kind".to_owned(), evidence.kind().to_owned()),
        (
            "verdict".to_owned(),
            evidence.summary.verdict.as_str().to_owned(),
        ),
        ("tool_version".to_owned(), evidence.tool.clone()),
        ("arguments".to_owned(), evidence.program.arguments.join(" ")),
    ];
    let tool = evidence.tool_sha256.iter();
    found.extend(tool.map(|tool| ("tool_sha256".to_owned(), tool.clone())));
    for machine in &evidence.machines {
        for (what, value) in [
            ("host", &machine.host),
            ("vm", &machine.vm),
            ("vdi", &machine.vdi),
        ] {
            let name = match machine.name.as_str() {
                "" => what.to_owned(),
                name => format!("{what} of {name}"),
            };
            found.push((name, value.clone()));
        }
    }
    for (number, image) in evidence.images.iter().enumerate() {
        let name = match number {
            0 => "image_sha256".to_owned(),
            number => format!("image_sha256 ({})", number + 1),
        };
        found.push((name, image.sha256.clone()));
    }
    let modules = evidence.modules.iter();
    found.extend(modules.map(|module| (module.name.clone(), module.sha256.clone())));
    let parameters = evidence.parameters.iter();
    found.extend(parameters.map(|parameter| {
        (
            format!("parameter {}", parameter.name),
            parameter.value.clone(),
        )
    }));
    let settings = evidence.settings.iter();
    found.extend(settings.map(|(name, value)| (format!("setting {name}"), value.clone())));
    found
}

/// The names that have another value in AFTER, in the order of BEFORE, and then the new.
fn changes(before: &[(String, String)], after: &[(String, String)]) -> Vec<Change> {
    let now: HashMap<&str, &str> = after
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let then: HashMap<&str, &str> = before
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let gone_or_changed = before.iter().filter_map(|(name, value)| {
        let after = now.get(&**name).copied();
        (after != Some(value)).then(|| Change {
            name: name.clone(),
            before: Some(value.clone()),
            after: after.map(str::to_owned),
        })
    });
    let new = after.iter().filter(|(name, _)| !then.contains_key(&**name));
    let new = new.map(|(name, value)| Change {
        name: name.clone(),
        before: None,
        after: Some(value.clone()),
    });
    gone_or_changed.chain(new).collect()
}

/// Whether each case is good, by group, name and how often that has been there.
fn cases(evidence: &Evidence) -> BTreeMap<(String, String, usize), bool> {
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    evidence
        .suite()
        .cases
        .into_iter()
        .map(|case| {
            let good = !matches!(case.outcome, Outcome::Failed(_) | Outcome::Error(_));
            let count = counts
                .entry((case.group.clone(), case.name.clone()))
                .or_default();
            *count += 1;
            ((case.group, case.name, *count), good)
        })
        .collect()
}

fn checks(before: &Evidence, after: &Evidence) -> Vec<Check> {
    let (before, after) = (cases(before), cases(after));
    let mut turned = Vec::new();
    let mut turn = |(group, name, count): &(String, String, usize), turn| {
        turned.push(Check {
            group: group.clone(),
            name: match count {
                1 => name.clone(),
                count => format!("{name} ({count})"),
            },
            turn,
        });
    };
    for (case, was_good) in &before {
        match (was_good, after.get(case)) {
            (_, None) => turn(case, Turn::Vanished),
            (true, Some(false)) => turn(case, Turn::Broken),
            (false, Some(true)) => turn(case, Turn::Fixed),
            _ => {}
        }
    }
    for case in after.keys().filter(|case| !before.contains_key(*case)) {
        turn(case, Turn::New);
    }
    turned.sort_by_key(|check| check.turn);
    turned
}

fn durations(before: &Evidence, after: &Evidence) -> Vec<Duration> {
    let then: HashMap<&[String], u64> = before
        .steps
        .iter()
        .filter_map(|step| Some((&step.path[..], step.milliseconds?)))
        .collect();
    after
        .steps
        .iter()
        .filter_map(|step| {
            Some(Duration {
                step: step.path.join(" / "),
                before: *then.get(&step.path[..])? as f64 / 1e3,
                after: step.milliseconds? as f64 / 1e3,
            })
        })
        .collect()
}
