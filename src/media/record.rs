//! What builder versions have stood for, as it is written down beside a module.
//!
//! A line is a fact: that a version had a value and stood for a layout, or that a
//! layout has an entry. Facts stay true when others are added, so the records of
//! two branches are merged by keeping the lines of both, in any order; a record
//! with git's conflict marks in it is read as just that.

use super::MediaError;
use super::edit::replace;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The visible layout of a system as a module makes it from one closure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The closure's name without its hash.
    pub closure: String,
    /// A digest of the closure: with another one, another layout is no wonder.
    pub identity: String,
    /// An entry a line.
    pub lines: BTreeSet<String>,
}

impl Layout {
    /// SHA-256 over the lines.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.lines)
    }
}

/// That a version has stood for a layout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// The constant, such as `image-builder-version`.
    pub name: String,
    /// Its value as Scheme writes it.
    pub value: String,
    pub closure: String,
    pub identity: String,
    pub fingerprint: String,
}

/// Everything that is recorded beside a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In the order of recording.
    pub facts: Vec<Fact>,
    /// The entries of layouts, by fingerprint; those of older values are let go.
    layouts: BTreeMap<String, BTreeSet<String>>,
}

/// Where the layouts of the module at PATH are recorded: beside the file itself,
/// also when PATH is a link to it.
pub fn record_file(path: &Path) -> PathBuf {
    fs::canonicalize(path)
        .unwrap_or_else(|_| path.to_owned())
        .with_extension("layouts.scm")
}

impl Record {
    /// What the file at PATH records; a missing file records nothing.
    pub fn read(path: &Path) -> Result<Record, MediaError> {
        match fs::read_to_string(path) {
            Ok(text) => Record::parse(&text).map_err(|why| MediaError::Record {
                path: path.to_owned(),
                why,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(MediaError::io("read", path, error)),
        }
    }

    /// Understand TEXT; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Record, String> {
        let mut record = Record::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let mark = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];
            if line.is_empty()
                || line.starts_with(';')
                || mark.iter().any(|mark| line.starts_with(mark))
            {
                continue;
            }
            record
                .line(line)
                .ok_or_else(|| format!("line {} is no fact of a record", index + 1))?;
        }
        let damaged = record
            .layouts
            .iter()
            .find(|(recorded, lines)| fingerprint(lines) != **recorded);
        if let Some((recorded, _)) = damaged {
            let whose = record
                .facts
                .iter()
                .find(|fact| fact.fingerprint == *recorded)
                .map_or("a version", |fact| fact.name.as_str());
            return Err(format!(
                "the layout of {whose} was changed after it was recorded"
            ));
        }
        Ok(record)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let datum: Vec<lexpr::Value> = lexpr::from_str(line).ok()?.to_vec()?;
        let (head, strings) = datum.split_first()?;
        let strings: Vec<&str> = strings
            .iter()
            .map(lexpr::Value::as_str)
            .collect::<Option<_>>()?;
        match (head.as_symbol()?, strings.as_slice()) {
            ("stood-for", [name, value, closure, identity, fingerprint]) => {
                self.add(Fact {
                    name: (*name).to_owned(),
                    value: (*value).to_owned(),
                    closure: (*closure).to_owned(),
                    identity: (*identity).to_owned(),
                    fingerprint: (*fingerprint).to_owned(),
                });
            }
            ("entry", [fingerprint, entry]) => {
                let layout = self.layouts.entry((*fingerprint).to_owned()).or_default();
                layout.insert((*entry).to_owned());
            }
            _ => return None,
        }
        Some(())
    }

    fn add(&mut self, fact: Fact) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    /// Know what OTHER knows as well.
    pub fn learn(&mut self, other: Record) {
        for fact in other.facts {
            self.add(fact);
        }
        self.layouts.extend(other.layouts);
    }

    /// Know that NAME had VALUE and stood for LAYOUT.
    pub fn note(&mut self, name: &str, value: &str, layout: &Layout) {
        let fingerprint = layout.fingerprint();
        self.layouts
            .insert(fingerprint.clone(), layout.lines.clone());
        self.add(Fact {
            name: name.to_owned(),
            value: value.to_owned(),
            closure: layout.closure.clone(),
            identity: layout.identity.clone(),
            fingerprint,
        });
    }

    /// The entries of a layout, where they are still recorded.
    pub fn entries(&self, fingerprint: &str) -> Option<&BTreeSet<String>> {
        self.layouts.get(fingerprint)
    }

    /// Whether NAME had VALUE.
    pub fn knows(&self, name: &str, value: &str) -> bool {
        self.facts
            .iter()
            .any(|fact| fact.name == name && fact.value == value)
    }

    /// Put the record in place of the file at PATH, a line a fact, so that a change
    /// of it can be read in a review. Entries are kept of the layouts that the
    /// versions stood for last.
    pub fn write(&self, path: &Path) -> Result<(), MediaError> {
        let quoted = |text: &str| lexpr::Value::from(text).to_string();
        let mut text = String::from(
            ";; What the builder versions have stood for, a line a fact; written by fruix-scm.\n\
             ;; To merge two of these files, keep the lines of both.\n",
        );
        let mut last: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for fact in &self.facts {
            let Fact {
                name,
                value,
                closure,
                identity,
                fingerprint,
            } = fact;
            text.push_str(&format!(
                "(stood-for {} {} {} {} {})\n",
                quoted(name),
                quoted(value),
                quoted(closure),
                quoted(identity),
                quoted(fingerprint)
            ));
            last.insert((name, closure), fingerprint);
        }
        let wanted: BTreeSet<&str> = last.into_values().collect();
        for (fingerprint, lines) in &self.layouts {
            if wanted.contains(fingerprint.as_str()) {
                for line in lines {
                    text.push_str(&format!(
                        "(entry {} {})\n",
                        quoted(fingerprint),
                        quoted(line)
                    ));
                }
            }
        }
        replace(path, &text)
    }
}

