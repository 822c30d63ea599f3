//! XAPI: an XCP-ng host as a client sees it.
//!
//! [`Session`] is the beginning: it logs in to a host whose certificate is
//! pinned, and calls any method by its name. Around it:
//!
//! * [`task`] waits for slow work, [`vm`] knows the life of a VM, [`transfer`]
//!   moves disk images.
//! * [`lease`] marks what we create, and finds what a crash has left.
//! * [`approved`] keeps everybody's hands off what the settings do not name.
//! * [`http`], [`rpc`] and [`xml`] are the wire, [`trust`] the pinned certificate.
//!
//! Left out on purpose: a typed interface to every class (a method's name and a
//! record's fields are enough for a harness), and any cache of the host's objects.
//!
//! Source: XenAPI reference, <https://xapi-project.github.io/xen-api>.

pub mod approved;
mod error;
mod extents;
mod http;
pub mod lease;
pub mod primitives;
mod rpc;
mod session;
pub mod task;
pub mod transfer;
mod trust;
mod vhd;
pub mod vm;
mod xml;

pub use approved::Approved;
pub use error::XapiError;
pub use session::{CALL, Login, Secret, Session, log_out_everywhere};
