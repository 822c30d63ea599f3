//! Where there are no namespaces: every attempt says so.

use super::Mounts;
use std::convert::Infallible;
use std::ffi::{CStr, OsStr};
use std::fmt;
use std::io;
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use tokio::process::Command;

/// There is none.
#[derive(Debug)]
pub struct Namespace(Infallible);

/// Why there is no namespace.
#[derive(Debug)]
pub struct NamespaceError;

impl fmt::Display for NamespaceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the simulated guest needs Linux namespaces, and this is {}",
            std::env::consts::OS
        )
    }
}

impl std::error::Error for NamespaceError {}

impl NamespaceError {
    pub fn hint(&self) -> &'static str {
        "simulate on Linux, or use a host"
    }
}

impl Namespace {
    pub fn start(_: &Path, _: &Mounts, _: &str) -> Result<Namespace, NamespaceError> {
        Err(NamespaceError)
    }

    pub fn command(&self, _: &OsStr, _: &CStr) -> Command {
        match self.0 {}
    }

    pub fn end(&self) {
        match self.0 {}
    }

    pub async fn ended(&self) -> crate::sim::guest::Ending {
        match self.0 {}
    }

    pub fn connect(&self, _: IpAddr, _: u16) -> io::Result<TcpStream> {
        match self.0 {}
    }

    pub fn signal(&self, _: libc::pid_t, _: libc::c_int) {
        match self.0 {}
    }
}
