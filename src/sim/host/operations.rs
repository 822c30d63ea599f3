//! Which operations are possible on VMs, VBDs, VIFs and VDIs now, and the fields
//! `allowed_operations` that advise it.
//!
//! Checks come in xapi's order: blocked, power state, another operation, template,
//! snapshot, control domain, what the guest's drivers can do. The advice is stricter
//! than the call: xapi advises against a clean shutdown of a guest that has not said
//! that it can, and tries it all the same.
//!
//! Source: xapi's `xapi_vm_lifecycle.ml`, `xapi_vbd_helpers.ml`, `xapi_vif_helpers.ml`
//! and `xapi_vdi.ml`.

use super::database::is_null;
use super::state::State;
use super::value::{ApiError, Val};

/// How closely an operation is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// When it is about to be done.
    Call,
    /// When it is advised.
    Advice,
}

/// Operations on VMs that are advised.
const ADVISED: [&str; 30] = [
    "snapshot",
    "clone",
    "copy",
    "revert",
    "checkpoint",
    "provision",
    "start",
    "start_on",
    "pause",
    "unpause",
    "clean_shutdown",
    "clean_reboot",
    "hard_shutdown",
    "hard_reboot",
    "suspend",
    "resume",
    "resume_on",
    "pool_migrate",
    "migrate_send",
    "destroy",
    "export",
    "metadata_export",
    "make_into_template",
    "changing_NVRAM",
    "changing_dynamic_range",
    "changing_shadow_memory",
    "changing_static_range",
    "changing_VCPUs_live",
    "create_vtpm",
    "sysprep",
];

/// The power states in which OPERATION on a VM is possible; all when empty.
fn required_states(operation: &str, clones_suspended: bool) -> &'static [&'static str] {
    match operation {
        "start"
        | "start_on"
        | "provision"
        | "changing_VCPUs"
        | "changing_static_range"
        | "changing_memory_limits"
        | "changing_shadow_memory"
        | "changing_NVRAM"
        | "make_into_template"
        | "create_vtpm" => &["Halted"],
        "clone" | "copy" if clones_suspended => &["Halted", "Suspended"],
        "clone" | "copy" => &["Halted"],
        "unpause" => &["Paused"],
        "resume" | "resume_on" | "csvm" => &["Suspended"],
        "pause"
        | "clean_shutdown"
        | "clean_reboot"
        | "suspend"
        | "pool_migrate"
        | "send_sysrq"
        | "send_trigger"
        | "sysprep"
        | "call_plugin"
        | "data_source_op"
        | "changing_VCPUs_live"
        | "changing_memory_live"
        | "awaiting_memory_live"
        | "changing_shadow_memory_live"
        | "snapshot_with_quiesce" => &["Running"],
        "changing_dynamic_range" => &["Halted", "Running"],
        "hard_reboot" => &["Paused", "Running"],
        "shutdown" | "hard_shutdown" | "checkpoint" | "get_boot_record" => {
            &["Paused", "Suspended", "Running"]
        }
        "destroy" | "export" | "create_template" => &["Halted", "Suspended"],
        "migrate_send" => &["Halted", "Suspended", "Running"],
        _ => &[],
    }
}

/// Whether OPERATION can be done while all of CURRENT are going on.
fn goes_beside(operation: &str, current: &[&str]) -> bool {
    let together = [
        &["clone", "copy", "export"][..],
        &["snapshot", "checkpoint"],
        &["get_boot_record"],
    ];
    let is_in = |group: &[&str]| {
        group.contains(&operation) && current.iter().all(|running| group.contains(running))
    };
    if together.iter().any(|group| is_in(group)) {
        return true;
    }
    match operation {
        "hard_shutdown" => !current.contains(&"hard_shutdown"),
        "hard_reboot" => !current
            .iter()
            .any(|running| ["hard_shutdown", "hard_reboot"].contains(running)),
        "clean_shutdown" | "clean_reboot" | "metadata_export" => current == ["migrate_send"],
        _ => false,
    }
}

fn bad_power_state(vm: &str, required: &[&str], actual: &str) -> ApiError {
    ApiError::new(
        "VM_BAD_POWER_STATE",
        [
            vm.to_owned(),
            required.join(", ").to_lowercase(),
            actual.to_lowercase(),
        ],
    )
}

