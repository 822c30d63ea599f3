//! Whether a builder version must rise.
//!
//! When a version is raised, the visible layout it stands for is recorded
//! beside it: the lines that name every entry. Later, a layout that differs
//! under a version that does not is a stale medium waiting to happen.

use super::MediaError;
use super::edit::replace;
use super::versions::Version;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What was recorded when a version was last raised.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recorded {
    pub version: String,
    /// SHA-256 over the lines.
    pub fingerprint: String,
    pub layout: Vec<String>,
}

/// How one builder version stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The layout is the recorded one.
    Current,
    /// Nothing is recorded of this version yet.
    Unrecorded,
    /// The layout has changed and the version was raised since.
    Raised { from: String },
    /// The layout has changed and the version has not.
    Stale(Stale),
}

/// Why a version must rise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    pub added: Vec<String>,
    pub removed: Vec<String>,
}

/// Where the layouts of the module at PATH are recorded: beside it.
pub fn record_file(path: &Path) -> PathBuf {
    path.with_extension("layouts.scm")
}

/// How each of VERSIONS stands when the visible layout is LAYOUT, given what
/// the file RECORD says; a missing file records nothing.
pub fn check(
    versions: &[Version],
    layout: &[String],
    record: &Path,
) -> Result<Vec<(Version, Check)>, MediaError> {
    let recorded = read(record)?;
    let lines: BTreeSet<&String> = layout.iter().collect();
    let judge = |version: &Version| match recorded.get(&version.name) {
        None => Check::Unrecorded,
        Some(recorded) => {
            let before: BTreeSet<&String> = recorded.layout.iter().collect();
            if before == lines {
                Check::Current
            } else if recorded.version != version.value {
                Check::Raised {
                    from: recorded.version.clone(),
                }
            } else {
                let only = |one: &BTreeSet<&String>, other| {
                    one.difference(other).map(|line| (*line).clone()).collect()
                };
                Check::Stale(Stale {
                    added: only(&lines, &before),
                    removed: only(&before, &lines),
                })
            }
        }
    };
    Ok(versions
        .iter()
        .map(|version| (version.clone(), judge(version)))
        .collect())
}

/// Record in the file RECORD that VERSIONS stand for LAYOUT.
pub fn record(versions: &[Version], layout: &[String], record: &Path) -> Result<(), MediaError> {
    let mut recorded = read(record)?;
    let mut lines = layout.to_vec();
    lines.sort();
    lines.dedup();
    let fingerprint = fingerprint(&lines);
    for version in versions {
        recorded.insert(
            version.name.clone(),
            Recorded {
                version: version.value.clone(),
                fingerprint: fingerprint.clone(),
                layout: lines.clone(),
            },
        );
    }
    replace(record, &written(&recorded))
}

fn read(path: &Path) -> Result<BTreeMap<String, Recorded>, MediaError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(MediaError::io("read", path, error)),
    };
    let unclear = |why: String| MediaError::Record {
        path: path.to_owned(),
        why,
    };
    let recorded: BTreeMap<String, Recorded> =
        serde_lexpr::from_str(&text).map_err(|error| unclear(error.to_string()))?;
    match recorded
        .iter()
        .find(|(_, recorded)| fingerprint(&recorded.layout) != recorded.fingerprint)
    {
        None => Ok(recorded),
        Some((name, _)) => Err(unclear(format!(
            "the layout of {name} was changed after it was recorded"
        ))),
    }
}

fn fingerprint(lines: &[String]) -> String {
    Sha256::digest(lines.join("\n").as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// RECORDED as text that differs line by line, so that a change of it can be
/// read in a review.
fn written(recorded: &BTreeMap<String, Recorded>) -> String {
    let quoted = |text: &str| lexpr::Value::from(text).to_string();
    let mut text =
        String::from(";; Layouts that the builder versions stand for; written by fruix-scm.\n(");
    for (index, (name, recorded)) in recorded.iter().enumerate() {
        let Recorded {
            version,
            fingerprint,
            layout,
        } = recorded;
        let indent = if index == 0 { "" } else { " " };
        text.push_str(&format!(
            "{indent}({}\n  (version . {})\n  (fingerprint . {})\n  (layout\n",
            quoted(name),
            quoted(version),
            quoted(fingerprint)
        ));
        let lines: Vec<String> = layout
            .iter()
            .map(|line| format!("   {}", quoted(line)))
            .collect();
        text.push_str(&lines.join("\n"));
        text.push_str("))\n");
    }
    text.push_str(")\n");
    text
}
