//! What the simulated host is made of: its database, its running domains, and
//! what all connections share.

use super::audit::Audit;
use super::database::{Database, Record};
use super::operations;
use super::value::{ApiError, Val, now};
use crate::sim::mishap::Mishap;
use crate::sim::port::ReservedPort;
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// References of the objects every pool has.
#[derive(Clone, Debug)]
pub struct Landmarks {
    pub pool: String,
    pub host: String,
    /// The other host of the pool, when there is one.
    pub member: Option<String>,
    /// The port at which every host of the pool answers.
    pub port: u16,
    pub sr: String,
    pub network: String,
    pub control_domain: String,
    pub vm: String,
    pub vdi: String,
}

/// A domain that runs: how to end it, and how to see that it has ended.
#[derive(Debug)]
pub struct Domain {
    pub stop: CancellationToken,
    pub ended: CancellationToken,
    /// Whether the system in it has come up and would answer a shutdown request.
    pub up: bool,
}

#[derive(Debug)]
pub struct State {
    pub db: Database,
    pub marks: Landmarks,
    pub domains: HashMap<String, Domain>,
    /// What guests wrote to their consoles, by VM.
    pub consoles: HashMap<String, Vec<String>>,
    /// Where the guests of approved VMs answer SSH, known before they do.
    pub ports: HashMap<String, Arc<ReservedPort>>,
    pub next_domid: i64,
    /// What each snapshot of a VM remembers of it.
    pub remembered: HashMap<String, Record>,
    /// How often each method has been called.
    pub counts: HashMap<String, u64>,
    /// What sessions have registered for, and the generation that they have seen.
    pub registered: HashMap<String, (Vec<String>, u64)>,
}

/// What a host is configured to be.
#[derive(Debug)]
pub struct Config {
    pub directory: PathBuf,
    pub user: String,
    pub password: String,
    /// What goes wrong; a script may add to it while the host runs.
    pub mishaps: RwLock<Vec<Mishap>>,
    /// The address of guests.
    pub guest_ip: IpAddr,
    /// The size of the image that approved disks take.
    pub image_bytes: u64,
    /// PEM of the certificate that the host shows.
    pub certificate_pem: String,
    /// How long a wrong password takes; 5 s on a real host.
    pub refusal_delay: Duration,
    /// How long a guest may take to acknowledge a shutdown; 60 s on a real host.
    pub acknowledgment: Duration,
    /// How long the rest of a request may take; 10 s on a real host.
    pub head_patience: Duration,
    pub audit: Audit,
}

impl Config {
    pub fn has(&self, mishap: &Mishap) -> bool {
        self.mishaps().contains(mishap)
    }

    pub fn mishaps(&self) -> Vec<Mishap> {
        self.mishaps
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// From now on MISHAP happens too.
    pub fn add(&self, mishap: Mishap) {
        self.mishaps
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mishap);
    }

    /// The file in which the network's DHCP server keeps its leases, as dnsmasq
    /// writes them.
    pub fn lease_file(&self) -> PathBuf {
        self.directory.join("dnsmasq.leases")
    }

    /// The file that holds the bytes of the VDI with this UUID.
    pub fn disk(&self, uuid: &str) -> PathBuf {
        self.directory.join("vdis").join(uuid)
    }

    /// The directory that holds the root file system on the VDI with this UUID, since
    /// something has booted from it.
    pub fn root(&self, uuid: &str) -> PathBuf {
        self.directory.join("roots").join(uuid)
    }
}

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    pub config: Config,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// Cancelled when the host ends.
    pub stop: CancellationToken,
    /// Cancelled when every connection is to end, and then replaced.
    era: Mutex<CancellationToken>,
    /// Cancelled when nothing is to be heard of the host any more.
    pub dead: CancellationToken,
    /// Everything that runs beside the accepting of connections.
    pub tracker: TaskTracker,
}

impl Shared {
    pub fn new(config: Config, state: State) -> Arc<Shared> {
        Arc::new(Shared {
            config,
            changed: watch::Sender::new(state.db.generation()),
            state: Mutex::new(state),
            stop: CancellationToken::new(),
            era: Mutex::new(CancellationToken::new()),
            dead: CancellationToken::new(),
            tracker: TaskTracker::new(),
        })
    }

    /// What ends the connections that are made now.
    pub fn era(&self) -> CancellationToken {
        self.era
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The toolstack has been restarted: sessions are kept, tasks are not, and
    /// every connection is closed.
    pub fn restart(&self) {
        self.with(|state| {
            let tasks: Vec<String> = state.db.all("task").map(|(it, _)| it.clone()).collect();
            for task in tasks {
                state.db.delete("task", &task);
            }
        });
        let mut era = self.era.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *era).cancel();
    }

    /// The host is gone as far as anybody can tell.
    pub fn die(&self) {
        self.dead.cancel();
        self.era().cancel();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Look at the state, or change it; whoever waits for events is told.
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let (result, generation) = {
            let mut state = self.lock();
            let result = act(&mut state);
            operations::refresh(&mut state);
            (result, state.db.generation())
        };
        self.changed.send_if_modified(|seen| {
            let news = *seen != generation;
            *seen = generation;
            news
        });
        result
    }

    /// A receiver that sees every later change.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Let FUTURE run beside the connections until it or the host ends.
    pub fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        crate::runtime::spawn(self.tracker.track_future(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = future => {}
            }
        }));
    }
}

/// Marks an object as busy with OPERATION for as long as it lives.
pub struct Busy {
    shared: Arc<Shared>,
    class: &'static str,
    reference: String,
    task: String,
}

impl Busy {
    pub fn mark(
        shared: &Arc<Shared>,
        state: &mut State,
        class: &'static str,
        reference: &str,
        operation: &str,
        task: &str,
    ) -> Busy {
        state
            .db
            .update(class, reference, "current_operations", |operations| {
                operations.put(task, Val::text(operation));
            });
        Busy {
            shared: shared.clone(),
            class,
            reference: reference.to_owned(),
            task: task.to_owned(),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.db.update(
                self.class,
                &self.reference,
                "current_operations",
                |operations| operations.remove(&self.task),
            );
        });
    }
}

impl State {
    /// Write a message such as `VM_STARTED` about an object.
    pub fn message(&mut self, name: &str, class: &str, uuid: &str, body: &str) {
        self.db.insert(
            "message",
            [
                ("name", Val::text(name)),
                ("priority", Val::Int(5)),
                ("cls", Val::text(class)),
                ("obj_uuid", Val::text(uuid)),
                ("timestamp", now()),
                ("body", Val::text(body)),
            ],
        );
    }

    /// The operation that keeps an object busy, as OTHER_OPERATION_IN_PROGRESS
    /// names it: the first for which BLOCKS holds.
    pub fn in_progress(
        &self,
        class: &str,
        reference: &str,
        blocks: impl Fn(&str) -> bool,
    ) -> Option<ApiError> {
        self.db
            .field(class, reference, "current_operations")
            .entries()
            .iter()
            .find(|(_, operation)| blocks(operation.as_text()))
            .map(|(task, operation)| {
                ApiError::new(
                    "OTHER_OPERATION_IN_PROGRESS",
                    [class, reference, operation.as_text(), task],
                )
            })
    }
}
