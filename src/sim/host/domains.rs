//! VMs: the state machine of power, the domains that run, and the guest's
//! address in `VM_guest_metrics`.
//!
//! Whether an operation is possible is the matter of [`super::operations`], and where
//! it happens that of [`super::placement`]. An operation that only another one keeps
//! from starting waits for it inside the call, as xapi does.
//!
//! Source: xapi's `xapi_vm_lifecycle.ml`.

use super::database::is_null;
use super::disks;
use super::operations::{Strictness, check_vm};
use super::placement;
use super::snapshots;
use super::state::{Busy, Domain, Shared, State};
use super::tasks;
use super::value::{ApiError, NULL, Val, now};
use crate::clock;
use crate::sim::guest::{Ending, Guest, GuestConfig};
use crate::sim::mishap::Mishap;
use crate::sim::port::ReservedPort;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the toolstack takes to build or tear down a domain here.
pub const TOOLSTACK: Duration = Duration::from_millis(30);

/// How long after the system has come up its agent reports an address.
const AGENT: Duration = Duration::from_millis(40);

/// Mark VM as busy with OPERATION as soon as that is possible.
pub async fn begin(
    shared: &Arc<Shared>,
    vm: &str,
    operation: &str,
    task: &str,
) -> Result<Busy, ApiError> {
    let mut news = shared.watch();
    loop {
        news.borrow_and_update();
        let attempt = shared.with(|state| {
            check_vm(state, vm, operation, Strictness::Call)
                .map(|()| Busy::mark(shared, state, "VM", vm, operation, task))
        });
        match attempt {
            Err(error) if error.code == "OTHER_OPERATION_IN_PROGRESS" => {
                if tasks::is_cancelled(shared, task) {
                    return Err(ApiError::new("TASK_CANCELLED", [task]));
                }
                if news.changed().await.is_err() {
                    return Err(error);
                }
            }
            outcome => return outcome,
        }
    }
}

