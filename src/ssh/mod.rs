//! Working in a guest over SSH.
//!
//! A [`Connection`] is made with a deadline, to a server whose host key is
//! known beforehand ([`trust`]), with a key from a file or an agent
//! ([`identity`]); the user's own files say the rest ([`config`]). The way there
//! is gone as often as the network asks for ([`link`]). Four ways to work over it:
//!
//! * [`Connection::run`] gives a command a channel of its own: any length, any
//!   amount of output, shown line by line as it comes.
//! * [`Connection::ask`] puts small questions to one long-lived `/bin/sh`
//!   ([`shell`]), many in one message.
//! * [`Connection::start_job`] and [`Connection::follow_job`] are for work of
//!   hours, which must not depend on the connection ([`job`]); `list_jobs` says which
//!   there are. Their logs are read ([`build_log`], [`estimate`]) and kept
//!   ([`archive`]).
//! * [`Connection::send`] and [`Connection::fetch`] move files and trees, and
//!   compare them ([`transfer`], [`tree`]).
//!
//! With the same keys files are signed ([`signature`]).
//!
//! Left out on purpose: passwords, terminals, forwarding, and any way to go on
//! with a host key that is not the expected one.
//!
//! Source: RFC 4251 to 4254; ssh(1).

pub mod archive;
pub mod build_log;
pub mod config;
pub mod connection;
pub mod error;
pub mod estimate;
mod following;
pub mod identity;
pub mod job;
pub mod key;
mod line;
mod link;
mod listing;
pub mod primitives;
pub mod run;
mod sftp;
pub mod shell;
pub mod signature;
pub mod text;
pub mod transfer;
pub mod tree;
pub mod trust;

pub use config::{Files, Wanted};
pub use connection::{Connection, Destination, is_settled, settle};
pub use error::SshError;
pub use identity::Identity;
pub use link::{Login, Proxy};
pub use run::{Ending, Output, Request};
pub use shell::Question;
pub use text::{quote, quote_all};
pub use trust::{KnownHosts, Trust};
