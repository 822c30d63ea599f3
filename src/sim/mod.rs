//! The simulated XCP-ng host and its guest.
//!
//! [`Simulation::start`] makes everything that a maintainer has on a real
//! site: a host with its certificate, an account, a VM with a disk, and a disk
//! image with a system on it. [`Simulation::settings`] is what he would write
//! into his settings file, and all that a client needs: nothing on the client
//! side knows that the host is simulated.
//!
//! * [`host`] speaks XAPI over TLS on loopback and keeps the state of the host.
//! * [`guest`] boots a system from the bytes of a VDI and answers SSH.
//! * [`disk`] makes and reads the disk image that both agree on.
//! * [`mishap`] names what can be made to go wrong, and [`chance`] draws some of it.
//! * [`clock`] lets time pass quickly where everybody waits.
//!
//! Left out on purpose: hardware. Memory, processors and networks exist as
//! records only; what runs, runs in a namespace of this machine.

pub mod chance;
pub mod clock;
pub mod disk;
pub mod guest;
pub mod host;
pub mod mishap;
pub mod port;

use crate::failure::{Failure, Key};
use crate::temporary::{self, Folder, Purpose};
use disk::FixtureDisk;
use host::Host;
use mishap::Mishap;
use port::ReservedPort;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The beginning of every secret that a simulation makes up, so that a search
/// for secrets in what a program has written needs to know none of them.
pub const SECRET_MARK: &str = "5ec2e700";

/// What a simulation is to be like.
#[derive(Clone, Debug)]
pub struct SimulationOptions {
    /// Where the host listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where disks, keys and the certificate live; a temporary directory,
    /// removed at the end, when absent.
    pub directory: Option<PathBuf>,
    /// What goes wrong.
    pub mishaps: Vec<Mishap>,
    /// How many times faster than a real host's its own delays pass: 5 s after
    /// a wrong password, 60 s for a guest to acknowledge a shutdown.
    pub speed: f64,
    /// How long the host waits for the rest of a request; 10 s on a real one.
    pub head_patience: Duration,
    /// Where the host writes down each change that it carries out.
    pub audit: Option<PathBuf>,
}

impl Default for SimulationOptions {
    fn default() -> Self {
        SimulationOptions {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            directory: None,
            mishaps: Vec::new(),
            speed: 25.0,
            head_patience: Duration::from_secs(10),
            audit: None,
        }
    }
}

/// What a maintainer would write in his settings file about this host.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulationSettings {
    /// `https://ADDRESS:PORT`.
    pub host: String,
    pub user: String,
    pub password_file: PathBuf,
    /// Upper-case hexadecimal with colons.
    pub certificate_sha256: String,
    /// The certificate, for clients that check names and authorities.
    pub certificate_file: PathBuf,
    /// Where the DHCP server of the guest's network keeps its leases.
    pub lease_file: PathBuf,
    pub approved_vms: Vec<String>,
    pub approved_vdis: Vec<String>,
    pub vm: String,
    pub vdi: String,
    pub image: PathBuf,
    pub guest_user: String,
    pub guest_port: u16,
    pub guest_private_key: PathBuf,
    /// A public key line, `ssh-ed25519 AAAA…`.
    pub guest_host_key: String,
    /// For `fruix-scm simulate`, which names them to other clients.
    pub pool: String,
    pub sr: String,
    pub network: String,
}

impl SimulationSettings {
    /// What `fruix-scm simulate` prints before `ready=yes`, so that any client
    /// of XAPI finds its way.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        vec![
            ("url", self.host.clone()),
            ("fingerprint", self.certificate_sha256.clone()),
            ("certificate", self.certificate_file.display().to_string()),
            ("user", self.user.clone()),
            ("password_file", self.password_file.display().to_string()),
            ("pool", self.pool.clone()),
            ("sr", self.sr.clone()),
            ("network", self.network.clone()),
            ("vm", self.vm.clone()),
            ("vdi", self.vdi.clone()),
            ("image", self.image.display().to_string()),
            ("guest_port", self.guest_port.to_string()),
            (
                "guest_private_key",
                self.guest_private_key.display().to_string(),
            ),
            ("guest_host_key", self.guest_host_key.clone()),
        ]
    }
}