/// Answer the calls of class VM that do more than their name says.
pub async fn explicit(
    shared: &Arc<Shared>,
    name: &str,
    args: &[Val],
    task: &str,
) -> Option<Result<Val, ApiError>> {
    let vm = args.first().map_or("", Val::as_text);
    let outcome = match name {
        "start" => start(shared, vm, args[1].as_bool(), None, "start", task).await,
        "start_on" => {
            let host = args[1].as_text();
            start(shared, vm, args[2].as_bool(), Some(host), "start_on", task).await
        }
        "pause" => set_paused(shared, vm, "pause", "Paused", task).await,
        "unpause" => set_paused(shared, vm, "unpause", "Running", task).await,
        "hard_shutdown" => hard_shutdown(shared, vm, "hard_shutdown", task).await,
        "clean_shutdown" => clean_shutdown(shared, vm, task).await,
        "shutdown" => match clean_shutdown(shared, vm, task).await {
            Err(error) if error.code == "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT" => {
                hard_shutdown(shared, vm, "hard_shutdown", task).await
            }
            outcome => outcome,
        },
        "clean_reboot" => reboot(shared, vm, "clean_reboot", task).await,
        "hard_reboot" => reboot(shared, vm, "hard_reboot", task).await,
        "power_state_reset" => power_state_reset(shared, vm).await,
        "create" => create(shared, &args[0]),
        "destroy" => destroy(shared, vm),
        "clone" | "copy" => {
            let sr = args.get(2).map_or("", Val::as_text);
            snapshots::clone(shared, vm, args[1].as_text(), name, sr, task).await
        }
        "snapshot" | "checkpoint" => {
            let ignored: Vec<&str> = args
                .get(2)
                .map_or(&[][..], Val::items)
                .iter()
                .map(Val::as_text)
                .collect();
            snapshots::snapshot(shared, vm, args[1].as_text(), &ignored, name, task).await
        }
        "revert" => snapshots::revert(shared, vm, task).await,
        "provision" => provision(shared, vm, task).await,
        "get_allowed_VBD_devices" => free_devices(shared, vm, "VBDs", "userdevice", 16),
        "get_allowed_VIF_devices" => free_devices(shared, vm, "VIFs", "device", 7),
        "get_possible_hosts" => shared.with(|state| {
            state.db.get("VM", vm)?;
            Ok(placement::possible_hosts(state, vm))
        }),
        "assert_can_boot_here" => shared.with(|state| {
            attach_devices_check(state, vm)?;
            placement::check_host(state, vm, args[1].as_text(), true)?;
            Ok(Val::Void)
        }),
        "assert_operation_valid" => shared.with(|state| {
            check_vm(state, vm, args[1].as_text(), Strictness::Advice).map(|()| Val::Void)
        }),
        "suspend" => suspend(shared, vm, task).await,
        "resume" => resume(shared, vm, args[1].as_bool(), None, "resume", task).await,
        "resume_on" => {
            let host = args[1].as_text();
            resume(shared, vm, args[2].as_bool(), Some(host), "resume_on", task).await
        }
        "pool_migrate" => migrate(shared, vm, args[1].as_text(), task).await,
        "set_is_a_template" => set_is_a_template(shared, vm, args[1].as_bool()),
        "set_suspend_VDI" => shared.with(|state| {
            let image = state.db.get("VM", vm)?["suspend_VDI"].as_text().to_owned();
            if image != args[1].as_text() {
                return Err(ApiError::new(
                    "SUSPEND_VDI_REPLACEMENT_IS_NOT_IDENTICAL",
                    [image, args[1].as_text().to_owned()],
                ));
            }
            Ok(Val::Void)
        }),
        "set_ha_restart_priority" => shared.with(|state| {
            state.db.get("VM", vm)?;
            let wanted = args[1].as_text();
            if !["", "restart", "best-effort"].contains(&wanted) {
                return Err(ApiError::new(
                    "INVALID_VALUE",
                    ["ha_restart_priority", wanted],
                ));
            }
            state
                .db
                .set("VM", vm, "ha_restart_priority", args[1].clone());
            Ok(Val::Void)
        }),
        "compute_memory_overhead" => shared.with(|state| {
            state.db.get("VM", vm)?;
            Ok(Val::Int(12 << 20))
        }),
        "maximise_memory" => shared.with(|state| {
            state.db.get("VM", vm)?;
            Ok(Val::Int(args[1].as_int().min(1 << 40)))
        }),
        "update_allowed_operations" => shared.with(|state| {
            state.db.get("VM", vm)?;
            Ok(Val::Void)
        }),
        "set_memory" => set_memory(shared, vm, &[0, 0, 0, 0], args[1].as_int()),
        "set_memory_limits" => {
            let limits: Vec<i64> = args[1..5].iter().map(Val::as_int).collect();
            set_memory(shared, vm, &[limits[0], limits[1], limits[2], limits[3]], 0)
        }
        "set_memory_dynamic_range" => shared.with(|state| {
            check_vm(state, vm, "changing_dynamic_range", Strictness::Call)?;
            let (low, high) = (args[1].as_int(), args[2].as_int());
            let limits = memory_limits(state, vm);
            set_limits(state, vm, [limits[0], limits[1], low, high])
        }),
        "set_memory_static_range" => shared.with(|state| {
            check_vm(state, vm, "changing_static_range", Strictness::Call)?;
            let (low, high) = (args[1].as_int(), args[2].as_int());
            let limits = memory_limits(state, vm);
            set_limits(state, vm, [low, high, limits[2], limits[3]])
        }),
        "set_memory_dynamic_min" | "set_memory_dynamic_max" => shared.with(|state| {
            check_vm(state, vm, "changing_dynamic_range", Strictness::Call)?;
            let mut limits = memory_limits(state, vm);
            limits[if name.ends_with("min") { 2 } else { 3 }] = args[1].as_int();
            set_limits(state, vm, limits)
        }),
        "set_memory_static_min" | "set_memory_static_max" => shared.with(|state| {
            check_vm(state, vm, "changing_static_range", Strictness::Call)?;
            let mut limits = memory_limits(state, vm);
            limits[if name.ends_with("min") { 0 } else { 1 }] = args[1].as_int();
            set_limits(state, vm, limits)
        }),
        "set_VCPUs_max" | "set_VCPUs_at_startup" => set_vcpus(shared, vm, name, &args[1]),
        _ => return None,
    };
    Some(outcome)
}

async fn start(
    shared: &Arc<Shared>,
    vm: &str,
    paused: bool,
    host: Option<&str>,
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    let place = reserve(shared, vm, host)?;
    let disk = shared.with(|state| {
        placement::check_memory(state, vm, &place.host)?;
        attach_devices_check(state, vm)
    })?;
    shared.with(|state| forget_metrics(state, vm));
    tasks::work(shared, task, TOOLSTACK).await?;
    let power = if paused { "Paused" } else { "Running" };
    shared.with(|state| power_on(state, vm, power, &place.host));
    if !paused {
        run(shared, vm, disk);
    }
    drop((place, busy));
    Ok(Val::Void)
}

/// A host on which resources are kept for a VM until this is dropped.
struct Place {
    shared: Arc<Shared>,
    vm: String,
    host: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.with(|state| {
            let none = Val::text(NULL);
            state
                .db
                .set("VM", &self.vm, "scheduled_to_be_resident_on", none);
        });
    }
}

/// Keep resources for VM on HOST, or on the best that can take it.
fn reserve(shared: &Arc<Shared>, vm: &str, host: Option<&str>) -> Result<Place, ApiError> {
    shared.with(|state| {
        let host = match host {
            Some(host) => {
                placement::check_host(state, vm, host, true)?;
                host.to_owned()
            }
            None => placement::choose_host(state, vm)?,
        };
        let scheduled = Val::text(&host);
        state
            .db
            .set("VM", vm, "scheduled_to_be_resident_on", scheduled);
        Ok(Place {
            shared: shared.clone(),
            vm: vm.to_owned(),
            host,
        })
    })
}

