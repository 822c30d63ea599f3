//! What can go wrong on the way to a guest and in it.

use super::connection::Destination;
use super::text::visible;
use crate::failure::{Detail, Failure, Key};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// An error of the SSH domain. Texts of the server have been made visible
/// before they come here.
#[derive(Debug)]
pub enum SshError {
    /// The private key file cannot be used.
    PrivateKey {
        path: PathBuf,
        problem: String,
        hint: Option<String>,
    },
    /// There is no key to log in with; why those that were named are none.
    NoKey { troubles: Vec<String> },
    /// The agent that held the key does not answer any more.
    Agent { reason: String },
    /// The user's file of ssh_config(5) makes no sense.
    Config { path: PathBuf, problem: String },
    /// What says which host key to expect cannot be used.
    ExpectedHostKey { problem: String, hint: String },
    /// The server's host key is not the expected one, or none is expected.
    Untrusted {
        destination: Destination,
        /// Fingerprints that would have been right.
        expected: Vec<String>,
        found: String,
        found_line: String,
        /// Why a certificate that the server showed will not do.
        certificate: Option<String>,
    },
    /// The name has no address.
    NoAddress {
        destination: Destination,
        reason: String,
    },
    /// Nothing answered in time.
    NoAnswer {
        destination: Destination,
        waited: Duration,
        last: String,
    },
    /// Something answered, but it does not speak SSH as we do.
    Protocol {
        destination: Destination,
        reason: String,
    },
    /// The server does not let the user in.
    Refused {
        destination: Destination,
        key: String,
        methods: Vec<String>,
        /// Why other keys that were named were not offered.
        troubles: Vec<String>,
    },
    /// The server does not run the command.
    Channel {
        destination: Destination,
        what: String,
        reason: String,
    },
    /// The connection was closed by its owner.
    Closed { destination: Destination },
    /// The connection has ended.
    Lost {
        destination: Destination,
        what: String,
        reason: String,
    },
    /// A command has not ended in time.
    Deadline {
        destination: Destination,
        what: String,
        waited: Duration,
        last: String,
    },
    /// A file of this machine cannot be read or written.
    Local {
        path: PathBuf,
        error: std::io::Error,
    },
    /// A file of the guest cannot be read or written.
    RemoteFile {
        destination: Destination,
        path: String,
        reason: String,
    },
    /// The server has no such subsystem.
    Subsystem {
        destination: Destination,
        name: String,
    },
    /// A question's answer is larger than answers may be.
    TooMuch {
        destination: Destination,
        what: String,
        limit: usize,
    },
}

impl fmt::Display for SshError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SshError::PrivateKey { path, problem, .. } => {
                write!(
                    formatter,
                    "cannot use private key `{}`: {problem}",
                    path.display()
                )
            }
            SshError::NoKey { troubles } => {
                formatter.write_str("there is no private key to log in with")?;
                match troubles.is_empty() {
                    true => Ok(()),
                    false => write!(formatter, ": {}", troubles.join("; ")),
                }
            }
            SshError::Agent { reason } => {
                write!(formatter, "the SSH agent does not answer: {reason}")
            }
            SshError::Config { path, problem } => {
                write!(formatter, "cannot use `{}`: {problem}", path.display())
            }
            SshError::ExpectedHostKey { problem, .. } => formatter.write_str(problem),
            SshError::Untrusted {
                destination,
                found,
                certificate: Some(problem),
                ..
            } => write!(
                formatter,
                "the host certificate of {destination} will not do: {problem}; its key is {found}"
            ),
            SshError::Untrusted {
                destination,
                expected,
                found,
                ..
            } if expected.is_empty() => write!(
                formatter,
                "host key of {destination} is not known: the server has {found}"
            ),
            SshError::Untrusted {
                destination,
                expected,
                found,
                ..
            } => write!(
                formatter,
                "host key of {destination} is not the expected one: expected {}, the server has {found}",
                expected.join(" or ")
            ),
            SshError::NoAddress {
                destination,
                reason,
            } => write!(
                formatter,
                "cannot find the address of `{}`: {reason}",
                destination.address
            ),
            SshError::NoAnswer {
                destination,
                waited,
                last,
            } => write!(
                formatter,
                "guest did not answer on {destination} within {} s; last: {last}",
                seconds(*waited)
            ),
            SshError::Protocol {
                destination,
                reason,
            } => write!(formatter, "cannot speak SSH with {destination}: {reason}"),
            SshError::Refused {
                destination,
                key,
                methods,
                troubles,
            } => {
                write!(
                    formatter,
                    "{destination} refused the login of `{}` with key {key}",
                    destination.user
                )?;
                if !methods.is_empty() {
                    write!(formatter, "; it would accept: {}", methods.join(", "))?;
                }
                if !troubles.is_empty() {
                    write!(formatter, "; not offered: {}", troubles.join("; "))?;
                }
                Ok(())
            }
            SshError::Channel {
                destination,
                what,
                reason,
            } => write!(formatter, "{destination} does not run {what}: {reason}"),
            SshError::Closed { destination } => {
                write!(formatter, "the connection to {destination} has been closed")
            }
            SshError::Lost {
                destination,
                what,
                reason,
            } => write!(
                formatter,
                "connection to {destination} was lost while running {what}: {reason}"
            ),
            SshError::Deadline {
                destination,
                what,
                waited,
                last,
            } => {
                write!(
                    formatter,
                    "{what} did not end on {destination} within {} s",
                    seconds(*waited)
                )?;
                if last.is_empty() {
                    formatter.write_str("; it has printed nothing")
                } else {
                    write!(formatter, "; last: {last}")
                }
            }
            SshError::Local { path, error } => {
                write!(formatter, "cannot transfer `{}`: {error}", path.display())
            }
            SshError::RemoteFile {
                destination,
                path,
                reason,
            } => write!(
                formatter,
                "cannot transfer `{}` on {destination}: {reason}",
                visible(path)
            ),
            SshError::Subsystem { destination, name } => {
                write!(formatter, "{destination} has no subsystem `{name}`")
            }
            SshError::TooMuch {
                destination,
                what,
                limit,
            } => write!(
                formatter,
                "{what} printed more than {limit} bytes on {destination}"
            ),
        }
    }
}

