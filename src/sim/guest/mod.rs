//! The simulated guest: a system that boots from the bytes of a disk.
//!
//! The host ([`super::host`]) owns power: `VM.start` calls [`Guest::boot`] with
//! the VDI's file, `VM.hard_shutdown` and `VM.clean_shutdown` call
//! [`Guest::shutdown`]. The host publishes the address itself.
//!
//! A disk that nobody has booted from is read ([`super::disk`]), and its root file system
//! unpacked to a directory that from then on is the disk's: what a guest has written
//! there the next one finds. [`tree`] copies it where the host copies the disk.
//!
//! Booting makes a root of its own for the guest's processes ([`namespace`],
//! [`system`]), runs the system's `activate` there as FreeBSD's rc would, and
//! then answers SSH ([`server`]).

pub mod namespace;
mod server;
mod system;
pub mod tree;

pub use system::resolve;

use super::clock::Dial;
use super::disk;
use super::port::ReservedPort;
use crate::failure::{Failure, Key};
use crate::temporary::{self, Folder, Purpose};
use namespace::{Mounts, Namespace};
use server::Sshd;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What rc(8) sets before it runs anything.
const RC_PATH: &str = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

/// What the host gives a guest besides its disk.
#[derive(Clone, Debug)]
pub struct GuestConfig {
    /// The VM's name on the host, for console messages.
    pub name: String,
    /// Where the guest's SSH server listens once it is up; kept by the host
    /// over boots.
    pub port: Arc<ReservedPort>,
    /// The directory that holds the root file system of the disk; it is made from the
    /// disk's bytes where it is not there, and stays.
    pub root: PathBuf,
}

/// A guest that is up: its SSH server listens.
#[derive(Debug)]
pub struct Guest {
    address: SocketAddr,
    console: Vec<String>,
    server: Server,
    sshd: Arc<Sshd>,
    _dial: Option<Arc<Dial>>,
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

/// Say whether this machine lets us make a guest at all.
pub fn require_namespaces() -> Result<(), Failure> {
    let unavailable = |reason: String, hint: &str| {
        Failure::new(
            Key::Simulator,
            format!("cannot simulate a guest on this machine: {reason}"),
        )
        .hint(hint)
    };
    let trial = Folder::make(Purpose::Trial).and_then(|trial| {
        fs::create_dir(trial.path().join("proc"))?;
        Ok(trial)
    });
    let trial = trial.map_err(|error| {
        let place = std::env::temp_dir();
        unavailable(
            format!("`{}`: {error}", place.display()),
            files_hint(&error),
        )
    })?;
    Namespace::start(trial.path(), &Mounts::default(), "trial")
        .map(drop)
        .map_err(|error| unavailable(error.to_string(), error.hint()))
}

/// What to do when the simulation's files cannot be made, as ERROR says.
pub(super) fn files_hint(error: &std::io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => {
            "no file descriptors are left: raise the limit (`ulimit -n`)"
        }
        Some(libc::ENOSPC | libc::EDQUOT) => {
            "the disk is full: free some hundred MiB there, or set TMPDIR to another directory"
        }
        _ => "set TMPDIR to a directory that exists and can be written, with some hundred MiB free",
    }
}

impl Guest {
    /// Boot the system on the raw disk DISK_IMAGE. The file stays the guest's
    /// until `shutdown` has returned.
    pub async fn boot(disk_image: &Path, config: &GuestConfig) -> Result<Guest, BootFailure> {
        let mut console = Console::default();
        match boot(disk_image, config, &mut console).await {
            Ok(booted) => Ok(Guest {
                address: config.port.address(),
                console: console.0,
                server: booted.server,
                sshd: booted.sshd,
                _dial: booted.dial,
            }),
            Err(Halt) => Err(BootFailure { console: console.0 }),
        }
    }

    /// Where the guest answers SSH.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the guest has written to its console, line by line.
    pub fn console(&self) -> Vec<String> {
        self.console.clone()
    }

    /// Completes when the guest ends by itself, such as after `shutdown -p now`, with
    /// how. The host then acts accordingly and calls `shutdown`.
    pub async fn ended(&self) -> Ending {
        self.sshd.namespace.ended().await
    }

    /// End every process of the guest. What it has written stays: as if it had synced
    /// just before, however it is ended. Dropping a guest does the same without waiting.
    pub async fn shutdown(mut self) {
        self.server.stop().await;
        // Ending processes takes a while, and other guests and the host go on meanwhile.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Connections that are being closed hold the namespaces for a moment more.
        self.sshd.go_down();
    }
}

/// How a guest ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It wants to be started again.
    Reboots,
    PowersOff,
}

/// The task that answers SSH.
#[derive(Debug)]
struct Server(Option<JoinHandle<()>>);

impl Server {
    async fn stop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

struct Booted {
    server: Server,
    sshd: Arc<Sshd>,
    dial: Option<Arc<Dial>>,
}

/// The guest has stopped; its console says why.
struct Halt;

#[derive(Default)]
struct Console(Vec<String>);

impl Console {
    fn say(&mut self, line: impl fmt::Display) {
        self.0.push(line.to_string());
    }

