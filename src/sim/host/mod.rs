//! The simulated XCP-ng host: a state machine behind a TLS listener that
//! speaks XAPI.
//!
//! * [`server`] is the wire, [`json`] and [`xml`] the two dialects of calls.
//! * [`calls`] finds what a method means; [`domains`], [`snapshots`], [`disks`],
//!   [`pool`], [`tasks`] and [`events`] do it; [`operations`] says what is possible now
//!   and [`placement`] where; [`transfer`] moves disks, [`screen`] shows what a VM shows.
//! * [`audit`] writes down what was changed, by which session.
//! * [`database`] keeps the objects of the classes that [`model`] lists.
//!
//! What is simulated is XAPI's behaviour: states, refusals, codes, the order of
//! things. A disk is a sparse file; a VM that runs is a [`super::guest`].
//!
//! Source: XenAPI reference; xapi's own sources where it is silent.

mod audit;
mod calls;
mod database;
mod disks;
mod domains;
mod events;
mod filter;
mod json;
mod model;
mod operations;
mod placement;
mod pool;
mod screen;
mod server;
mod snapshots;
mod state;
mod tasks;
mod transfer;
mod value;
mod vhd;
mod world;
mod xml;
mod xva;

use super::disk::FixtureDisk;
use super::mishap::Mishap;
use super::port::ReservedPort;
use super::{SimulatedMachine, SimulationOptions, SimulationSettings};
use crate::clock::TlsTime;
use crate::failure::{Failure, Key};
use audit::Audit;
use sha2::{Digest, Sha256};
use state::{Config, Shared};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How long a real host takes to refuse a password, and how long it gives a
/// guest to acknowledge a shutdown.
const REFUSAL: Duration = Duration::from_secs(5);
const ACKNOWLEDGMENT: Duration = Duration::from_secs(60);

/// A host that serves until it is dropped.
#[derive(Debug)]
pub struct Host {
    shared: Arc<Shared>,
    address: SocketAddr,
    fingerprint: String,
    password_file: PathBuf,
}

/// A certificate with its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Identity {
    /// A certificate for the host called NAME, which clients reach at ADDRESS.
    fn make(name: &str, address: std::net::IpAddr) -> Result<Identity, rcgen::Error> {
        let names = vec![name.to_owned(), address.to_string(), "localhost".to_owned()];
        let mut params = rcgen::CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate()?;
        Ok(Identity {
            certificate: params.self_signed(&key)?,
            key,
        })
    }

    /// SHA-256 of the certificate, upper-case hexadecimal with colons.
    fn fingerprint(&self) -> String {
        Sha256::digest(self.certificate.der())
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":")
    }

    fn acceptor(&self) -> Result<TlsAcceptor, tokio_rustls::rustls::Error> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        // stunnel in front of xapi speaks TLS 1.2 and nothing else.
        let versions = [&tokio_rustls::rustls::version::TLS12];
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_details(provider, Arc::new(TlsTime))
            .with_protocol_versions(&versions)?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.der().clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn cannot(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(
        Key::Simulator,
        format!("the simulated host cannot {what}: {error}"),
    )
    .cause(error)
}

