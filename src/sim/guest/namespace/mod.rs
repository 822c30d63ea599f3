//! A root of its own for the guest's processes.
//!
//! The root is a boundary: what runs in it may be any makefile, and reaches this
//! machine's files, settings, memory, sockets and processes no more than on a
//! machine of its own. [`interior`] makes the mounts and locks them, [`confine`]
//! says what a process gives up before it runs a program, and a kernel that does
//! not allow some of it gets no guest.
//!
//! Linux has namespaces that an ordinary user may make. Elsewhere there is
//! nothing of the kind without privilege, and the simulated guest says so.

#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod interior;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use interior::NAME as PROCESS_1;
#[cfg(target_os = "linux")]
pub use linux::{Namespace, NamespaceError};

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Namespace, NamespaceError};

use std::path::PathBuf;

/// What a guest's root consists of besides its own files.
#[derive(Debug, Default)]
pub struct Mounts {
    /// Directories and files of this machine, and where they appear read-only.
    /// The targets exist.
    pub read_only: Vec<(PathBuf, PathBuf)>,
    /// Device nodes of this machine, and where they appear: read-only too, which
    /// lets programs write to the device and keeps its mode. The targets exist.
    pub devices: Vec<(PathBuf, PathBuf)>,
}
