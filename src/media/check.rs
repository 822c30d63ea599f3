//! Whether a builder version must rise.
//!
//! A value of a version may stand for one layout only: a medium that was made
//! under it is taken for every later one of that value. So each value is judged
//! against what that value is known to have stood for, whatever the version is
//! called now or was called last. What is not known cannot be judged, and is no
//! success.

use super::MediaError;
use super::record::{Layout, Record};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::Path;

/// What a module is found to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The versions as (name, value as Scheme writes it), in the module's order.
    pub versions: Vec<(String, String)>,
    /// The layout from each of the reference closures.
    pub layouts: Vec<Layout>,
}

/// What is known of earlier values besides the record itself, such as what git has
/// of the module and of its record.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Earlier records.
    pub record: Record,
    /// Values that versions had in a module that somebody else may have, as (name,
    /// value).
    pub values: BTreeSet<(String, String)>,
}

/// How one builder version stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The value stands for the layout that is there, and for no other.
    Current,
    /// The value is new and the greatest; it has stood for nothing yet.
    Raised { from: String },
    /// The value has stood for another layout, or may have: it must rise.
    Stale(Stale),
    /// The value was committed once, and nothing is recorded of it.
    Committed,
    /// It cannot be said; WHY says why.
    Unknown { why: String },
    /// The record has the version, the module has not.
    Gone,
}

/// Why a version must rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    pub why: String,
    /// The closure with which it shows; none when it shows with none in particular.
    pub closure: String,
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

/// A version with its value and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    pub name: String,
    /// As Scheme writes it; what was recorded last for a version that is gone.
    pub value: String,
    pub check: Check,
}

/// How each version of SURVEY stands, given what the file RECORD says and what
/// HISTORY knows; a missing file records nothing.
pub fn check(
    survey: &Survey,
    record: &Path,
    history: &History,
) -> Result<Vec<Checked>, MediaError> {
    let recorded = Record::read(record)?;
    let mut known = recorded.clone();
    known.learn(history.record.clone());
    let mut checked: Vec<Checked> = survey
        .versions
        .iter()
        .map(|(name, value)| Checked {
            name: name.clone(),
            value: value.clone(),
            check: judge(name, value, &survey.layouts, &known, history),
        })
        .collect();
    for fact in recorded.facts.iter().rev() {
        if !checked.iter().any(|checked| checked.name == fact.name) {
            checked.push(Checked {
                name: fact.name.clone(),
                value: fact.value.clone(),
                check: Check::Gone,
            });
        }
    }
    Ok(checked)
}

fn judge(name: &str, value: &str, layouts: &[Layout], known: &Record, history: &History) -> Check {
    let unknown = |why: &str| Check::Unknown {
        why: why.to_owned(),
    };
    let greatest = known
        .facts
        .iter()
        .filter(|fact| fact.name == name)
        .map(|fact| fact.value.as_str())
        .max_by(|one, other| order(one, other));
    let Some(greatest) = greatest else {
        return unknown("no layout is recorded of it");
    };
    if !known.knows(name, value) {
        if order(value, greatest) == Ordering::Less {
            return Check::Stale(Stale {
                why: format!("it is less than {greatest}, and may have stood for another layout"),
                ..Stale::default()
            });
        }
        if history
            .values
            .contains(&(name.to_owned(), value.to_owned()))
        {
            return Check::Committed;
        }
        return Check::Raised {
            from: greatest.to_owned(),
        };
    }
    let mut doubt = None;
    for layout in layouts {
        match judge_with(name, value, layout, known) {
            Check::Current => {}
            Check::Unknown { why } => doubt = doubt.or(Some(why)),
            stale => return stale,
        }
    }
    let unseen = known.facts.iter().find(|fact| {
        fact.name == name
            && fact.value == value
            && !layouts.iter().any(|layout| layout.closure == fact.closure)
    });
    if let Some(fact) = unseen {
        doubt = doubt.or(Some(format!(
            "a layout is recorded with the closure {}, which is not here (--closure)",
            fact.closure
        )));
    }
    match doubt {
        None => Check::Current,
        Some(why) => Check::Unknown { why },
    }
}