/// Put the memory of VM, which runs, on a disk; its guest ends as far as anybody can
/// tell, since a process cannot be put on a disk.
async fn suspend(shared: &Arc<Shared>, vm: &str, task: &str) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, "suspend", task).await?;
    let image = shared.with(|state| suspend_image(shared, state, vm))?;
    tasks::work(shared, task, TOOLSTACK).await?;
    end_domain(shared, vm).await;
    shared.with(|state| {
        power_off(state, vm);
        state.db.set("VM", vm, "suspend_VDI", Val::text(image));
        state
            .db
            .set("VM", vm, "power_state", Val::text("Suspended"));
    });
    drop(busy);
    Ok(Val::Void)
}

/// A new VDI for the memory of VM.
pub fn suspend_image(shared: &Shared, state: &mut State, vm: &str) -> Result<String, ApiError> {
    let pool = state.marks.pool.clone();
    let sr = [
        state.db.text("VM", vm, "suspend_SR"),
        state.db.text("pool", &pool, "suspend_image_SR"),
        state.db.text("pool", &pool, "default_SR"),
    ]
    .into_iter()
    .find(|sr| state.db.exists("SR", sr))
    .ok_or_else(|| ApiError::new("VM_NO_SUSPEND_SR", [vm]))?;
    let size = state.db.field("VM", vm, "memory_static_max").as_int();
    let image = state.db.insert(
        "VDI",
        [
            ("name_label", Val::text("Suspend image")),
            ("SR", Val::text(sr)),
            ("type", Val::text("suspend")),
            ("virtual_size", Val::Int(size)),
        ],
    );
    disks::finish_vdi(shared, state, &image, size as u64)?;
    Ok(image)
}

async fn resume(
    shared: &Arc<Shared>,
    vm: &str,
    paused: bool,
    host: Option<&str>,
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    let place = reserve(shared, vm, host)?;
    let disk = shared.with(|state| {
        if is_null(&state.db.text("VM", vm, "suspend_VDI")) {
            return Err(ApiError::new("VM_HAS_NO_SUSPEND_VDI", [vm]));
        }
        placement::check_memory(state, vm, &place.host)?;
        attach_devices_check(state, vm)
    })?;
    tasks::work(shared, task, TOOLSTACK).await?;
    let power = if paused { "Paused" } else { "Running" };
    shared.with(|state| {
        let image = state.db.text("VM", vm, "suspend_VDI");
        disks::forget(shared, state, &image);
        state.db.set("VM", vm, "suspend_VDI", Val::text(NULL));
        power_on(state, vm, power, &place.host);
    });
    if !paused {
        run(shared, vm, disk);
    }
    drop((place, busy));
    Ok(Val::Void)
}

/// Move VM, which runs, to another host of the pool; its guest notices nothing.
async fn migrate(shared: &Arc<Shared>, vm: &str, host: &str, task: &str) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, "pool_migrate", task).await?;
    let here = shared.with(|state| state.db.text("VM", vm, "resident_on") == host);
    if here {
        return Ok(Val::Void);
    }
    let place = reserve(shared, vm, Some(host))?;
    tasks::work(shared, task, TOOLSTACK).await?;
    shared.with(|state| {
        state.db.set("VM", vm, "resident_on", Val::text(host));
        let address = state.db.text("host", host, "address");
        for console in state.db.refs("VM", vm, "consoles") {
            let uuid = state.db.text("console", &console, "uuid");
            let port = state.marks.port;
            let location = format!("https://{address}:{port}/console?uuid={uuid}");
            state
                .db
                .set("console", &console, "location", Val::text(location));
        }
    });
    drop((place, busy));
    Ok(Val::Void)
}

fn set_is_a_template(shared: &Shared, vm: &str, value: bool) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get("VM", vm)?;
        let metrics = record["metrics"].as_text().to_owned();
        if value {
            check_vm(state, vm, "make_into_template", Strictness::Call)?;
            state.db.set("VM", vm, "ha_always_run", Val::Bool(false));
            state.db.delete("VM_metrics", &metrics);
            state.db.set("VM", vm, "metrics", Val::text(NULL));
        } else {
            if !state.db.exists("VM_metrics", &metrics) {
                let metrics = state.db.insert("VM_metrics", []);
                state.db.set("VM", vm, "metrics", Val::text(metrics));
            }
            let metrics = state.db.text("VM", vm, "metrics");
            state.db.set("VM_metrics", &metrics, "install_time", now());
        }
        state.db.set("VM", vm, "is_a_template", Val::Bool(value));
        Ok(Val::Void)
    })
}

