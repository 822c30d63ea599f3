//! The simulated host.

use super::disk::FixtureDisk;
use super::guest::GuestConfig;
use super::port::ReservedPort;
use super::{SimulationOptions, SimulationSettings};
use crate::failure::{Failure, Key};
use std::path::Path;
use std::sync::Arc;

/// A host that serves until it is dropped.
#[derive(Debug)]
pub struct Host {
    guest: GuestConfig,
}

impl Host {
    pub fn start(
        directory: &Path,
        _image: &FixtureDisk,
        guest_port: ReservedPort,
        _options: &SimulationOptions,
    ) -> Result<Host, Failure> {
        let guest = GuestConfig {
            name: "fruix".to_owned(),
            port: Arc::new(guest_port),
            scratch: directory.to_owned(),
        };
        let _ = Host { guest };
        Err(Failure::new(
            Key::Simulator,
            "the simulated host is not built yet",
        ))
    }

    pub fn settings(&self, _image: &FixtureDisk) -> SimulationSettings {
        unreachable!("no host has been started: {:?}", self.guest)
    }
}