impl Host {
    /// Start a host whose files live in DIRECTORY, with one VM whose disk is
    /// large enough for IMAGE and whose guest answers on GUEST_PORT.
    pub fn start(
        directory: &Path,
        image: &FixtureDisk,
        guest_port: ReservedPort,
        options: &SimulationOptions,
    ) -> Result<Host, Failure> {
        let listener =
            TcpListener::bind(options.listen).map_err(|error| cannot("listen", error))?;
        let address = listener
            .local_addr()
            .map_err(|error| cannot("listen", error))?;
        listener
            .set_nonblocking(true)
            .map_err(|error| cannot("listen", error))?;
        let certify = |error| cannot("make a certificate", error);
        let identity = Identity::make("xcp-ng-simulated", address.ip()).map_err(certify)?;
        let acceptor = identity
            .acceptor()
            .map_err(|error| cannot("use its certificate", error))?;
        let fingerprint = if options.mishaps.contains(&Mishap::WrongCertificate) {
            let other = Identity::make("xcp-ng-before", address.ip()).map_err(certify)?;
            other.fingerprint()
        } else {
            identity.fingerprint()
        };
        let random = uuid::Uuid::new_v4().simple().to_string();
        let password = format!("{}{random}", super::SECRET_MARK);
        let password_file = directory.join("password");
        write_secret(&password_file, &password)
            .map_err(|error| cannot("write its password file", error))?;
        let config = Config {
            directory: directory.to_owned(),
            user: "root".to_owned(),
            password,
            mishaps: RwLock::new(options.mishaps.clone()),
            guest_ip: guest_port.address().ip(),
            image_bytes: image.size_bytes,
            certificate_pem: identity.certificate.pem(),
            refusal_delay: REFUSAL.div_f64(options.speed),
            acknowledgment: ACKNOWLEDGMENT.div_f64(options.speed),
            head_patience: options.head_patience,
            audit: Audit::open(options.audit.as_deref())
                .map_err(|error| cannot("write its audit log", error))?,
        };
        std::fs::create_dir_all(directory.join("roots"))
            .map_err(|error| cannot("make the place of its guests", error))?;
        let mut state = world::make(&config, address, &identity.fingerprint())
            .map_err(|error| cannot("make its first disk", error))?;
        state
            .ports
            .insert(state.marks.vm.clone(), Arc::new(guest_port));
        // The other host of the pool.
        let other_listener =
            listen_beside(address).map_err(|error| cannot("listen a second time", error))?;
        let other_ip = other_listener
            .local_addr()
            .map_err(|error| cannot("listen a second time", error))?
            .ip();
        let other = Identity::make("xcp-ng-simulated-2", other_ip).map_err(certify)?;
        let other_acceptor = other
            .acceptor()
            .map_err(|error| cannot("use its second certificate", error))?;
        let other_address = other_listener
            .local_addr()
            .map_err(|error| cannot("listen a second time", error))?;
        other_listener
            .set_nonblocking(true)
            .map_err(|error| cannot("listen a second time", error))?;
        let is_listed = !config.has(&Mishap::RedirectToStranger);
        if is_listed && (other_address.ip() != address.ip() || config.has(&Mishap::Redirect)) {
            world::add_member(&mut state, other_address, &other.fingerprint());
        }
        let vouched = identity.fingerprint();
        std::fs::write(
            directory.join("certificate.pem"),
            identity.certificate.pem(),
        )
        .map_err(|error| cannot("write its certificate", error))?;
        let shared = Shared::new(config, state);
        let doors = [
            (
                listener,
                server::Door {
                    usual: acceptor,
                    changed: other_acceptor.clone(),
                    elsewhere: Some(other_address),
                    master: None,
                },
            ),
            (
                other_listener,
                server::Door {
                    usual: other_acceptor.clone(),
                    changed: other_acceptor,
                    elsewhere: None,
                    master: Some((address.ip().to_string(), vouched)),
                },
            ),
        ];
        for (listener, door) in doors {
            let server = shared.clone();
            crate::runtime::spawn(shared.tracker.track_future(async move {
                // Registering with the event queue needs the runtime around it.
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    server::serve(server, listener, door).await;
                }
            }));
        }
        for mishap in options.mishaps.clone() {
            schedule(&shared, mishap);
        }
        Ok(Host {
            shared,
            address,
            fingerprint,
            password_file,
        })
    }

    /// What a maintainer would write in his settings about this host and IMAGE.
    pub fn settings(&self, image: &FixtureDisk) -> SimulationSettings {
        self.shared.with(|state| {
            let marks = &state.marks;
            let guest_port = state
                .ports
                .get(&marks.vm)
                .map_or(0, |port| port.address().port());
            let uuid = |class: &str, reference: &str| state.db.text(class, reference, "uuid");
            let (vm, vdi) = (uuid("VM", &marks.vm), uuid("VDI", &marks.vdi));
            SimulationSettings {
                host: format!("https://{}", self.address),
                user: self.shared.config.user.clone(),
                password_file: self.password_file.clone(),
                certificate_sha256: self.fingerprint.clone(),
                approved_vms: vec![vm.clone()],
                approved_vdis: vec![vdi.clone()],
                vm,
                vdi,
                certificate_file: self.shared.config.directory.join("certificate.pem"),
                lease_file: self.shared.config.lease_file(),
                image: image.image.clone(),
                guest_user: "root".to_owned(),
                guest_port,
                guest_private_key: image.private_key.clone(),
                guest_host_key: image.host_key.clone(),
                pool: uuid("pool", &marks.pool),
                sr: uuid("SR", &marks.sr),
                network: uuid("network", &marks.network),
            }
        })
    }

    /// From now on MISHAP happens too.
    pub fn add_mishap(&self, mishap: Mishap) {
        self.handle().add_mishap(mishap);
    }

    /// A way to change the host from outside, for somebody who does not hold it.
    pub fn handle(&self) -> Handle {
        Handle(self.shared.clone())
    }

    /// How many objects of CLASS there are, such as sessions nobody has ended.
    pub fn count(&self, class: &str) -> usize {
        self.shared.with(|state| state.db.all(class).count())
    }

    /// How often METHOD has been called, asynchronously or not.
    pub fn calls(&self, method: &str) -> u64 {
        self.shared
            .with(|state| state.counts.get(method).copied().unwrap_or(0))
    }

    /// The text of FIELD of the object of CLASS with this UUID.
    pub fn field(&self, class: &str, uuid: &str, field: &str) -> String {
        self.shared.with(|state| {
            state
                .db
                .by_uuid(class, uuid)
                .map(|reference| state.db.text(class, &reference, field))
                .unwrap_or_default()
        })
    }

    /// The file that holds the bytes of the VDI with this UUID.
    pub fn disk(&self, vdi_uuid: &str) -> PathBuf {
        self.shared.config.disk(vdi_uuid)
    }

    /// What the guest of the VM with this UUID has written to its console.
    pub fn console(&self, vm_uuid: &str) -> Vec<String> {
        self.shared.with(|state| {
            state
                .db
                .by_uuid("VM", vm_uuid)
                .ok()
                .and_then(|vm| state.consoles.get(&vm).cloned())
                .unwrap_or_default()
        })
    }
}