/// What a maintainer would write in his settings file about one more machine; all else
/// is as for the first.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedMachine {
    pub name: String,
    pub vm: String,
    pub vdi: String,
    pub guest_port: u16,
}

impl SimulatedMachine {
    /// What `fruix-scm simulate` prints of it, each under its setting's name.
    pub fn lines(&self) -> Vec<(String, String)> {
        let named = |what: &str| format!("machines/{}/{what}", self.name);
        vec![
            (named("vm"), self.vm.clone()),
            (named("vdi"), self.vdi.clone()),
            (named("guest/port"), self.guest_port.to_string()),
        ]
    }
}

/// A running simulation. Dropping it ends the host, its guests and every
/// file they made.
#[derive(Debug)]
pub struct Simulation {
    settings: SimulationSettings,
    // Fields drop in this order: the host ends its guests, then the files go.
    host: Host,
    directory: Directory,
}

/// The files of a simulation, removed at its end unless the caller named the place.
#[derive(Debug)]
enum Directory {
    Temporary(Folder),
    Kept(PathBuf),
}

impl Directory {
    fn make(named: Option<&Path>) -> Result<Self, Failure> {
        match named {
            Some(path) => {
                std::fs::create_dir_all(path).map_err(|error| cannot_make(path, error))?;
                Ok(Directory::Kept(path.to_owned()))
            }
            None => Folder::make(Purpose::Simulation)
                .map(Directory::Temporary)
                .map_err(|error| cannot_make(&std::env::temp_dir(), error)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Directory::Temporary(directory) => directory.path(),
            Directory::Kept(path) => path,
        }
    }
}

/// Why nothing can be made in PATH, and what helps.
fn cannot_make(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(
        Key::Simulator,
        format!(
            "cannot make the files of the simulation in `{}`: {error}",
            path.display()
        ),
    )
    .hint(guest::files_hint(&error))
    .cause(error)
}

/// How much a simulated run of the built-in harness needs beside its disk image.
const ROOM: u64 = 64 << 20;

/// Refuse a directory that a run would fill: in the middle of it the trouble would
/// look like the host's.
fn require_room(path: &Path) -> Result<(), Failure> {
    let Ok(found) = rustix::fs::statvfs(path) else {
        return Ok(());
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    if free >= ROOM {
        return Ok(());
    }
    Err(Failure::new(
        Key::Simulator,
        format!(
            "cannot make the files of the simulation in `{}`: {free} bytes are free there, and \
             it needs {ROOM}",
            path.display()
        ),
    )
    .hint("free space, or set TMPDIR to a directory that has it")
    .detail("free", i64::try_from(free).unwrap_or(i64::MAX)))
}

impl Simulation {
    /// Start a host with one approved VM, whose disk holds nothing yet, and a
    /// disk image to import.
    pub fn start(options: SimulationOptions) -> Result<Simulation, Failure> {
        temporary::sweep().tell();
        guest::require_namespaces()?;
        let directory = Directory::make(options.directory.as_deref())?;
        require_room(directory.path())?;
        let image = FixtureDisk::make(directory.path())?;
        let guest_port = ReservedPort::reserve(options.listen.ip()).map_err(|error| {
            Failure::new(
                Key::Simulator,
                format!("cannot reserve a port for the simulated guest: {error}"),
            )
            .cause(error)
        })?;
        let host = Host::start(directory.path(), &image, guest_port, &options)?;
        let settings = host.settings(&image);
        Ok(Simulation {
            settings,
            host,
            directory,
        })
    }

    /// What a maintainer would write in his settings file.
    pub fn settings(&self) -> &SimulationSettings {
        &self.settings
    }

    /// The host's side of things, for tests that look behind the wire.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Where the simulation keeps its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// End the host and its guests, and remove every file, now.
    pub fn stop(self) {}
}