fn fingerprint(lines: &BTreeSet<String>) -> String {
    let mut hasher = Sha256::new();
    for line in lines {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(lines: &[&str]) -> Layout {
        Layout {
            closure: "fruix-system-x".to_owned(),
            identity: "1".to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    fn text(record: &Record) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("layouts.scm");
        record.write(&path).unwrap();
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_record_reads_back_in_any_order_of_lines_and_with_conflict_marks() {
        let mut record = Record::default();
        record.note("a", "\"9\"", &layout(&["./x \"odd\\\"", "./y"]));
        let written = text(&record);
        let mut lines: Vec<&str> = written.lines().collect();
        lines.reverse();
        lines.insert(1, "<<<<<<< HEAD");
        lines.insert(2, "=======");
        lines.push(">>>>>>> other branch");
        assert_eq!(Record::parse(&lines.join("\n")).unwrap(), record);
    }

    #[test]
    fn entries_of_older_values_are_let_go_and_their_fingerprints_stay() {
        let mut record = Record::default();
        record.note("a", "9", &layout(&["./x"]));
        record.note("a", "10", &layout(&["./y"]));
        let read = Record::parse(&text(&record)).unwrap();
        assert_eq!(read.facts, record.facts);
        assert!(read.entries(&layout(&["./x"]).fingerprint()).is_none());
        assert!(read.entries(&layout(&["./y"]).fingerprint()).is_some());
    }

    #[test]
    fn a_layout_that_was_changed_by_hand_is_refused() {
        let mut record = Record::default();
        record.note("a", "9", &layout(&["./x", "./y"]));
        let changed = text(&record).replace("./x", "./z");
        let why = Record::parse(&changed).unwrap_err();
        assert_eq!(why, "the layout of a was changed after it was recorded");
        assert!(Record::parse("((image-builder-version . 7)").is_err());
    }
}