/// Whether the disks of VM can be attached; answers the UUID of the VDI it boots from.
fn attach_devices_check(state: &State, vm: &str) -> Result<Option<String>, ApiError> {
    let record = state.db.get("VM", vm)?;
    if record["VCPUs_at_startup"].as_int() > record["VCPUs_max"].as_int() {
        return Err(ApiError::new(
            "VALUE_NOT_SUPPORTED",
            [
                "VCPUs-at-startup".to_owned(),
                record["VCPUs_at_startup"].as_int().to_string(),
                "value greater than VCPUs-max".to_owned(),
            ],
        ));
    }
    let firmware = record["HVM_boot_params"].get("firmware");
    if let Some(bad) = firmware
        .map(Val::as_text)
        .filter(|it| !["bios", "uefi"].contains(it))
    {
        return Err(ApiError::new(
            "INVALID_VALUE",
            ["HVM-boot-params['firmware']", bad],
        ));
    }
    for vbd in state.db.refs("VM", vm, "VBDs") {
        let vdi = state.db.text("VBD", &vbd, "VDI");
        if is_null(&vdi) {
            continue;
        }
        let writes = state.db.text("VBD", &vbd, "mode") == "RW";
        disks::check_attach(state, &vdi, &vbd, writes)?;
    }
    Ok(boot_disk(state, vm))
}

/// The record of the guest's agent is deleted at start, so that nobody takes an
/// old address for a new one.
fn forget_metrics(state: &mut State, vm: &str) {
    let metrics = state.db.text("VM", vm, "guest_metrics");
    state.db.set("VM", vm, "guest_metrics", Val::text(NULL));
    state.db.delete("VM_guest_metrics", &metrics);
}

fn power_on(state: &mut State, vm: &str, power: &str, host: &str) {
    state.next_domid += 1;
    let (domid, port) = (state.next_domid, state.marks.port);
    let db = &mut state.db;
    db.set("VM", vm, "domid", Val::Int(domid));
    db.set("VM", vm, "resident_on", Val::text(host));
    for vbd in db.refs("VM", vm, "VBDs") {
        if db.field("VBD", &vbd, "empty").as_bool() {
            continue;
        }
        let device = disks::device_name(&db.text("VBD", &vbd, "userdevice"));
        db.set("VBD", &vbd, "device", Val::text(device));
        db.set("VBD", &vbd, "currently_attached", Val::Bool(true));
    }
    for vif in db.refs("VM", vm, "VIFs") {
        db.set("VIF", &vif, "currently_attached", Val::Bool(true));
    }
    let console = db.insert(
        "console",
        [("protocol", Val::text("rfb")), ("VM", Val::text(vm))],
    );
    let uuid = db.text("console", &console, "uuid");
    let address = db.text("host", host, "address");
    db.set(
        "console",
        &console,
        "location",
        Val::text(format!("https://{address}:{port}/console?uuid={uuid}")),
    );
    let metrics = db.text("VM", vm, "metrics");
    let hvm = db.text("VM", vm, "domain_type") == "hvm";
    db.set("VM_metrics", &metrics, "hvm", Val::Bool(hvm));
    let memory = db.field("VM", vm, "memory_dynamic_max");
    db.set("VM_metrics", &metrics, "memory_actual", memory);
    db.set("VM_metrics", &metrics, "start_time", now());
    db.set("VM_metrics", &metrics, "state", Val::texts(["running"]));
    db.set("VM", vm, "power_state", Val::text(power));
    let (name, uuid) = (db.text("VM", vm, "name_label"), db.text("VM", vm, "uuid"));
    let place = db.text("host", host, "name_label");
    state.message(
        "VM_STARTED",
        "VM",
        &uuid,
        &format!("VM '{name}' (uuid: {uuid}) started on host: {place}"),
    );
}

/// Everything that a halted VM has not.
pub fn power_off(state: &mut State, vm: &str) {
    if !state.db.exists("VM", vm) {
        return;
    }
    let db = &mut state.db;
    db.set("VM", vm, "domid", Val::Int(-1));
    db.set("VM", vm, "resident_on", Val::text(NULL));
    for vbd in db.refs("VM", vm, "VBDs") {
        db.set("VBD", &vbd, "currently_attached", Val::Bool(false));
        db.set("VBD", &vbd, "device", Val::text(""));
    }
    for vif in db.refs("VM", vm, "VIFs") {
        db.set("VIF", &vif, "currently_attached", Val::Bool(false));
    }
    for console in db.refs("VM", vm, "consoles") {
        db.delete("console", &console);
    }
    let metrics = db.text("VM", vm, "metrics");
    db.set("VM_metrics", &metrics, "state", Val::Set(Vec::new()));
    db.set("VM", vm, "power_state", Val::text("Halted"));
    let (name, uuid) = (db.text("VM", vm, "name_label"), db.text("VM", vm, "uuid"));
    state.message(
        "VM_SHUTDOWN",
        "VM",
        &uuid,
        &format!("VM '{name}' (uuid: {uuid}) was shut down"),
    );
}

