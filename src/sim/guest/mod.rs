//! The simulated guest: a system that boots from the bytes of a disk.
//!
//! The host ([`super::host`]) owns power: `VM.start` calls [`Guest::boot`] with
//! the VDI's file, `VM.hard_shutdown` and `VM.clean_shutdown` call
//! [`Guest::shutdown`]. The host publishes the address itself.

use super::port::ReservedPort;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the host gives a guest besides its disk.
#[derive(Clone, Debug)]
pub struct GuestConfig {
    /// The VM's name on the host, for console messages.
    pub name: String,
    /// Where the guest's SSH server listens once it is up; kept by the host
    /// over boots.
    pub port: Arc<ReservedPort>,
    /// An existing directory of the host's in which the guest may make its
    /// root directory; whatever it makes there is gone after shutdown.
    pub scratch: PathBuf,
}

/// A guest that is up: its SSH server listens.
#[derive(Debug)]
pub struct Guest {
    address: SocketAddr,
    console: Vec<String>,
}

/// Why a guest did not come up, as its console tells it.
#[derive(Debug)]
pub struct BootFailure {
    pub console: Vec<String>,
}

impl fmt::Display for BootFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.console.last() {
            Some(line) => write!(formatter, "the guest did not boot: {line}"),
            None => formatter.write_str("the guest did not boot"),
        }
    }
}

impl std::error::Error for BootFailure {}

impl Guest {
    /// Boot the system on the raw disk DISK_IMAGE. The file stays the guest's
    /// until `shutdown` has returned.
    pub async fn boot(disk_image: &Path, config: &GuestConfig) -> Result<Guest, BootFailure> {
        Err(BootFailure {
            console: vec![format!(
                "{}: no bootable system on {} for {}",
                config.name,
                disk_image.display(),
                config.port.address()
            )],
        })
    }

    /// Where the guest answers SSH.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the guest has written to its console, line by line.
    pub fn console(&self) -> Vec<String> {
        self.console.clone()
    }

    /// Completes when the guest ends by itself, such as after `shutdown -p now`.
    /// The host then sets the VM to Halted and calls `shutdown`.
    pub async fn ended(&self) {
        std::future::pending().await
    }

    /// End every process of the guest and remove what it made. Dropping a
    /// guest does the same without waiting.
    pub async fn shutdown(self) {}
}
