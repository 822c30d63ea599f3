//! VMs: the state machine of power, the domains that run, and the guest's
//! address in `VM_guest_metrics`.
//!
//! Checks come in xapi's order: blocked, power state, another operation,
//! template, snapshot. An operation that only another one keeps from starting
//! waits for it inside the call, as xapi does.
//!
//! Source: xapi's `xapi_vm_lifecycle.ml`.

use super::database::is_null;
use super::disks;
use super::state::{Busy, Domain, Shared, State};
use super::tasks;
use super::value::{ApiError, NULL, Val, now};
use crate::clock;
use crate::sim::guest::Guest;
use crate::sim::mishap::Mishap;
use crate::sim::port::ReservedPort;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the toolstack takes to build or tear down a domain here.
const TOOLSTACK: Duration = Duration::from_millis(30);

/// How long after the system has come up its agent reports an address.
const AGENT: Duration = Duration::from_millis(40);

/// The power states in which OPERATION is possible; all when empty.
fn required_states(operation: &str) -> &'static [&'static str] {
    match operation {
        "start" | "start_on" | "provision" | "changing_VCPUs" | "changing_static_range" => {
            &["Halted"]
        }
        "unpause" => &["Paused"],
        "pause" | "clean_shutdown" | "clean_reboot" => &["Running"],
        "hard_reboot" => &["Paused", "Running"],
        "shutdown" | "hard_shutdown" => &["Paused", "Suspended", "Running"],
        "clone" | "copy" => &["Halted"],
        "destroy" => &["Halted", "Suspended"],
        _ => &[],
    }
}

/// Whether RUNNING keeps OPERATION from starting.
fn blocks(operation: &str, running: &str) -> bool {
    let shared = ["clone", "copy", "export"];
    match operation {
        "hard_shutdown" => running == "hard_shutdown",
        "hard_reboot" => running.starts_with("hard_"),
        _ if shared.contains(&operation) => !shared.contains(&running),
        "snapshot" => running != "snapshot",
        _ => true,
    }
}

/// Whether OPERATION is possible on VM now; `Err` is XAPI's refusal.
fn check(state: &State, vm: &str, operation: &str) -> Result<(), ApiError> {
    let record = state.db.get("VM", vm)?;
    if let Some(reason) = record["blocked_operations"].get(operation) {
        return Err(ApiError::new("OPERATION_BLOCKED", [vm, reason.as_text()]));
    }
    let required = required_states(operation);
    let actual = record["power_state"].as_text();
    if !required.is_empty() && !required.contains(&actual) {
        return Err(ApiError::new(
            "VM_BAD_POWER_STATE",
            [
                vm.to_owned(),
                required.join(", ").to_lowercase(),
                actual.to_lowercase(),
            ],
        ));
    }
    if let Some(error) = state.in_progress("VM", vm, |running| blocks(operation, running)) {
        return Err(error);
    }
    let is_snapshot = record["is_a_snapshot"].as_bool();
    if record["is_a_template"].as_bool() && !is_snapshot {
        let default = record["is_default_template"].as_bool();
        let allowed = match operation {
            "clone" | "copy" | "provision" | "export" => true,
            "destroy" => !default,
            _ => operation.starts_with("changing_"),
        };
        if !allowed {
            return Err(ApiError::new("VM_IS_TEMPLATE", [vm, operation]));
        }
    }
    if is_snapshot && !["revert", "clone", "copy", "destroy", "hard_shutdown"].contains(&operation)
    {
        return Err(ApiError::new("VM_IS_SNAPSHOT", [vm, operation]));
    }
    if operation == "provision" && !record["is_a_template"].as_bool() {
        return Err(ApiError::new::<String>(
            "PROVISION_ONLY_ALLOWED_ON_TEMPLATE",
            [],
        ));
    }
    if operation == "revert" && !is_snapshot {
        return Err(ApiError::new::<String>(
            "REVERT_ONLY_ALLOWED_ON_SNAPSHOT",
            [],
        ));
    }
    if record["is_control_domain"].as_bool() {
        return Err(ApiError::new(
            "OPERATION_NOT_ALLOWED",
            ["This operation is not allowed on the control domain"],
        ));
    }
    Ok(())
}