/// Let the domain of VM run on DISK until it is stopped or ends itself.
fn run(shared: &Arc<Shared>, vm: &str, disk: Option<String>) {
    let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
    shared.with(|state| {
        state.domains.insert(
            vm.to_owned(),
            Domain {
                stop: stop.clone(),
                ended: ended.clone(),
                up: false,
            },
        )
    });
    let (shared, vm) = (shared.clone(), vm.to_owned());
    let tracker = shared.tracker.clone();
    // Not `Shared::spawn`: when the host ends, the guest is still to be shut down.
    crate::runtime::spawn(tracker.track_future(async move {
        let mut boots = 0;
        loop {
            let stopped = async {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = shared.stop.cancelled() => {}
                }
            };
            boots += 1;
            match live(&shared, &vm, disk.clone(), boots, stopped).await {
                End::Stopped => break,
                End::Rebooted => shared.with(|state| again(state, &vm)),
                End::ByItself => {
                    shared.with(|state| {
                        state.domains.remove(&vm);
                        power_off(state, &vm);
                    });
                    break;
                }
            }
        }
        ended.cancel();
    }));
}

#[derive(PartialEq)]
enum End {
    Stopped,
    ByItself,
    Rebooted,
}

/// The guest has rebooted: a new domain, of which nothing is known yet.
fn again(state: &mut State, vm: &str) {
    forget_metrics(state, vm);
    for console in state.db.refs("VM", vm, "consoles") {
        state.db.delete("console", &console);
    }
    let host = state.db.text("VM", vm, "resident_on");
    power_on(state, vm, "Running", &host);
}

/// The life of a guest: boot, report an address, run, be shut down.
async fn live(
    shared: &Arc<Shared>,
    vm: &str,
    disk: Option<String>,
    boots: u32,
    stopped: impl Future<Output = ()>,
) -> End {
    tokio::pin!(stopped);
    let guest = tokio::select! {
        () = &mut stopped => return End::Stopped,
        guest = boot(shared, vm, disk) => guest,
    };
    let Some(guest) = guest else {
        stopped.await;
        return End::Stopped;
    };
    let end = tokio::select! {
        () = &mut stopped => End::Stopped,
        end = async {
            publish(shared, vm, &guest).await;
            if boots == 1 && shared.config.has(&Mishap::GuestReboots) {
                return End::Rebooted;
            }
            match &guest {
                Running::System(guest) => match guest.ended().await {
                    Ending::Reboots => End::Rebooted,
                    Ending::PowersOff => End::ByItself,
                },
                Running::Mute => std::future::pending().await,
            }
        } => end,
    };
    if let Running::System(guest) = guest {
        keep_console(shared, vm, guest.console());
        guest.shutdown().await;
    }
    end
}

/// What runs in a domain that has come up.
enum Running {
    System(Guest),
    /// A guest that says it is there and answers nobody.
    Mute,
}

async fn boot(shared: &Arc<Shared>, vm: &str, disk: Option<String>) -> Option<Running> {
    if shared.config.has(&Mishap::GuestHangs) {
        return None;
    }
    if shared.config.has(&Mishap::NoSsh) {
        return Some(Running::Mute);
    }
    let Some(disk) = disk else {
        keep_console(shared, vm, vec!["no bootable device".to_owned()]);
        return None;
    };
    let (name, known_port) = shared.with(|state| {
        let name = state.db.text("VM", vm, "name_label");
        (name, state.ports.get(vm).cloned())
    });
    let port = match known_port {
        Some(port) => port,
        // Of a VM that no settings name nobody knows a port beforehand.
        None => Arc::new(ReservedPort::reserve(shared.config.guest_ip).ok()?),
    };
    if shared.with(|state| resets(state, &disk)) {
        disks::forget_system(shared, &disk);
    }
    let config = GuestConfig {
        name,
        port,
        root: shared.config.root(&disk),
    };
    match Guest::boot(&shared.config.disk(&disk), &config).await {
        Ok(guest) => {
            keep_console(shared, vm, guest.console());
            Some(Running::System(guest))
        }
        Err(failure) => {
            // The domain runs on, as one whose kernel has given up does.
            keep_console(shared, vm, failure.console);
            None
        }
    }
}

/// Whether the disk with this UUID is to be as it was at each boot.
fn resets(state: &State, disk: &str) -> bool {
    state
        .db
        .by_uuid("VDI", disk)
        .is_ok_and(|vdi| state.db.text("VDI", &vdi, "on_boot") == "reset")
}

fn keep_console(shared: &Shared, vm: &str, lines: Vec<String>) {
    shared.with(|state| state.consoles.insert(vm.to_owned(), lines));
}

