//! The root file system of a Fruix system: what it is made of, making it,
//! and checking one that exists.
//!
//! A rootfs is almost only links into the closure by way of
//! `/run/current-system`; the account files are copies. [`Closure`] reads what
//! a closure holds, [`plan`] decides from that alone, [`populate`] makes what
//! the plan says and [`verify`] compares. Fruix's own `media.scm` is the
//! authority: where the two disagree, this one is wrong.
//!
//! Left out: the store, `/var`, `/root` and other things a running system
//! makes for itself.

mod closure;
mod place;
mod plan;
mod populate;
pub mod primitives;
mod verify;

pub use closure::{Closure, Development};
pub use plan::{Entry, Plan, Rule, What, plan};
pub use populate::{Occupied, Population, populate};
pub use verify::{Difference, Owners, verify};

use crate::failure::{Failure, Key};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a rootfs could not be planned, made or verified.
#[derive(Debug)]
pub enum RootfsError {
    /// PATH is not a closure; WHY says what was seen.
    NotAClosure { path: PathBuf, why: String },
    /// A development system was asked for and the closure has no development profile.
    NoDevelopmentProfile { closure: PathBuf },
    /// Something that the plan did not make is where ENTRY belongs.
    Occupied {
        path: PathBuf,
        wanted: String,
        found: String,
        /// Whether it could be given up for ENTRY.
        replaceable: bool,
    },
    /// A call on PATH failed while DOING something.
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl RootfsError {
    fn io(doing: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        RootfsError::Io {
            doing,
            path: path.into(),
            source: source.into(),
        }
    }
}

impl fmt::Display for RootfsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RootfsError::NotAClosure { path, why } => {
                write!(
                    formatter,
                    "cannot read the closure `{}`: {why}",
                    path.display()
                )
            }
            RootfsError::NoDevelopmentProfile { closure } => write!(
                formatter,
                "cannot plan a development system from `{}`: it has no development-profile",
                closure.display()
            ),
            RootfsError::Occupied {
                path,
                wanted,
                found,
                ..
            } => write!(
                formatter,
                "cannot make `{}` {wanted}: there is {found}",
                path.display()
            ),
            RootfsError::Io {
                doing,
                path,
                source,
            } => {
                write!(formatter, "cannot {doing} `{}`: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for RootfsError {}

impl From<RootfsError> for Failure {
    fn from(error: RootfsError) -> Self {
        let (path, hint) = match &error {
            RootfsError::NotAClosure { path, .. } => (
                path,
                Some("name a directory such as /frx/store/HASH-fruix-system-NAME"),
            ),
            RootfsError::NoDevelopmentProfile { closure } => (
                closure,
                Some("leave out --development, or build the system with its development packages"),
            ),
            RootfsError::Occupied {
                path,
                replaceable: true,
                ..
            } => (
                path,
                Some("move it away, or pass #:replace? #t (--replace) to give it up"),
            ),
            RootfsError::Occupied { path, .. } => (path, Some("move it away")),
            RootfsError::Io { path, .. } => (path, None),
        };
        let mut failure = Failure::new(Key::Rootfs, error.to_string())
            .detail("path", path.to_string_lossy().into_owned());
        if let Some(hint) = hint {
            failure = failure.hint(hint);
        }
        match error {
            RootfsError::Io { source, .. } => failure.cause(source),
            _ => failure,
        }
    }
}
