//! The record: what a run found out, as `key=value` lines in a fixed order.
//!
//! Fruix's shell harnesses hand such files on through `METADATA_OUT`
//! (published reports, March to April 2026); readers there split a line at its
//! first `=`, so a key holds none and neither holds a newline.

use crate::failure::{Failure, Key};
use crate::visible;
use std::io::Write;
use std::path::Path;

/// Values under keys that were promised in advance.
#[derive(Clone, Debug)]
pub struct Record {
    entries: Vec<(String, Option<String>)>,
}

impl Record {
    /// An empty record that promises KEYS, in that order.
    pub fn new(keys: Vec<String>) -> Self {
        Record {
            entries: keys.into_iter().map(|key| (key, None)).collect(),
        }
    }

    /// Put VALUE under KEY, which must be one of the promised keys and free. What
    /// could command a terminal is spelled out.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        if value.contains(['\n', '\r']) {
            return Err(Failure::new(
                Key::Check,
                format!(
                    "cannot record `{key}`: its value `{}` has more than one line",
                    value.escape_debug()
                ),
            ));
        }
        let promised: Vec<String> = self.entries.iter().map(|(key, _)| key.clone()).collect();
        match self.entries.iter_mut().find(|(known, _)| known == key) {
            Some((_, slot @ None)) => {
                // What a guest says goes to screens and reports from here.
                *slot = Some(visible::escape(value));
                Ok(())
            }
            Some((_, Some(before))) => Err(Failure::new(
                Key::Usage,
                format!("cannot record `{key}` as `{value}`: it is `{before}` already"),
            )),
            None => Err(Failure::new(
                Key::Usage,
                format!("cannot record `{key}`: the harness did not announce that key"),
            )
            .hint(format!(
                "announced are {}; add `{key}` to #:record",
                promised.join(" ")
            ))),
        }
    }

    /// What is there, in the promised order.
    pub fn entries(&self) -> Vec<(String, String)> {
        self.entries
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.clone()?)))
            .collect()
    }

    /// Refuse a record of HARNESS that lacks a promised key.
    pub fn check_complete(&self, harness: &str) -> Result<(), Failure> {
        let missing: Vec<&str> = self
            .entries
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(key, _)| key.as_str())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Key::Check,
            format!("`{harness}` ended without recording {}", missing.join(", ")),
        ))
    }

    /// Write the record to FILE, whole or not at all.
    pub fn write_to(&self, file: &Path) -> Result<(), Failure> {
        let write = || -> std::io::Result<()> {
            let folder = match file.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
            for (key, value) in self.entries() {
                writeln!(temporary, "{key}={value}")?;
            }
            temporary.as_file().sync_all()?;
            temporary
                .persist(file)
                .map_err(|persisting| persisting.error)?;
            Ok(())
        };
        write().map_err(|error| cannot_write(file, &error))
    }
}

/// Refuse a metadata file that could not be written later, before hours of work.
pub fn check_destination(file: &Path) -> Result<(), Failure> {
    if file.is_dir() {
        return Err(cannot_write(
            file,
            &std::io::Error::other("it is a directory"),
        ));
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::NamedTempFile::new_in(folder)
        .map(drop)
        .map_err(|error| cannot_write(file, &error))
}

fn cannot_write(file: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Key::Settings,
        format!("cannot write the record to `{}`: {error}", file.display()),
    )
    .hint("name a file in a directory that exists and may be written with METADATA_OUT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record::new(vec!["build_jobs".into(), "source_store".into()])
    }

    #[test]
    fn the_order_is_the_promised_one_whatever_came_first() {
        let mut record = record();
        record.set("source_store", "/frx/store/x").unwrap();
        record.set("build_jobs", "2").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metadata");
        record.write_to(&file).unwrap();
        assert_eq!(
            std::fs::read_to_string(file).unwrap(),
            "build_jobs=2\nsource_store=/frx/store/x\n"
        );
    }

    #[test]
    fn a_key_that_was_not_announced_is_refused() {
        let failure = record().set("sha_kernel", "0").unwrap_err();
        assert!(failure.hint_text().unwrap().contains("build_jobs"));
    }

    #[test]
    fn a_value_of_two_lines_is_refused() {
        assert!(record().set("build_jobs", "2\nroot_password=x").is_err());
    }

    #[test]
    fn a_record_that_lacks_a_key_is_not_complete() {
        let failure = record().check_complete("phase20").unwrap_err();
        assert!(failure.message().contains("build_jobs, source_store"));
    }

    #[test]
    fn a_metadata_file_in_a_missing_directory_is_refused_before_the_run() {
        let failure = check_destination(Path::new("/nonexistent/metadata")).unwrap_err();
        assert_eq!(failure.key().exit_status(), 3);
    }
}