/// The guest's agent reports: first itself, a little later the address.
async fn publish(shared: &Arc<Shared>, vm: &str, guest: &Running) {
    shared.with(|state| {
        if let Some(domain) = state.domains.get_mut(vm) {
            domain.up = true;
        }
    });
    let address = match guest {
        Running::System(guest) => guest.address().ip(),
        Running::Mute => shared.config.guest_ip,
    };
    clock::sleep(AGENT).await;
    let metrics = shared.with(|state| {
        let metrics = state.db.insert(
            "VM_guest_metrics",
            [
                ("PV_drivers_detected", Val::Bool(true)),
                ("last_updated", now()),
                ("live", Val::Bool(true)),
            ],
        );
        state.db.set("VM", vm, "guest_metrics", Val::text(&metrics));
        metrics
    });
    if shared.config.has(&Mishap::NoAddress) {
        return;
    }
    write_lease(shared, vm, &address.to_string());
    write_vm_data(shared, vm, &address.to_string());
    if shared.config.has(&Mishap::NoAgent) {
        return;
    }
    if shared.config.has(&Mishap::StaleAddress) {
        shared.with(|state| {
            let networks = Val::map_of([("0/ip", Val::text("192.0.2.7"))]);
            state
                .db
                .set("VM_guest_metrics", &metrics, "networks", networks);
            let before = Val::Date("20010101T00:00:00Z".to_owned());
            state
                .db
                .set("VM_guest_metrics", &metrics, "last_updated", before);
        });
        clock::sleep(AGENT * 10).await;
    }
    let report = |address: &str| {
        shared.with(|state| {
            let networks = Val::map_of([
                ("0/ip", Val::text(address)),
                ("0/ipv4/0", Val::text(address)),
            ]);
            state
                .db
                .set("VM_guest_metrics", &metrics, "networks", networks);
            state
                .db
                .set("VM_guest_metrics", &metrics, "last_updated", now());
        });
    };
    clock::sleep(AGENT).await;
    if shared.config.has(&Mishap::LinkLocalFirst) {
        report("169.254.7.7");
        clock::sleep(AGENT * 10).await;
    }
    report(&address.to_string());
}

/// The network's DHCP server has given an address to the VM's first interface.
fn write_lease(shared: &Shared, vm: &str, address: &str) {
    let mac = shared.with(|state| {
        let vifs = state.db.refs("VM", vm, "VIFs");
        vifs.first().map(|vif| state.db.text("VIF", vif, "MAC"))
    });
    let Some(mac) = mac else { return };
    let end = clock::seconds_since_1970() + 3600;
    let path = shared.config.lease_file();
    let others: String = std::fs::read_to_string(&path)
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.contains(&mac))
        .map(|line| format!("{line}\n"))
        .collect();
    // A lease that cannot be written is one that nobody sees.
    let _ = std::fs::write(&path, format!("{others}{end} {mac} {address} fruix *\n"));
}

/// The system says in xenstore where it is, with the nonce of this boot, as the
/// host copies it into the VM's record.
fn write_vm_data(shared: &Shared, vm: &str, address: &str) {
    shared.with(|state| {
        let data = state.db.field("VM", vm, "xenstore_data");
        let Some(nonce) = data.get("vm-data/fruix/nonce") else {
            return;
        };
        let said = format!("{address} {}", nonce.as_text());
        state.db.update("VM", vm, "xenstore_data", |data| {
            data.put("vm-data/fruix/address", Val::text(said));
        });
    });
}

/// End the domain of VM and wait until nothing of it is left.
pub async fn end_domain(shared: &Shared, vm: &str) {
    let domain = shared.with(|state| state.domains.remove(vm));
    if let Some(domain) = domain {
        domain.stop.cancel();
        domain.ended.cancelled().await;
    }
}

async fn hard_shutdown(
    shared: &Arc<Shared>,
    vm: &str,
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    end_domain(shared, vm).await;
    shared.with(|state| {
        power_off(state, vm);
        // The memory of a VM that was suspended is given up.
        let image = state.db.text("VM", vm, "suspend_VDI");
        if !is_null(&image) {
            disks::forget(shared, state, &image);
            state.db.set("VM", vm, "suspend_VDI", Val::text(NULL));
        }
    });
    drop(busy);
    Ok(Val::Void)
}

async fn clean_shutdown(shared: &Arc<Shared>, vm: &str, task: &str) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, "clean_shutdown", task).await?;
    await_acknowledgment(shared, vm, task).await?;
    end_domain(shared, vm).await;
    shared.with(|state| power_off(state, vm));
    drop(busy);
    Ok(Val::Void)
}

/// A system that is up acknowledges; one that hangs does not.
async fn await_acknowledgment(shared: &Arc<Shared>, vm: &str, task: &str) -> Result<(), ApiError> {
    let up = shared.with(|state| state.domains.get(vm).is_some_and(|domain| domain.up));
    if up && !shared.config.has(&Mishap::NoSsh) {
        return tasks::work(shared, task, TOOLSTACK).await;
    }
    tasks::work(shared, task, shared.config.acknowledgment).await?;
    Err(ApiError::new("VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT", [vm]))
}

async fn reboot(
    shared: &Arc<Shared>,
    vm: &str,
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    if operation == "clean_reboot" {
        await_acknowledgment(shared, vm, task).await?;
    }
    end_domain(shared, vm).await;
    let disk = shared.with(|state| {
        again(state, vm);
        // Its own disks are attached already, so only the choice matters here.
        boot_disk(state, vm)
    });
    run(shared, vm, disk);
    drop(busy);
    Ok(Val::Void)
}