/// A number of seconds as people write it.
fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        duration.as_secs().to_string()
    } else {
        format!("{:.1}", duration.as_secs_f64())
    }
}

impl std::error::Error for SshError {}

impl From<SshError> for Failure {
    fn from(error: SshError) -> Self {
        let key = match error {
            SshError::PrivateKey { .. }
            | SshError::NoKey { .. }
            | SshError::Agent { .. }
            | SshError::Config { .. }
            | SshError::ExpectedHostKey { .. } => Key::Settings,
            SshError::Untrusted { .. } => Key::Trust,
            SshError::Local { .. } => Key::System,
            SshError::NoAddress { .. } | SshError::Closed { .. } | SshError::Lost { .. } => {
                Key::Connection
            }
            SshError::NoAnswer { .. } | SshError::Deadline { .. } => Key::Timeout,
            SshError::Protocol { .. }
            | SshError::Refused { .. }
            | SshError::Channel { .. }
            | SshError::RemoteFile { .. }
            | SshError::Subsystem { .. }
            | SshError::TooMuch { .. } => Key::Ssh,
        };
        let mut failure = Failure::new(key, error.to_string());
        if let Some(destination) = error.destination() {
            failure = failure
                .detail("address", destination.address.as_str())
                .detail("port", i64::from(destination.port));
        }
        match error {
            SshError::PrivateKey { path, hint, .. } => {
                failure = failure.detail("file", path.to_string_lossy().into_owned());
                match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
            SshError::ExpectedHostKey { hint, .. } => failure.hint(hint),
            SshError::NoKey { .. } => failure
                .hint("name its file with #:private-key, or let an agent hold one: ssh-add FILE"),
            SshError::Untrusted {
                expected,
                found,
                found_line,
                ..
            } => {
                let unknown = expected.is_empty();
                let expected = expected.into_iter().map(Detail::Text).collect();
                failure
                    .detail("expected", Detail::List(expected))
                    .detail("found", found)
                    .detail("found-key", found_line.as_str())
                    .hint(if unknown {
                        format!(
                            "when this is the guest's own fingerprint, set its host key in the \
                             settings: (host-key . \"{found_line}\")"
                        )
                    } else {
                        "another machine may be answering at this address; compare the \
                         fingerprints with the guest's console before changing the settings"
                            .to_owned()
                    })
            }
            SshError::NoAnswer { last, .. } => failure.detail("last", last).hint(
                "see the guest's console: it may not have booted, have another address, or not \
                 run sshd",
            ),
            SshError::Refused { .. } => failure.hint(
                "the key's public half belongs into ~/.ssh/authorized_keys of that user in the \
                 guest's image",
            ),
            SshError::Deadline { last, .. } => failure.detail("last", last),
            SshError::RemoteFile { path, .. } => failure.detail("file", path),
            SshError::Subsystem { .. } => failure.hint(
                "sshd_config(5) of the guest needs a line like `Subsystem sftp \
                 /usr/libexec/sftp-server`",
            ),
            _ => failure,
        }
    }
}

impl SshError {
    fn destination(&self) -> Option<&Destination> {
        match self {
            SshError::PrivateKey { .. }
            | SshError::NoKey { .. }
            | SshError::Agent { .. }
            | SshError::Config { .. }
            | SshError::ExpectedHostKey { .. }
            | SshError::Local { .. } => None,
            SshError::Untrusted { destination, .. }
            | SshError::NoAddress { destination, .. }
            | SshError::NoAnswer { destination, .. }
            | SshError::Protocol { destination, .. }
            | SshError::Refused { destination, .. }
            | SshError::Channel { destination, .. }
            | SshError::Closed { destination }
            | SshError::Lost { destination, .. }
            | SshError::Deadline { destination, .. }
            | SshError::RemoteFile { destination, .. }
            | SshError::Subsystem { destination, .. }
            | SshError::TooMuch { destination, .. } => Some(destination),
        }
    }
}