/// How a version stands as far as LAYOUT shows; current, stale or unknown.
fn judge_with(name: &str, value: &str, layout: &Layout, known: &Record) -> Check {
    let fingerprint = layout.fingerprint();
    let facts: Vec<_> = known
        .facts
        .iter()
        .filter(|fact| fact.name == name && fact.value == value && fact.closure == layout.closure)
        .collect();
    let same_closure: Vec<_> = facts
        .iter()
        .filter(|fact| fact.identity == layout.identity)
        .collect();
    if let Some(other) = same_closure
        .iter()
        .find(|fact| fact.fingerprint != fingerprint)
    {
        let again = same_closure
            .iter()
            .any(|fact| fact.fingerprint == fingerprint);
        let mut stale = Stale {
            why: if again {
                format!("{value} has stood for another layout as well")
            } else {
                "the layout has changed".to_owned()
            },
            closure: layout.closure.clone(),
            ..Stale::default()
        };
        if let Some(before) = known.entries(&other.fingerprint) {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
                one.difference(other).cloned().collect()
            };
            stale.added = only(&layout.lines, before);
            stale.removed = only(before, &layout.lines);
        }
        return Check::Stale(stale);
    }
    if !same_closure.is_empty() || facts.iter().any(|fact| fact.fingerprint == fingerprint) {
        return Check::Current;
    }
    Check::Unknown {
        why: match facts.is_empty() {
            true => format!(
                "no layout is recorded of it with the closure {}",
                layout.closure
            ),
            false => format!(
                "its layout was recorded with a closure {} of other contents",
                layout.closure
            ),
        },
    }
}

/// Record in the file RECORD that the versions of SURVEY whose names WANTED has
/// stand for its layouts.
pub fn note(
    survey: &Survey,
    record: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), MediaError> {
    let mut known = Record::read(record)?;
    let before = known.clone();
    for (name, value) in survey.versions.iter().filter(|(name, _)| wanted(name)) {
        for layout in &survey.layouts {
            known.note(name, value, layout);
        }
    }
    // A record with conflict marks has the same facts, and is written anew.
    if known.facts == before.facts
        && std::fs::read_to_string(record).is_ok_and(|text| !text.contains("<<<<"))
    {
        return Ok(());
    }
    known.write(record)
}

/// Record in the file RECORD that all versions of SURVEY stand for its layouts, and
/// forget those that are no more.
pub fn record(survey: &Survey, record: &Path) -> Result<(), MediaError> {
    note(survey, record, |_| true)?;
    let mut known = Record::read(record)?;
    let count = known.facts.len();
    known
        .facts
        .retain(|fact| survey.versions.iter().any(|(name, _)| *name == fact.name));
    match known.facts.len() == count {
        true => Ok(()),
        false => known.write(record),
    }
}

/// Whether a value is before or after another: numbers in them count as numbers.
fn order(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(bool, String)> {
        let mut parts: Vec<(bool, String)> = Vec::new();
        for character in text.chars().filter(|character| !"\"'".contains(*character)) {
            let digit = character.is_ascii_digit();
            match parts.last_mut() {
                Some((kind, part)) if *kind == digit => part.push(character),
                _ => parts.push((digit, character.to_string())),
            }
        }
        parts
    };
    let (one, other) = (parts(one), parts(other));
    for ((one_digits, one), (other_digits, other)) in one.iter().zip(&other) {
        let number = |text: &str| text.trim_start_matches('0').to_owned();
        let ordering = match (one_digits, other_digits) {
            (true, true) => {
                let (one, other) = (number(one), number(other));
                one.len().cmp(&other.len()).then(one.cmp(&other))
            }
            _ => one.cmp(other),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    one.len().cmp(&other.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ordered_by_the_numbers_in_them() {
        for (less, greater) in [
            ("\"9\"", "\"10\""),
            ("9", "10"),
            ("\"9\"", "\"9.1\""),
            ("\"1.9\"", "\"1.10\""),
            ("v7", "v8"),
            ("\"phase20-09\"", "\"phase20-10\""),
            ("\"2026-04-05\"", "\"2026-12-01\""),
        ] {
            assert_eq!(order(less, greater), Ordering::Less, "{less} {greater}");
            assert_eq!(order(greater, less), Ordering::Greater, "{less} {greater}");
        }
        assert_eq!(order("\"9\"", "9"), Ordering::Equal);
    }
}
