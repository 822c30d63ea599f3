//! XAPI: an XCP-ng host as a client sees it.
//!
//! [`Session`] is the beginning: it logs in to a host whose certificate is
//! pinned, and calls any method by its name. Around it:
//!
//! * [`task`] waits for slow work, [`vm`] knows the life of a VM, [`address`]
//!   where its guest is.
//! * [`transfer`] sends disk images, [`verify`] reads them back, and [`replace`]
//!   puts a fresh disk in the place of an old one.
//! * [`console`] sees what a VM shows on its screen.
//! * [`lease`] marks what we create, and finds what a crash has left.
//! * [`lock`] lets a machine belong to one run at a time.
//! * [`approved`] keeps everybody's hands off what the settings do not name;
//!   [`messages`] says what each message may change.
//! * [`http`], [`rpc`] and [`xml`] are the wire, [`trust`] the pinned certificate;
//!   [`integers`] makes the two dialects answer the same.
//!
//! Left out on purpose: a typed interface to every class (a method's name and a
//! record's fields are enough for a harness), and any cache of the host's objects.
//!
//! Source: XenAPI reference, <https://xapi-project.github.io/xen-api>.

pub mod address;
pub mod approved;
mod body;
pub mod console;
mod error;
mod extents;
mod http;
mod integers;
pub mod lease;
pub mod lock;
pub mod messages;
mod neighbours;
pub mod primitives;
mod refusals;
pub mod replace;
mod retry;
mod rfb;
mod rpc;
mod session;
pub mod task;
pub mod transfer;
mod trust;
pub mod verify;
mod vhd;
pub mod vm;
mod xml;

pub use approved::Approved;
pub use error::XapiError;
pub use session::{CALL, Login, Secret, Session, log_out_everywhere};
pub use trust::shown_certificate;
