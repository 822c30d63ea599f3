//! The record: what a run found out, as `key=value` lines in a fixed order.
//!
//! Fruix's shell harnesses hand such files on through `METADATA_OUT`
//! (published reports, March to April 2026); readers there split a line at its
//! first `=`, so a key holds none and neither holds a newline.

use crate::clock;
use crate::failure::{Failure, Key};
use crate::private;
use crate::runtime;
use crate::secrets;
use crate::visible::escape;
use rustix::fs::{Access, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a FIFO may be without a reader.
const READER: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

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
                // It may be the guest's word, and is printed.
                *slot = Some(escape(&secrets::hide(value)));
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
}

/// Where a record or a report goes, which a run looks at before its work and writes to
/// after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    what: What,
    place: Place,
}

/// What goes to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Record,
    Report,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A regular file, or one to be; links that lead to it have been followed. It
    /// is replaced whole.
    File(PathBuf),
    /// Something that is there to be written to: a FIFO, a device, an open file.
    Stream(PathBuf),
}

impl Place {
    fn resolve(name: &Path) -> io::Result<Place> {
        // What has a name there is open already: what is behind it may have no other.
        // Below `/dev/shm` are files as anywhere.
        let folder = std::fs::canonicalize(folder_of(name)).unwrap_or_default();
        if folder == Path::new("/dev")
            || folder == Path::new("/dev/fd")
            || folder.starts_with("/proc")
        {
            return Ok(Place::Stream(name.to_owned()));
        }
        match std::fs::metadata(name) {
            Ok(what) if what.is_dir() => Err(io::Error::other("it is a directory")),
            Ok(what) if what.is_file() => Ok(Place::File(std::fs::canonicalize(name)?)),
            Ok(what) if what.file_type().is_socket() => Err(io::Error::other("it is a socket")),
            Ok(_) => Ok(Place::Stream(name.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut file = name.to_owned();
                // As many links as Linux follows.
                for _ in 0..40 {
                    match std::fs::read_link(&file) {
                        Ok(target) => file = folder_of(&file).join(target),
                        Err(_) => return Ok(Place::File(file)),
                    }
                }
                Err(io::Error::other("too many symbolic links"))
            }
            Err(error) => Err(error),
        }
    }
}

impl Destination {
    /// The destination for WHAT that NAME names. Refuse one that could not be written
    /// later, before hours of work.
    pub fn of(what: What, name: &Path) -> Result<Destination, Failure> {
        let place = Place::resolve(name).map_err(|error| what.cannot_write(name, &error))?;
        let check = || -> io::Result<()> {
            match &place {
                Place::File(file) => tempfile::NamedTempFile::new_in(folder_of(file)).map(drop),
                Place::Stream(path) => Ok(rustix::fs::access(path, Access::WRITE_OK)?),
            }
        };
        check().map_err(|error| what.cannot_write(name, &error))?;
        Ok(Destination { what, place })
    }

    /// The file that it is, or the name of what is written to.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::File(path) | Place::Stream(path) => path,
        }
    }

    /// Remove what an earlier run has left, which would be taken for that of one
    /// that fails.
    pub fn clear(&self) -> Result<(), Failure> {
        match &self.place {
            Place::File(file) => match std::fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(self.what.cannot_write(file, &error))
                }
                _ => Ok(()),
            },
            Place::Stream(_) => Ok(()),
        }
    }

    /// What is to be written to bit by bit: a new file, or what is there. A FIFO has to
    /// have a reader first.
    pub fn open(&self) -> Result<File, Failure> {
        let opened = match &self.place {
            Place::File(file) => private::options().create(true).truncate(true).open(file),
            // Standard output may be a file that others write to.
            Place::Stream(path) => File::options().append(true).open(path),
        };
        opened.map_err(|error| self.what.cannot_write(self.path(), &error))
    }

    /// Write ENTRIES as `key=value` lines: to a file whole or not at all.
    pub fn write(&self, entries: &[(String, String)]) -> Result<(), Failure> {
        let text: String = entries
            .iter()
            .map(|(key, value)| format!("{key}={value}\n"))
            .collect();
        self.write_text(text)
    }

    /// Write TEXT: to a file whole or not at all.
    pub fn write_text(&self, text: String) -> Result<(), Failure> {
        let what = self.what;
        match &self.place {
            Place::File(file) => {
                replace(file, &text).map_err(|error| what.cannot_write(file, &error))
            }
            Place::Stream(path) => {
                let task = format!("writing {} to `{}`", what.as_str(), path.display());
                let (path, shown) = (path.clone(), path.clone());
                runtime::wait_to_clean_up(&task, READER * 2, async move {
                    write_through(&path, text.as_bytes())
                        .await
                        .map_err(|error| what.cannot_write(&shown, &error))
                })
            }
        }
    }
}

fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut temporary = tempfile::NamedTempFile::new_in(folder_of(file))?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().sync_all()?;
    temporary
        .persist(file)
        .map_err(|persisting| persisting.error)?;
    Ok(())
}

/// Write TEXT to what is at PATH. A FIFO needs somebody who reads, and is waited
/// for a moment.
async fn write_through(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut waits_for = io::Error::from(io::ErrorKind::TimedOut);
    let writing = async {
        let mut stream = loop {
            let opened = File::options()
                .write(true)
                .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
                .open(path);
            match opened {
                Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                    waits_for = error;
                    clock::machine::sleep(PAUSE).await;
                }
                opened => break opened?,
            }
        };
        let mut rest = text;
        while !rest.is_empty() {
            match stream.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    waits_for = error;
                    clock::machine::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
        stream.flush()
    };
    let written = clock::limit(READER, writing).await;
    written.unwrap_or(Err(waits_for))
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            What::Record => "the record",
            What::Report => "the report",
        }
    }

    fn cannot_write(self, file: &Path, error: &io::Error) -> Failure {
        let option = match self {
            What::Record => " with METADATA_OUT",
            What::Report => "",
        };
        Failure::new(
            Key::Settings,
            format!(
                "cannot write {} to `{}`: {error}",
                self.as_str(),
                file.display()
            ),
        )
        .hint(format!(
            "name a file in a directory that exists and may be written{option}"
        ))
    }
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
        let destination = Destination::of(What::Record, &file).unwrap();
        destination.write(&record.entries()).unwrap();
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
        let failure =
            Destination::of(What::Record, Path::new("/nonexistent/metadata")).unwrap_err();
        assert_eq!(failure.key().exit_status(), 3);
    }

    fn entries() -> Vec<(String, String)> {
        vec![("a".into(), "1".into())]
    }

    #[test]
    fn a_link_stays_a_link_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("far")).unwrap();
        std::os::unix::fs::symlink("far/away", at("link")).unwrap();
        std::os::unix::fs::symlink("link", at("twice")).unwrap();
        // Once where nothing is there yet, once where something is.
        for _ in 0..2 {
            let destination = Destination::of(What::Record, &at("twice")).unwrap();
            destination.write(&entries()).unwrap();
            assert_eq!(std::fs::read_to_string(at("far/away")).unwrap(), "a=1\n");
            assert!(at("twice").is_symlink() && at("link").is_symlink());
        }
        Destination::of(What::Record, &at("twice"))
            .unwrap()
            .clear()
            .unwrap();
        assert!(!at("far/away").exists() && at("twice").is_symlink());
        std::os::unix::fs::symlink("round", at("round")).unwrap();
        assert!(Destination::of(What::Record, &at("round")).is_err());
    }

    #[test]
    fn a_fifo_is_written_to_and_stays() {
        use std::io::Read;
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        let destination = Destination::of(What::Record, &fifo).unwrap();
        destination.clear().unwrap();
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || {
                let mut text = String::new();
                File::open(fifo).unwrap().read_to_string(&mut text).unwrap();
                text
            }
        });
        destination.write(&entries()).unwrap();
        assert_eq!(reader.join().unwrap(), "a=1\n");
        assert!(std::fs::metadata(&fifo).unwrap().file_type().is_fifo());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_that_is_full_is_an_error_and_no_file() {
        let destination = Destination::of(What::Record, Path::new("/dev/full")).unwrap();
        destination.clear().unwrap();
        assert!(destination.write(&entries()).is_err());
        assert!(!std::fs::metadata("/dev/full").unwrap().is_file());
    }

    #[test]
    fn what_is_open_is_written_to_and_a_file_of_a_memory_disk_is_a_file() {
        for name in ["/dev/stdout", "/dev/fd/1", "/dev/null"] {
            let place = Place::resolve(Path::new(name)).unwrap();
            assert_eq!(place, Place::Stream(name.into()));
        }
        let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
            return;
        };
        let file = folder.path().join("record");
        assert_eq!(Place::resolve(&file).unwrap(), Place::File(file.clone()));
        std::fs::write(&file, "").unwrap();
        assert_eq!(Place::resolve(&file).unwrap(), Place::File(file));
    }
}