/// Whether OPERATION is possible on VM now; `Err` is XAPI's refusal.
pub fn check_vm(
    state: &State,
    vm: &str,
    operation: &str,
    strictness: Strictness,
) -> Result<(), ApiError> {
    let record = state.db.get("VM", vm)?;
    if let Some(reason) = record["blocked_operations"].get(operation) {
        return Err(ApiError::new("OPERATION_BLOCKED", [vm, reason.as_text()]));
    }
    let is_snapshot = record["is_a_snapshot"].as_bool();
    let required = required_states(operation, is_snapshot);
    let actual = record["power_state"].as_text();
    let of_control_domain = record["is_control_domain"].as_bool()
        && actual == "Running"
        && operation.starts_with("changing_");
    if !required.is_empty() && !required.contains(&actual) && !of_control_domain {
        return Err(bad_power_state(vm, required, actual));
    }
    let running: Vec<(&str, &str)> = record["current_operations"]
        .entries()
        .iter()
        .map(|(task, running)| (task.as_str(), running.as_text()))
        .collect();
    let current: Vec<&str> = running.iter().map(|(_, running)| *running).collect();
    if !current.is_empty() && !goes_beside(operation, &current) {
        let listed = |items: Vec<&str>| match items[..] {
            [only] => only.to_owned(),
            _ => format!("{{{}}}", items.join(",")),
        };
        let tasks = running.iter().map(|(task, _)| *task).collect();
        return Err(ApiError::new(
            "OTHER_OPERATION_IN_PROGRESS",
            [
                "VM".to_owned(),
                vm.to_owned(),
                listed(current),
                listed(tasks),
            ],
        ));
    }
    if record["is_a_template"].as_bool() && !is_snapshot {
        let default = record["is_default_template"].as_bool()
            || record["other_config"]
                .get("default_template")
                .is_some_and(|it| ["1", "true"].contains(&it.as_text()));
        let allowed = match operation {
            "clone"
            | "copy"
            | "provision"
            | "export"
            | "metadata_export"
            | "changing_dynamic_range"
            | "changing_static_range"
            | "changing_memory_limits"
            | "changing_shadow_memory"
            | "changing_VCPUs"
            | "changing_NVRAM" => true,
            "destroy" | "migrate_send" => !default,
            _ => false,
        };
        if !allowed {
            return Err(ApiError::new("VM_IS_TEMPLATE", [vm, operation]));
        }
    }
    let of_snapshots = [
        "revert",
        "clone",
        "copy",
        "export",
        "destroy",
        "hard_shutdown",
        "metadata_export",
    ];
    if is_snapshot && !of_snapshots.contains(&operation) {
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
        check_control_domain(operation)?;
    }
    check_feature(state, vm, operation, strictness)?;
    let resets = state.db.refs("VM", vm, "VBDs").iter().any(|vbd| {
        let vdi = state.db.text("VBD", vbd, "VDI");
        state.db.text("VDI", &vdi, "on_boot") == "reset"
    });
    if resets && ["checkpoint", "snapshot", "suspend"].contains(&operation) {
        return Err(ApiError::new::<String>(
            "VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION",
            [],
        ));
    }
    Ok(())
}

fn check_control_domain(operation: &str) -> Result<(), ApiError> {
    let refused = |reason: &str| Err(ApiError::new("OPERATION_NOT_ALLOWED", [reason.to_owned()]));
    match operation {
        "changing_VCPUs" | "destroy" => refused("This operation is not allowed on dom0"),
        "data_source_op"
        | "changing_memory_live"
        | "awaiting_memory_live"
        | "metadata_export"
        | "changing_dynamic_range"
        | "changing_memory_limits"
        | "changing_static_range"
        | "start"
        | "start_on" => Ok(()),
        _ => refused("This operation is not allowed on a control domain"),
    }
}

/// Whether the guest of VM has said that it has PV drivers.
fn has_drivers(state: &State, vm: &str) -> bool {
    let metrics = state.db.text("VM", vm, "guest_metrics");
    let detected = state
        .db
        .field("VM_guest_metrics", &metrics, "PV_drivers_detected");
    !is_null(&metrics) && detected.as_bool()
}

/// Whether the guest of VM can do its part of OPERATION.
fn check_feature(
    state: &State,
    vm: &str,
    operation: &str,
    strictness: Strictness,
) -> Result<(), ApiError> {
    let is_live = ["Running", "Paused"].contains(&&*state.db.text("VM", vm, "power_state"));
    if !is_live || state.db.text("VM", vm, "domain_type") == "pv" || has_drivers(state, vm) {
        return Ok(());
    }
    let lacks = match operation {
        "suspend" | "checkpoint" | "pool_migrate" | "migrate_send" | "clean_shutdown"
        | "clean_reboot" => strictness == Strictness::Advice,
        "changing_VCPUs_live" => true,
        _ => false,
    };
    if lacks {
        return Err(ApiError::new("VM_LACKS_FEATURE", [vm]));
    }
    Ok(())
}

