//! A root of its own for the guest's processes.
//!
//! Linux has namespaces that an ordinary user may make. Elsewhere there is
//! nothing of the kind without privilege, and the simulated guest says so.

#[cfg(target_os = "linux")]
mod linux;
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
    /// Device nodes of this machine, and where they appear. The targets exist.
    pub devices: Vec<(PathBuf, PathBuf)>,
}