    fn halt(&mut self, line: impl fmt::Display) -> Halt {
        self.say(line);
        Halt
    }
}

async fn boot(
    disk_image: &Path,
    config: &GuestConfig,
    console: &mut Console,
) -> Result<Booted, Halt> {
    console.say(format_args!("{}: booting from its first disk", config.name));
    let root = &config.root;
    unpack_once(disk_image, root, console).await?;
    let provided = system::provide(root)
        .map_err(|error| console.halt(format_args!("cannot prepare the root: {error}")))?;
    for name in &provided.absent {
        console.say(format_args!("this machine has no `{name}` to lend"));
    }
    if let Some(trouble) = system::missing(root) {
        return Err(console.halt(format_args!("mountroot: {trouble}")));
    }
    // Without one the guest's `date` is this machine's.
    let dial = Dial::make(&root.join(system::DIAL)).ok();
    let text = |path: &str| system::read_text(root, path);
    let rc_conf = text("/etc/rc.conf");
    let hostname = system::hostname(&rc_conf).unwrap_or("fruix");
    let namespace = Namespace::start(root, &provided.mounts, hostname)
        .map_err(|error| console.halt(format_args!("panic: {error}")))?;
    activate(&namespace, console).await?;
    mark_ready(&namespace, console).await?;

    let account = system::account(&text("/etc/passwd"), "root")
        .ok_or_else(|| console.halt("sshd: no account `root` in /etc/passwd"))?;
    if system::resolve(root, Path::new(&account.shell)).is_none() {
        console.say(format_args!(
            "sshd: root's shell {} does not exist",
            account.shell
        ));
    }
    let host_key = russh::keys::PrivateKey::from_openssh(text("/etc/ssh/ssh_host_ed25519_key"))
        .map_err(|error| console.halt(format_args!("sshd: no usable host key: {error}")))?;
    let authorized = server::authorized_keys(&text("/root/.ssh/authorized_keys"));
    let listener = config
        .port
        .listen()
        .and_then(TcpListener::from_std)
        .map_err(|error| console.halt(format_args!("sshd: cannot listen: {error}")))?;
    let sshd = Arc::new(Sshd::new(namespace, account, authorized));
    let server = crate::runtime::spawn(server::serve(listener, host_key, sshd.clone()));
    console.say(format_args!("{hostname}: sshd is up"));
    Ok(Booted {
        server: Server(Some(server)),
        sshd,
        dial,
    })
}

/// Read the disk and unpack its system to ROOT, unless that is there.
async fn unpack_once(disk_image: &Path, root: &Path, console: &mut Console) -> Result<(), Halt> {
    let disk_image = disk_image.to_owned();
    let root = root.to_owned();
    let work = tokio::task::spawn_blocking(move || -> Result<(), String> {
        if root.symlink_metadata().is_ok() {
            return Ok(());
        }
        let disk = disk::open(&disk_image).map_err(|error| format!("loader: {error}"))?;
        let cannot = |error| format!("cannot make a root directory: {error}");
        // Half of a system is none.
        let part = root.with_extension("part");
        temporary::remove_tree(&part).map_err(cannot)?;
        fs::create_dir_all(&part).map_err(cannot)?;
        disk.unpack(&part)
            .map_err(|error| format!("mountroot: {error}"))?;
        fs::rename(&part, &root).map_err(cannot)
    });
    match work.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(line)) => Err(console.halt(line)),
        Err(error) => Err(console.halt(format_args!("panic: {error}"))),
    }
}

/// Run the system's activation script as rc does, its output on the console.
async fn activate(namespace: &Namespace, console: &mut Console) -> Result<(), Halt> {
    let output = namespace
        .command(OsStr::new("/bin/sh"), c"/")
        .arg("/run/current-system/activate")
        .env("HOME", "/")
        .env("PATH", RC_PATH)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| console.halt(format_args!("init: cannot run /bin/sh: {error}")))?;
    for line in String::from_utf8_lossy(&output.stdout)
        .lines()
        .chain(String::from_utf8_lossy(&output.stderr).lines())
    {
        console.say(line);
    }
    if output.status.success() {
        return Ok(());
    }
    Err(console.halt(format_args!(
        "init: /run/current-system/activate failed: {}",
        output.status
    )))
}

/// Leave what the console has shown where rc's `dmesg` does, and write the ready marker
/// unless the system's own activation has: on a real system a service that Shepherd
/// starts last does it.
async fn mark_ready(namespace: &Namespace, console: &mut Console) -> Result<(), Halt> {
    const SCRIPT: &str = "mkdir -p /var/run && printf '%s\\n' \"$@\" > /var/run/dmesg.boot
        test -e /var/lib/fruix/ready || \
        { mkdir -p /var/lib/fruix && echo ready > /var/lib/fruix/ready; }";
    let status = namespace
        .command(OsStr::new("/bin/sh"), c"/")
        .args(["-c", SCRIPT, "sh"])
        .args(&console.0)
        .env("PATH", RC_PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(console.halt("shepherd: cannot write /var/lib/fruix/ready")),
    }
}