async fn power_state_reset(shared: &Arc<Shared>, vm: &str) -> Result<Val, ApiError> {
    shared.with(|state| state.db.get("VM", vm).map(|_| ()))?;
    end_domain(shared, vm).await;
    shared.with(|state| power_off(state, vm));
    Ok(Val::Void)
}

async fn set_paused(
    shared: &Arc<Shared>,
    vm: &str,
    operation: &str,
    power: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    if power == "Running" {
        // A VM that was started paused boots only now.
        let idle = shared.with(|state| !state.domains.contains_key(vm));
        if idle {
            let disk = shared.with(|state| boot_disk(state, vm));
            run(shared, vm, disk);
        }
    }
    shared.with(|state| state.db.set("VM", vm, "power_state", Val::text(power)));
    drop(busy);
    Ok(Val::Void)
}

/// A VM made from scratch.
fn create(shared: &Shared, record: &Val) -> Result<Val, ApiError> {
    shared.with(|state| {
        let vm = state.db.construct("VM", record)?;
        let metrics = state.db.insert(
            "VM_metrics",
            [("start_time", Val::Date(super::value::EPOCH.to_owned()))],
        );
        state.db.set("VM", &vm, "metrics", Val::text(metrics));
        state.db.update("VM", &vm, "other_config", |config| {
            if config.get("mac_seed").is_none() {
                config.put("mac_seed", Val::text(super::value::new_uuid()));
            }
        });
        state.db.set("VM", &vm, "domid", Val::Int(-1));
        state.db.set("VM", &vm, "power_state", Val::text("Halted"));
        Ok(Val::Text(vm))
    })
}

/// The VM goes with its VBDs and VIFs; its disks stay.
fn destroy(shared: &Shared, vm: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        check_vm(state, vm, "destroy", Strictness::Call)?;
        // The image of a suspended VM, or of a checkpoint, is of no use without it.
        let image = state.db.text("VM", vm, "suspend_VDI");
        if !is_null(&image) {
            disks::forget(shared, state, &image);
        }
        state.remembered.remove(vm);
        let db = &mut state.db;
        for (set, class) in [
            ("VBDs", "VBD"),
            ("VIFs", "VIF"),
            ("consoles", "console"),
            ("VTPMs", "VTPM"),
        ] {
            for child in db.refs("VM", vm, set) {
                db.delete(class, &child);
            }
        }
        for (field, class) in [
            ("metrics", "VM_metrics"),
            ("guest_metrics", "VM_guest_metrics"),
        ] {
            let reference = db.text("VM", vm, field);
            db.delete(class, &reference);
        }
        db.delete("VM", vm);
        Ok(Val::Void)
    })
}

async fn provision(shared: &Arc<Shared>, vm: &str, task: &str) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, "provision", task).await?;
    let wanted = shared.with(|state| {
        let config = state.db.field("VM", vm, "other_config");
        config
            .get("disks")
            .map_or(String::new(), |it| it.as_text().to_owned())
    });
    for disk in provisioned_disks(&wanted) {
        provide_disk(shared, vm, &disk)?;
    }
    shared.with(|state| {
        state
            .db
            .update("VM", vm, "other_config", |config| config.remove("disks"));
        state.db.set("VM", vm, "is_a_template", Val::Bool(false));
        state
            .db
            .set("VM", vm, "is_default_template", Val::Bool(false));
    });
    drop(busy);
    Ok(Val::Void)
}

/// A disk that a template asks for.
struct WantedDisk {
    device: String,
    size: i64,
    sr: String,
    bootable: bool,
}

/// The disks in TEXT, the `disks` of a template's `other_config`.
fn provisioned_disks(text: &str) -> Vec<WantedDisk> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut disks = Vec::new();
    while let Ok(event) = reader.read_event() {
        let element = match event {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Empty(element) | quick_xml::events::Event::Start(element) => {
                element
            }
            _ => continue,
        };
        if element.name().as_ref() != "disk" {
            continue;
        }
        let attribute = |name: &str| {
            let found = element.try_get_attribute(name).ok().flatten();
            found.map_or(String::new(), |it| it.value.into_owned())
        };
        disks.push(WantedDisk {
            device: attribute("device"),
            size: attribute("size").parse().unwrap_or(0),
            sr: attribute("sr"),
            bootable: attribute("bootable") == "true",
        });
    }
    disks
}

