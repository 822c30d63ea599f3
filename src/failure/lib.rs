//! The one error that crosses from Rust into Scheme.
//!
//! A domain keeps its own error enum; where its result leaves the domain it
//! becomes a [`Failure`]: a key that scripts match on, a message that says
//! what was tried, on what, and what was last seen, details as data, a hint
//! when the next step is known, and the cause. Nothing here prints and
//! nothing here chooses an exit status except [`Key::exit_status`], which is
//! the single table of them.

use std::error::Error;
use std::fmt;

/// What went wrong, as a script sees it: the symbol that `catch` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// The settings lack something or hold something that cannot be used.
    Settings,
    /// The XAPI host refused a call or failed a task; code and parameters are details.
    Xapi,
    /// A certificate or host key is not the one that was pinned.
    Trust,
    /// A connection could not be made or was lost.
    Connection,
    /// A deadline passed; the message says what was last seen.
    Timeout,
    /// SSH was reached and said no: login refused, channel refused.
    Ssh,
    /// A command in the guest ended with a status other than zero.
    GuestCommand,
    /// Another run has the VM or disk that is to be changed.
    MachineInUse,
    /// The VM or disk was this run's, and is not any more.
    MachineLost,
    /// A check of a harness does not hold.
    Check,
    /// Store metadata is missing or cannot be understood.
    Store,
    /// A rootfs cannot be planned, made or verified.
    Rootfs,
    /// A media module or a disk image cannot be read or changed.
    Media,
    /// A file or tree cannot be hashed, or has another digest than recorded.
    Digest,
    /// The simulator cannot run here.
    Simulator,
    /// The command line makes no sense.
    Usage,
    /// What was done of a harness held, and not all of it was done.
    Partial,
    /// A program that is replayed asks for something else than is in the recording, or
    /// that cannot be read.
    Replay,
    /// An operating system call failed.
    System,
    /// The user pressed Ctrl-C, or the process was asked to end.
    Interrupted,
    /// A bug of ours.
    Internal,
}

impl Key {
    const ALL: [Key; 21] = [
        Key::Settings,
        Key::Xapi,
        Key::Trust,
        Key::Connection,
        Key::Timeout,
        Key::Ssh,
        Key::GuestCommand,
        Key::MachineInUse,
        Key::MachineLost,
        Key::Check,
        Key::Store,
        Key::Rootfs,
        Key::Media,
        Key::Digest,
        Key::Simulator,
        Key::Usage,
        Key::Partial,
        Key::Replay,
        Key::System,
        Key::Interrupted,
        Key::Internal,
    ];

    /// The name of the key in Scheme.
    pub fn as_str(self) -> &'static str {
        match self {
            Key::Settings => "settings-error",
            Key::Xapi => "xapi-error",
            Key::Trust => "trust-error",
            Key::Connection => "connection-error",
            Key::Timeout => "timeout",
            Key::Ssh => "ssh-error",
            Key::GuestCommand => "guest-command-failed",
            Key::MachineInUse => "machine-in-use",
            Key::MachineLost => "machine-lost",
            Key::Check => "check-failed",
            Key::Store => "store-error",
            Key::Rootfs => "rootfs-error",
            Key::Media => "media-error",
            Key::Digest => "digest-error",
            Key::Simulator => "simulator-error",
            Key::Usage => "usage-error",
            Key::Partial => "partial",
            Key::Replay => "replay-differs",
            Key::System => "system-error",
            Key::Interrupted => "interrupted",
            Key::Internal => "internal-error",
        }
    }

    /// The key that Scheme calls NAME, or `None` for a key of the script's own.
    pub fn from_name(name: &str) -> Option<Key> {
        Key::ALL.into_iter().find(|key| key.as_str() == name)
    }

    /// The exit status of a process that ends with this failure: 1 a check
    /// failed, 2 wrong usage, 3 the world was not ready, 4 an error in the
    /// script, 5 a part was done and held, 6 a replay has left its recording, 70 a bug of ours, 130 interrupted.
    pub fn exit_status(self) -> u8 {
        match self {
            Key::GuestCommand
            | Key::Check
            | Key::Store
            | Key::Rootfs
            | Key::Media
            | Key::Digest => 1,
            Key::Usage => 2,
            Key::Settings
            | Key::Xapi
            | Key::Trust
            | Key::Connection
            | Key::Timeout
            | Key::Ssh
            | Key::MachineInUse
            | Key::MachineLost
            | Key::Simulator => 3,
            Key::System => 4,
            Key::Partial => 5,
            Key::Replay => 6,
            Key::Internal => 70,
            Key::Interrupted => 130,
        }
    }
}

/// A value that goes with a failure as data, so that a script need not read prose.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    Text(String),
    Integer(i64),
    List(Vec<Detail>),
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Detail::Text(text.to_owned())
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Detail::Text(text)
    }
}

impl From<i64> for Detail {
    fn from(number: i64) -> Self {
        Detail::Integer(number)
    }
}

/// An error with everything a person and a script need to act on it.
///
/// ```
/// use failure::{Failure, Key};
/// let failure = Failure::new(Key::Store, "cannot read `/x/store-layout.scm`: no such file")
///     .detail("file", "/x/store-layout.scm")
///     .hint("name the layout of a closure: CLOSURE/metadata/store-layout.scm");
/// assert_eq!(failure.key().exit_status(), 1);
/// assert!(failure.to_string().starts_with("cannot read"));
/// ```
#[derive(Debug)]
pub struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    key: Key,
    message: String,
    details: Vec<(String, Detail)>,
    hint: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure whose MESSAGE says what was tried, on what, and what happened.
    pub fn new(key: Key, message: impl Into<String>) -> Self {
        Failure(Box::new(Inner {
            key,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            cause: None,
        }))
    }

    /// The failure that Ctrl-C makes of WHAT was going on.
    pub fn interrupted(what: &str) -> Self {
        Failure::new(Key::Interrupted, format!("interrupted: {what}"))
    }

    /// A bug of ours, which names itself.
    pub fn internal(what: impl fmt::Display) -> Self {
        Failure::new(Key::Internal, format!("internal error: {what}"))
            .hint("this is a bug of fruix-scm; please report it with the command you ran")
    }

    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Detail>) -> Self {
        self.0.details.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    pub fn key(&self) -> Key {
        self.0.key
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn details(&self) -> &[(String, Detail)] {
        &self.0.details
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_again_by_its_name() {
        for key in Key::ALL {
            assert_eq!(Key::from_name(key.as_str()), Some(key));
        }
        assert_eq!(Key::from_name("wrong-type-arg"), None);
    }
}