/// Whether the VM that DEVICE, a VBD or VIF, belongs to lets OPERATION happen to it.
fn check_hotplug(
    state: &State,
    class: &'static str,
    device: &str,
    operation: &str,
) -> Result<(), ApiError> {
    let record = state.db.get(class, device)?;
    let vm = record["VM"].as_text();
    if let Some(error) = state.in_progress(class, device, |_| true) {
        return Err(error);
    }
    let power = state.db.text("VM", vm, "power_state");
    match (&*power, record["currently_attached"].as_bool(), operation) {
        ("Running", true, "plug") => {
            return Err(ApiError::new("DEVICE_ALREADY_ATTACHED", [device]));
        }
        ("Running", false, "unplug" | "unplug_force") => {
            return Err(ApiError::new("DEVICE_ALREADY_DETACHED", [device]));
        }
        ("Running", ..) => {}
        _ => return Err(bad_power_state(vm, &["Running"], &power)),
    }
    let ending = ["clean_shutdown", "hard_shutdown", "suspend", "pause"];
    for (_, running) in state.db.field("VM", vm, "current_operations").entries() {
        if ending.contains(&running.as_text()) {
            return Err(ApiError::new(
                "OPERATION_NOT_ALLOWED",
                [format!(
                    "Current operation on VM:{vm} is {}",
                    running.as_text()
                )],
            ));
        }
    }
    if state.db.text("VM", vm, "domain_type") != "pv" && !has_drivers(state, vm) {
        return Err(ApiError::new("VM_MISSING_PV_DRIVERS", [vm]));
    }
    Ok(())
}

/// Whether OPERATION is possible on VBD now.
pub fn check_vbd(state: &State, vbd: &str, operation: &str) -> Result<(), ApiError> {
    let record = state.db.get("VBD", vbd)?;
    let is_cd = record["type"].as_text() == "CD";
    let is_empty = record["empty"].as_bool();
    match operation {
        "insert" | "eject" => {
            if let Some(error) = state.in_progress("VBD", vbd, |_| true) {
                return Err(error);
            }
            if !is_cd {
                return Err(ApiError::new("VBD_NOT_REMOVABLE_MEDIA", [vbd]));
            }
            match (operation, is_empty) {
                ("insert", false) => return Err(ApiError::new("VBD_NOT_EMPTY", [vbd])),
                ("eject", true) => return Err(ApiError::new("VBD_IS_EMPTY", [vbd])),
                _ => {}
            }
            let vm = record["VM"].as_text();
            let power = state.db.text("VM", vm, "power_state");
            if power == "Suspended" {
                return Err(bad_power_state(vm, &["Halted", "Running"], &power));
            }
        }
        "plug" | "unplug" | "unplug_force" => {
            if operation != "plug" && !record["unpluggable"].as_bool() {
                return Err(ApiError::new("VBD_NOT_UNPLUGGABLE", [vbd]));
            }
            check_hotplug(state, "VBD", vbd, operation)?;
            if is_cd {
                return Err(ApiError::new(
                    "OPERATION_NOT_ALLOWED",
                    ["HVM CDROMs cannot be hotplugged/unplugged, only inserted or ejected"],
                ));
            }
        }
        _ => {
            if let Some(error) = state.in_progress("VBD", vbd, |_| true) {
                return Err(error);
            }
        }
    }
    let vdi = record["VDI"].as_text();
    if !is_empty
        && ["attach", "plug", "insert"].contains(&operation)
        && let Some(error) =
            state.in_progress("VDI", vdi, |running| !["mirror", "copy"].contains(&running))
    {
        return Err(error);
    }
    Ok(())
}

/// Whether OPERATION is possible on VIF now.
pub fn check_vif(state: &State, vif: &str, operation: &str) -> Result<(), ApiError> {
    if operation == "attach" {
        return state.in_progress("VIF", vif, |_| true).map_or(Ok(()), Err);
    }
    check_hotplug(state, "VIF", vif, operation)
}

