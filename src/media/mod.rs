//! Media and what makes them new: the builder versions in a `media.scm`, the
//! visible layout that they stand for, and disk images.
//!
//! A builder version is part of a medium's identity. When the visible layout
//! of a booted system changes and a version does not, a stale medium is taken
//! for a fresh one; [`check`] is there to prevent that. Versions are found and
//! raised in the text of the file, which keeps every other byte.
//!
//! Left out: making media, and evaluating `media.scm`; Scheme does that and
//! hands the layout over as lines.

mod ample;
mod check;
mod edit;
mod image;
pub mod primitives;
mod record;
mod scratch;
mod versions;

pub use self::record::{Fact, Layout, Record, record_file};
pub use check::{Check, Checked, History, Stale, Survey, check, note, record};
pub use edit::{Raised, bump, raise, replace};
pub use image::{DiskImage, Fit, Partition, inspect};
pub use scratch::Scratch;
pub use versions::{BUILDERS, Definition, ReadDefinitions, Version, Way, find, read, status};

use crate::failure::{Detail, Failure, Key};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why builder versions or a disk image could not be read or changed.
#[derive(Debug)]
pub enum MediaError {
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// The text of a module ends inside something, or is no text.
    Text {
        path: PathBuf,
        line: usize,
        why: String,
    },
    /// A builder version is not where it should be, or twice.
    Version {
        path: PathBuf,
        name: String,
        why: String,
    },
    /// A record of layouts cannot be understood.
    Record { path: PathBuf, why: String },
    /// The file is no disk image that we understand.
    Image { path: PathBuf, why: String },
}

impl MediaError {
    fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        MediaError::Io {
            doing,
            path: path.into(),
            source,
        }
    }
}

impl fmt::Display for MediaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MediaError::Io {
                doing,
                path,
                source,
            } => write!(formatter, "cannot {doing} `{}`: {source}", path.display()),
            MediaError::Text { path, line, why } => {
                write!(
                    formatter,
                    "cannot read `{}`: line {line}: {why}",
                    path.display()
                )
            }
            MediaError::Version { path, name, why } => {
                write!(
                    formatter,
                    "cannot find or raise `{name}` in `{}`: {why}",
                    path.display()
                )
            }
            MediaError::Record { path, why } => write!(
                formatter,
                "cannot understand the recorded layouts in `{}`: {why}",
                path.display()
            ),
            MediaError::Image { path, why } => {
                write!(
                    formatter,
                    "cannot read the disk image `{}`: {why}",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for MediaError {}

impl From<MediaError> for Failure {
    fn from(error: MediaError) -> Self {
        let message = error.to_string();
        let (path, hint) = match &error {
            MediaError::Io { path, .. } => (path, None),
            MediaError::Text { path, .. } => (path, Some("real Guile says more: guile -l FILE")),
            MediaError::Version { path, .. } => (
                path,
                Some(
                    "a version is an integer, or a string that ends in one; change others by hand",
                ),
            ),
            MediaError::Record { path, .. } => (
                path,
                Some("get it back as it was written, or remove it and record the layouts again"),
            ),
            MediaError::Image { path, .. } => (
                path,
                Some("a raw image with a GUID partition table is wanted"),
            ),
        };
        let mut failure = Failure::new(Key::Media, message)
            .detail("path", Detail::from(path.to_string_lossy().into_owned()));
        if let Some(hint) = hint {
            failure = failure.hint(hint);
        }
        match error {
            MediaError::Io { source, .. } => failure.cause(source),
            _ => failure,
        }
    }
}