/// Mark VM as busy with OPERATION as soon as that is possible.
async fn begin(
    shared: &Arc<Shared>,
    vm: &str,
    operation: &str,
    task: &str,
) -> Result<Busy, ApiError> {
    let mut news = shared.watch();
    loop {
        news.borrow_and_update();
        let attempt = shared.with(|state| {
            check(state, vm, operation)
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
        "start" => start(shared, vm, args[1].as_bool(), "start", task).await,
        "start_on" => {
            match shared.with(|state| state.db.get("host", args[1].as_text()).map(|_| ())) {
                Ok(()) => start(shared, vm, args[2].as_bool(), "start_on", task).await,
                Err(error) => Err(error),
            }
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
        "clone" | "copy" => clone(shared, vm, args[1].as_text(), name, task).await,
        "snapshot" => {
            let ignored: Vec<&str> = args
                .get(2)
                .map_or(&[][..], Val::items)
                .iter()
                .map(Val::as_text)
                .collect();
            snapshot(shared, vm, args[1].as_text(), &ignored, task).await
        }
        "revert" => revert(shared, vm, task).await,
        "provision" => provision(shared, vm, task).await,
        "get_allowed_VBD_devices" => free_devices(shared, vm, "VBDs", "userdevice", 16),
        "get_allowed_VIF_devices" => free_devices(shared, vm, "VIFs", "device", 7),
        "get_possible_hosts" => shared.with(|state| {
            state.db.get("VM", vm)?;
            Ok(Val::texts([&state.marks.host]))
        }),
        "assert_can_boot_here" => shared.with(|state| {
            state.db.get("VM", vm)?;
            state.db.get("host", args[1].as_text())?;
            Ok(Val::Void)
        }),
        "assert_operation_valid" => {
            shared.with(|state| check(state, vm, args[1].as_text()).map(|()| Val::Void))
        }
        "update_allowed_operations" => shared.with(|state| {
            state.db.get("VM", vm)?;
            refresh_allowed(state, vm);
            Ok(Val::Void)
        }),
        "set_memory" => set_memory(shared, vm, &[0, 0, 0, 0], args[1].as_int()),
        "set_memory_limits" => {
            let limits: Vec<i64> = args[1..5].iter().map(Val::as_int).collect();
            set_memory(shared, vm, &[limits[0], limits[1], limits[2], limits[3]], 0)
        }
        "set_memory_dynamic_range" => shared.with(|state| {
            state.db.get("VM", vm)?;
            state
                .db
                .set("VM", vm, "memory_dynamic_min", args[1].clone());
            state
                .db
                .set("VM", vm, "memory_dynamic_max", args[2].clone());
            Ok(Val::Void)
        }),
        "set_memory_static_range" => shared.with(|state| {
            check(state, vm, "changing_static_range")?;
            state.db.set("VM", vm, "memory_static_min", args[1].clone());
            state.db.set("VM", vm, "memory_static_max", args[2].clone());
            Ok(Val::Void)
        }),
        "set_VCPUs_max" | "set_VCPUs_at_startup" => set_vcpus(shared, vm, name, &args[1]),
        _ => return None,
    };
    shared.with(|state| refresh_allowed(state, vm));
    Some(outcome)
}

/// What `allowed_operations` advises.
fn refresh_allowed(state: &mut State, vm: &str) {
    if !state.db.exists("VM", vm) {
        return;
    }
    let allowed: Vec<&str> = [
        "snapshot",
        "clone",
        "copy",
        "start",
        "start_on",
        "pause",
        "unpause",
        "clean_shutdown",
        "clean_reboot",
        "hard_shutdown",
        "hard_reboot",
        "shutdown",
        "provision",
        "destroy",
        "revert",
    ]
    .into_iter()
    .filter(|operation| check(state, vm, operation).is_ok())
    .collect();
    state
        .db
        .set("VM", vm, "allowed_operations", Val::texts(allowed));
}

async fn start(
    shared: &Arc<Shared>,
    vm: &str,
    paused: bool,
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    let disk = shared.with(|state| attach_devices_check(state, vm))?;
    shared.with(|state| forget_metrics(state, vm));
    tasks::work(shared, task, TOOLSTACK).await?;
    shared.with(|state| power_on(state, vm, if paused { "Paused" } else { "Running" }));
    if !paused {
        run(shared, vm, disk);
    }
    drop(busy);
    Ok(Val::Void)
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

fn power_on(state: &mut State, vm: &str, power: &str) {
    let host = state.marks.host.clone();
    state.next_domid += 1;
    let domid = state.next_domid;
    let db = &mut state.db;
    db.set("VM", vm, "domid", Val::Int(domid));
    db.set("VM", vm, "resident_on", Val::text(host));
    for (index, vbd) in db.refs("VM", vm, "VBDs").into_iter().enumerate() {
        if db.field("VBD", &vbd, "empty").as_bool() {
            continue;
        }
        let device = format!("xvd{}", char::from(b'a' + (index % 26) as u8));
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
    let address = db.text("host", &state.marks.host, "address");
    db.set(
        "console",
        &console,
        "location",
        Val::text(format!("https://{address}/console?uuid={uuid}")),
    );
    let metrics = db.text("VM", vm, "metrics");
    db.set("VM_metrics", &metrics, "start_time", now());
    db.set("VM_metrics", &metrics, "state", Val::texts(["running"]));
    db.set("VM", vm, "power_state", Val::text(power));
    let (name, uuid) = (db.text("VM", vm, "name_label"), db.text("VM", vm, "uuid"));
    state.message(
        "VM_STARTED",
        "VM",
        &uuid,
        &format!("VM '{name}' (uuid: {uuid}) started on host: simulated"),
    );
}

/// Everything that a halted VM has not.
fn power_off(state: &mut State, vm: &str) {
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
    refresh_allowed(state, vm);
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
    power_on(state, vm, "Running");
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
                Running::System(guest) => guest.ended().await,
                Running::Mute => std::future::pending().await,
            }
            End::ByItself
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
    let mut config = shared.config.guest.clone();
    let is_first = shared.with(|state| state.marks.vm == vm);
    if !is_first {
        // The known port is the approved VM's; another VM gets one of its own.
        let port = ReservedPort::reserve(config.port.address().ip()).ok()?;
        config.port = Arc::new(port);
    }
    config.name = shared.with(|state| state.db.text("VM", vm, "name_label"));
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
        Running::Mute => shared.config.guest.port.address().ip(),
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
async fn end_domain(shared: &Shared, vm: &str) {
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
    shared.with(|state| power_off(state, vm));
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
        state.db.set("VM", &vm, "domid", Val::Int(-1));
        state.db.set("VM", &vm, "power_state", Val::text("Halted"));
        refresh_allowed(state, &vm);
        Ok(Val::Text(vm))
    })
}

/// The VM goes with its VBDs and VIFs; its disks stay.
fn destroy(shared: &Shared, vm: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        check(state, vm, "destroy")?;
        let db = &mut state.db;
        for (set, class) in [("VBDs", "VBD"), ("VIFs", "VIF"), ("consoles", "console")] {
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

/// Fields of a VM that belong to one VM only.
const OWN: [&str; 16] = [
    "uuid",
    "VBDs",
    "VIFs",
    "consoles",
    "metrics",
    "guest_metrics",
    "snapshots",
    "children",
    "parent",
    "current_operations",
    "domid",
    "resident_on",
    "power_state",
    "snapshot_of",
    "is_a_snapshot",
    "VTPMs",
];

/// A copy of VM called NAME with VBDs and VIFs of its own on the same VDIs.
fn copy_record(state: &mut State, vm: &str, name: &str) -> Result<String, ApiError> {
    let record = state.db.get("VM", vm)?.clone();
    let fields: Vec<(&'static str, Val)> = record
        .into_iter()
        .filter(|(field, _)| !OWN.contains(field))
        .collect();
    let copy = state.db.insert("VM", fields);
    let db = &mut state.db;
    db.set("VM", &copy, "name_label", Val::text(name));
    db.set("VM", &copy, "domid", Val::Int(-1));
    let metrics = db.insert("VM_metrics", []);
    db.set("VM", &copy, "metrics", Val::text(metrics));
    Ok(copy)
}

/// Copy the devices of VM to TARGET; COPY_DISK answers the VDI to use instead
/// of each.
fn copy_devices(
    shared: &Shared,
    state: &mut State,
    vm: &str,
    target: &str,
    copy_disk: impl Fn(&Shared, &mut State, &str) -> Result<Option<String>, ApiError>,
) -> Result<(), ApiError> {
    for vbd in state.db.refs("VM", vm, "VBDs") {
        let mut record = state.db.get("VBD", &vbd)?.clone();
        let vdi = record["VDI"].as_text().to_owned();
        for field in ["uuid", "current_operations", "device"] {
            record.remove(field);
        }
        record.insert("VM", Val::text(target));
        record.insert("currently_attached", Val::Bool(false));
        if !is_null(&vdi) && record["type"].as_text() == "Disk" {
            match copy_disk(shared, state, &vdi)? {
                Some(copy) => record.insert("VDI", Val::text(copy)),
                None => continue,
            };
        }
        state.db.insert("VBD", record);
    }
    for vif in state.db.refs("VM", vm, "VIFs") {
        let mut record = state.db.get("VIF", &vif)?.clone();
        for field in ["uuid", "current_operations"] {
            record.remove(field);
        }
        record.insert("VM", Val::text(target));
        record.insert("currently_attached", Val::Bool(false));
        record.insert("MAC", Val::text(disks::random_mac()));
        state.db.insert("VIF", record);
    }
    Ok(())
}

async fn clone(
    shared: &Arc<Shared>,
    vm: &str,
    name: &str,
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, operation, task).await?;
    tasks::work(shared, task, TOOLSTACK).await?;
    let copy = shared.with(|state| {
        let copy = copy_record(state, vm, name)?;
        state
            .db
            .set("VM", &copy, "is_default_template", Val::Bool(false));
        copy_devices(shared, state, vm, &copy, |shared, state, vdi| {
            disks::copy_of(shared, state, vdi, disks::Copied::Clone).map(Some)
        })?;
        refresh_allowed(state, &copy);
        Ok(Val::Text(copy))
    });
    drop(busy);
    copy
}

async fn snapshot(
    shared: &Arc<Shared>,
    vm: &str,
    name: &str,
    ignored: &[&str],
    task: &str,
) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, "snapshot", task).await?;
    tasks::work(shared, task, TOOLSTACK).await?;
    let snapshot = shared.with(|state| {
        let snapshot = copy_record(state, vm, name)?;
        let record = state.db.get("VM", vm)?.clone();
        state.remembered.insert(snapshot.clone(), record);
        let db = &mut state.db;
        db.set("VM", &snapshot, "is_a_snapshot", Val::Bool(true));
        db.set("VM", &snapshot, "is_a_template", Val::Bool(true));
        db.set("VM", &snapshot, "snapshot_time", now());
        db.set("VM", &snapshot, "snapshot_of", Val::text(vm));
        copy_devices(shared, state, vm, &snapshot, |shared, state, vdi| {
            if ignored.contains(&vdi) {
                return Ok(None);
            }
            disks::copy_of(shared, state, vdi, disks::Copied::Snapshot).map(Some)
        })?;
        refresh_allowed(state, &snapshot);
        Ok(Val::Text(snapshot))
    });
    drop(busy);
    snapshot
}

/// What a revert leaves as it is; every other field becomes what the snapshot
/// remembers, `other_config` among them.
///
/// Source: xapi's `xapi_vm_snapshot.ml`, `do_not_copy`.
const KEPT_BY_REVERT: [&str; 24] = [
    "uuid",
    "suspend_VDI",
    "power_state",
    "parent",
    "children",
    "current_operations",
    "allowed_operations",
    "metrics",
    "guest_metrics",
    "resident_on",
    "domid",
    "protection_policy",
    "snapshot_schedule",
    "scheduled_to_be_resident_on",
    "snapshots",
    "tags",
    "affinity",
    "groups",
    "consoles",
    "VBDs",
    "VIFs",
    "VGPUs",
    "VUSBs",
    "VTPMs",
];

/// Put back into VM what SNAPSHOT remembers.
fn revert_fields(state: &mut State, snapshot: &str, vm: &str) {
    let remembered = state.remembered.get(snapshot).cloned().unwrap_or_default();
    for (field, value) in remembered {
        if !KEPT_BY_REVERT.contains(&field) {
            state.db.set("VM", vm, field, value);
        }
    }
}

/// The VM keeps its reference; its disks and VBDs are new ones.
async fn revert(shared: &Arc<Shared>, snapshot: &str, task: &str) -> Result<Val, ApiError> {
    let vm = shared.with(|state| {
        check(state, snapshot, "revert")?;
        Ok::<_, ApiError>(state.db.text("VM", snapshot, "snapshot_of"))
    })?;
    let busy = begin(shared, &vm, "revert_to", task).await?;
    end_domain(shared, &vm).await;
    // The fields first, and then the slow part.
    shared.with(|state| revert_fields(state, snapshot, &vm));
    tasks::work(shared, task, TOOLSTACK).await?;
    let outcome = shared.with(|state| {
        power_off(state, &vm);
        for vbd in state.db.refs("VM", &vm, "VBDs") {
            let vdi = state.db.text("VBD", &vbd, "VDI");
            state.db.delete("VBD", &vbd);
            if !is_null(&vdi) && !state.db.field("VDI", &vdi, "read_only").as_bool() {
                disks::forget(shared, state, &vdi);
            }
        }
        for vif in state.db.refs("VM", &vm, "VIFs") {
            state.db.delete("VIF", &vif);
        }
        copy_devices(shared, state, snapshot, &vm, |shared, state, vdi| {
            disks::copy_of(shared, state, vdi, disks::Copied::Clone).map(Some)
        })?;
        refresh_allowed(state, &vm);
        Ok(Val::Void)
    });
    drop(busy);
    outcome
}

async fn provision(shared: &Arc<Shared>, vm: &str, task: &str) -> Result<Val, ApiError> {
    let busy = begin(shared, vm, "provision", task).await?;
    shared.with(|state| {
        state.db.set("VM", vm, "is_a_template", Val::Bool(false));
        state
            .db
            .set("VM", vm, "is_default_template", Val::Bool(false));
    });
    drop(busy);
    Ok(Val::Void)
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
    let [static_min, static_max, dynamic_min, dynamic_max] =
        if every > 0 { [every; 4] } else { *limits };
    shared.with(|state| {
        check(state, vm, "changing_static_range")?;
        let ordered =
            static_min <= dynamic_min && dynamic_min <= dynamic_max && dynamic_max <= static_max;
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
        ] {
            state.db.set("VM", vm, field, Val::Int(value));
        }
        Ok(Val::Void)
    })
}

fn set_vcpus(shared: &Shared, vm: &str, name: &str, value: &Val) -> Result<Val, ApiError> {
    shared.with(|state| {
        check(state, vm, "changing_VCPUs")?;
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