/// Whether OPERATION is possible on VDI now.
pub fn check_vdi(state: &State, vdi: &str, operation: &str) -> Result<(), ApiError> {
    let record = state.db.get("VDI", vdi)?;
    if let Some(error) = state.in_progress("VDI", vdi, |running| running != "copy") {
        return Err(error);
    }
    let sr = record["SR"].as_text();
    let plugged = state
        .db
        .refs("SR", sr, "PBDs")
        .iter()
        .any(|pbd| state.db.field("PBD", pbd, "currently_attached").as_bool());
    if !plugged && operation == "resize" {
        return Err(ApiError::new("SR_HAS_NO_PBDS", [sr]));
    }
    let live = [
        "snapshot",
        "resize_online",
        "blocked",
        "clone",
        "revert_to",
        "mirror",
        "enable_cbt",
        "disable_cbt",
        "data_destroy",
    ];
    let is_held = state.db.refs("VDI", vdi, "VBDs").iter().any(|vbd| {
        state.db.field("VBD", vbd, "currently_attached").as_bool()
            && !live.contains(&operation)
            && (operation != "copy" || state.db.text("VBD", vbd, "mode") == "RW")
    });
    if is_held {
        return Err(ApiError::new("VDI_IN_USE", [vdi, operation]));
    }
    for vbd in state.db.refs("VDI", vdi, "VBDs") {
        if let Some((task, running)) = state
            .db
            .field("VBD", &vbd, "current_operations")
            .entries()
            .first()
        {
            return Err(ApiError::new(
                "OTHER_OPERATION_IN_PROGRESS",
                ["VDI", vdi, running.as_text(), task],
            ));
        }
    }
    let kind = state.db.text("SR", sr, "type");
    if ["iso", "udev"].contains(&&*kind)
        && ["snapshot", "clone", "resize", "resize_online", "destroy"].contains(&operation)
    {
        return Err(match operation {
            "destroy" if kind == "udev" => ApiError::new("VDI_IS_A_PHYSICAL_DEVICE", [vdi]),
            _ => ApiError::new("SR_OPERATION_NOT_SUPPORTED", [sr]),
        });
    }
    let resets = record["on_boot"].as_text() == "reset";
    match operation {
        "snapshot" if record["sharable"].as_bool() => Err(ApiError::new("VDI_IS_SHARABLE", [vdi])),
        "snapshot" | "copy" | "enable_cbt" | "disable_cbt" if resets => Err(
            ApiError::new::<String>("VDI_ON_BOOT_MODE_INCOMPATIBLE_WITH_OPERATION", []),
        ),
        "snapshot"
            if state
                .in_progress("VDI", vdi, |running| running == "copy")
                .is_some() =>
        {
            Err(ApiError::new(
                "OPERATION_NOT_ALLOWED",
                ["Snapshot operation not allowed during copy."],
            ))
        }
        _ => Ok(()),
    }
}

/// Bring the advice of everything that has changed, and of what hangs on it, up to
/// date.
pub fn refresh(state: &mut State) {
    let mut due: Vec<(&'static str, String)> = Vec::new();
    for (class, reference) in state.db.take_touched() {
        match class {
            "VM" => {
                for (set, child) in [("VBDs", "VBD"), ("VIFs", "VIF")] {
                    due.extend(
                        state
                            .db
                            .refs("VM", &reference, set)
                            .into_iter()
                            .map(|it| (child, it)),
                    );
                }
                due.push(("VM", reference));
            }
            "VBD" => {
                due.push(("VDI", state.db.text("VBD", &reference, "VDI")));
                due.push(("VBD", reference));
            }
            "VDI" => {
                let vbds = state.db.refs("VDI", &reference, "VBDs");
                due.extend(vbds.into_iter().map(|it| ("VBD", it)));
                due.push(("VDI", reference));
            }
            "VIF" => due.push(("VIF", reference)),
            "VM_guest_metrics" => {
                let owners = state
                    .db
                    .all("VM")
                    .filter(|(_, vm)| vm.record["guest_metrics"].as_text() == reference)
                    .map(|(vm, _)| vm.clone());
                for vm in owners.collect::<Vec<_>>() {
                    for (set, child) in [("VBDs", "VBD"), ("VIFs", "VIF")] {
                        due.extend(
                            state
                                .db
                                .refs("VM", &vm, set)
                                .into_iter()
                                .map(|it| (child, it)),
                        );
                    }
                    due.push(("VM", vm));
                }
            }
            _ => {}
        }
    }
    due.sort();
    due.dedup();
    for (class, reference) in due {
        if state.db.exists(class, &reference) {
            advise(state, class, &reference);
        }
    }
    // What was only advised changes nothing else.
    state.db.take_touched();
}

fn advise(state: &mut State, class: &'static str, reference: &str) {
    let possible = |operations: &[&'static str], check: &dyn Fn(&str) -> Result<(), ApiError>| {
        let allowed = operations
            .iter()
            .filter(|operation| check(operation).is_ok());
        Val::texts(allowed.copied())
    };
    let allowed = match class {
        "VM" => possible(&ADVISED, &|operation| {
            check_vm(state, reference, operation, Strictness::Advice)
        }),
        "VBD" => possible(
            &[
                "attach",
                "eject",
                "insert",
                "plug",
                "unplug",
                "unplug_force",
                "pause",
                "unpause",
            ],
            &|operation| check_vbd(state, reference, operation),
        ),
        "VIF" => possible(&["attach", "plug", "unplug"], &|operation| {
            check_vif(state, reference, operation)
        }),
        _ => possible(
            &[
                "clone",
                "copy",
                "destroy",
                "forget",
                "generate_config",
                "resize",
                "resize_online",
                "snapshot",
                "update",
            ],
            &|operation| check_vdi(state, reference, operation),
        ),
    };
    state
        .db
        .set(class, reference, "allowed_operations", allowed);
}

/// What is advised of the object of CLASS is to be looked at anew.
pub fn touch(state: &mut State, class: &'static str, reference: &str) {
    state.db.note(class, reference);
}