/// A way to change a host while it runs, as its owner would.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

impl Handle {
    /// From now on MISHAP happens too.
    pub fn add_mishap(&self, mishap: Mishap) {
        self.0.config.add(mishap.clone());
        schedule(&self.0, mishap);
    }

    /// From now on there is another machine like the first, called NAME.
    pub fn add_machine(&self, name: &str) -> Result<SimulatedMachine, Failure> {
        let config = &self.0.config;
        let port = ReservedPort::reserve(config.guest_ip)
            .map_err(|error| cannot("reserve a port for a guest", error))?;
        let guest_port = port.address().port();
        let made = self.0.with(|state| {
            let (sr, network) = (state.marks.sr.clone(), state.marks.network.clone());
            let (vm, vdi) = world::insert_machine(&mut state.db, config, name, &sr, &network)?;
            state.ports.insert(vm.clone(), Arc::new(port));
            Ok(SimulatedMachine {
                name: name.to_owned(),
                vm: state.db.text("VM", &vm, "uuid"),
                vdi: state.db.text("VDI", &vdi, "uuid"),
                guest_port,
            })
        });
        made.map_err(|error: std::io::Error| cannot("make a disk", error))
    }
}

/// Let MISHAP happen in its time, when it has one.
fn schedule(shared: &Arc<Shared>, mishap: Mishap) {
    let (after, act): (Duration, fn(&Shared)) = match mishap {
        Mishap::ToolstackRestarts { after } => (after, Shared::restart),
        Mishap::HostDies { after } => (after, Shared::die),
        _ => return,
    };
    let host = shared.clone();
    shared.spawn(async move {
        crate::clock::sleep(after).await;
        act(&host);
    });
}

impl Drop for Host {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.tracker.close();
        // Waiting for the guests to be gone keeps their directories from being
        // removed under them; the bound is for a bug, not for a guest.
        let (done, ended) = std::sync::mpsc::channel();
        let tracker = self.shared.tracker.clone();
        crate::runtime::spawn(async move {
            tracker.wait().await;
            let _ = done.send(());
        });
        let _ = ended.recv_timeout(Duration::from_secs(10));
    }
}

/// A listener for the other host of a pool whose master is at MASTER: on loopback at
/// an address of its own and the same port, as hosts have them; elsewhere at another
/// port.
fn listen_beside(master: SocketAddr) -> std::io::Result<TcpListener> {
    if let std::net::IpAddr::V4(ip) = master.ip()
        && ip.is_loopback()
    {
        let beside = std::net::Ipv4Addr::from(u32::from(ip).wrapping_add(1));
        if let Ok(listener) = TcpListener::bind((beside, master.port())) {
            return Ok(listener);
        }
    }
    TcpListener::bind(SocketAddr::new(master.ip(), 0))
}

fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let _ = std::fs::remove_file(path);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(format!("{secret}\n").as_bytes())
}