/// Make DISK, on the SR that it names or on the pool's default, and attach it to VM.
fn provide_disk(shared: &Shared, vm: &str, disk: &WantedDisk) -> Result<(), ApiError> {
    shared.with(|state| {
        let sr = match state.db.by_uuid("SR", &disk.sr) {
            Ok(sr) => sr,
            Err(_) => state.db.text("pool", &state.marks.pool, "default_SR"),
        };
        let name = state.db.text("VM", vm, "name_label");
        let vdi = state.db.insert(
            "VDI",
            [
                ("name_label", Val::text(format!("{name} {}", disk.device))),
                (
                    "name_description",
                    Val::text("Created by template provisioner"),
                ),
                ("SR", Val::text(sr)),
                ("type", Val::text("system")),
                ("virtual_size", Val::Int(disk.size)),
            ],
        );
        disks::finish_vdi(shared, state, &vdi, disk.size.max(0) as u64)?;
        state.db.insert(
            "VBD",
            [
                ("VM", Val::text(vm)),
                ("VDI", Val::text(vdi)),
                ("userdevice", Val::text(&disk.device)),
                ("bootable", Val::Bool(disk.bootable)),
                ("mode", Val::text("RW")),
                ("type", Val::text("Disk")),
                ("unpluggable", Val::Bool(true)),
            ],
        );
        Ok(())
    })
}

/// The UUID of the VDI that VM boots from: its disk with the lowest device number.
fn boot_disk(state: &State, vm: &str) -> Option<String> {
    state
        .db
        .refs("VM", vm, "VBDs")
        .into_iter()
        .filter(|vbd| state.db.text("VBD", vbd, "type") == "Disk")
        .filter_map(|vbd| {
            let vdi = state.db.text("VBD", &vbd, "VDI");
            let device = state.db.text("VBD", &vbd, "userdevice");
            (!is_null(&vdi)).then(|| {
                (
                    device.parse::<u32>().unwrap_or(u32::MAX),
                    state.db.text("VDI", &vdi, "uuid"),
                )
            })
        })
        .min()
        .map(|(_, uuid)| uuid)
}

fn free_devices(
    shared: &Shared,
    vm: &str,
    set: &str,
    field: &str,
    count: u32,
) -> Result<Val, ApiError> {
    let class = set.trim_end_matches('s');
    shared.with(|state| {
        state.db.get("VM", vm)?;
        let taken: Vec<String> = state
            .db
            .refs("VM", vm, set)
            .iter()
            .map(|child| state.db.text(class, child, field))
            .collect();
        Ok(Val::texts(
            (0..count)
                .map(|number| number.to_string())
                .filter(|number| !taken.contains(number)),
        ))
    })
}

/// LIMITS are static and dynamic minimum and maximum in bytes; EVERY, unless 0,
/// is all four.
fn set_memory(shared: &Shared, vm: &str, limits: &[i64; 4], every: i64) -> Result<Val, ApiError> {
    let limits = if every > 0 { [every; 4] } else { *limits };
    shared.with(|state| {
        check_vm(state, vm, "changing_memory_limits", Strictness::Call)?;
        set_limits(state, vm, limits)
    })
}

/// The static and the dynamic range of VM.
fn memory_limits(state: &State, vm: &str) -> [i64; 4] {
    [
        "memory_static_min",
        "memory_static_max",
        "memory_dynamic_min",
        "memory_dynamic_max",
    ]
    .map(|field| state.db.field("VM", vm, field).as_int())
}

fn set_limits(state: &mut State, vm: &str, limits: [i64; 4]) -> Result<Val, ApiError> {
    let [static_min, static_max, dynamic_min, dynamic_max] = limits;
    let ordered = 0 <= static_min
        && static_min <= dynamic_min
        && dynamic_min <= dynamic_max
        && dynamic_max <= static_max;
    if !ordered {
        return Err(ApiError::new(
            "MEMORY_CONSTRAINT_VIOLATION",
            ["static_min ≤ dynamic_min ≤ dynamic_max ≤ static_max"],
        ));
    }
    for (field, value) in [
        ("memory_static_min", static_min),
        ("memory_static_max", static_max),
        ("memory_dynamic_min", dynamic_min),
        ("memory_dynamic_max", dynamic_max),
        ("memory_target", dynamic_min),
    ] {
        state.db.set("VM", vm, field, Val::Int(value));
    }
    Ok(Val::Void)
}

fn set_vcpus(shared: &Shared, vm: &str, name: &str, value: &Val) -> Result<Val, ApiError> {
    shared.with(|state| {
        check_vm(state, vm, "changing_VCPUs", Strictness::Call)?;
        let most = state.db.field("VM", vm, "VCPUs_max").as_int();
        let (field, setting) = match name {
            "set_VCPUs_max" => ("VCPUs_max", "VCPUs-max"),
            _ => ("VCPUs_at_startup", "VCPUs-at-startup"),
        };
        let wrong = |reason: &str| {
            ApiError::new(
                "VALUE_NOT_SUPPORTED",
                [
                    setting.to_owned(),
                    value.as_int().to_string(),
                    reason.to_owned(),
                ],
            )
        };
        if value.as_int() < 1 {
            return Err(wrong("value should be greater than zero"));
        }
        if field == "VCPUs_at_startup" && value.as_int() > most {
            return Err(wrong("value greater than VCPUs-max"));
        }
        state.db.set("VM", vm, field, value.clone());
        Ok(Val::Void)
    })
}
