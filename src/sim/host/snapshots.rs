//! Copies of VMs: clones, snapshots, checkpoints, and the way back.
//!
//! A revert restores every field that the snapshot holds but a few, keeps the MACs,
//! replaces the disks that were snapshotted, and leaves those that were attached later
//! unattached.
//!
//! Source: xapi's `xapi_vm_clone.ml` and `xapi_vm_snapshot.ml`.

use super::database::{Record, is_null};
use super::disks::{self, Copied};
use super::domains;
use super::state::{Shared, State};
use super::tasks;
use super::value::{ApiError, EPOCH, NULL, Val, new_uuid, now};
use std::sync::Arc;

/// Fields of a VM that a copy does not take over.
const OWN: [&str; 30] = [
    "uuid",
    "VBDs",
    "VIFs",
    "VUSBs",
    "VGPUs",
    "VTPMs",
    "consoles",
    "metrics",
    "guest_metrics",
    "snapshots",
    "children",
    "parent",
    "allowed_operations",
    "current_operations",
    "blocked_operations",
    "domid",
    "domarch",
    "resident_on",
    "scheduled_to_be_resident_on",
    "power_state",
    "snapshot_of",
    "snapshot_metadata",
    "is_a_snapshot",
    "is_default_template",
    "suspend_VDI",
    "appliance",
    "start_delay",
    "shutdown_delay",
    "order",
    "attached_PCIs",
];

/// Fields of a VM that a revert leaves as they are.
const KEPT: [&str; 26] = [
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
    "attached_PCIs",
    "blobs",
];

/// A copy of VM called NAME, without devices.
fn copy_record(
    state: &mut State,
    vm: &str,
    name: &str,
    is_snapshot: bool,
) -> Result<String, ApiError> {
    let record = state.db.get("VM", vm)?.clone();
    let was_template = record["is_a_template"].as_bool();
    let original = record["name_label"].as_text().to_owned();
    let mut other_config = record["other_config"].clone();
    if !is_snapshot {
        other_config.remove("mac_seed");
        other_config.put("mac_seed", Val::text(new_uuid()));
    }
    for key in ["default_template", "xensource_internal"] {
        other_config.remove(key);
    }
    if was_template && other_config.get("base_template_name").is_none() {
        other_config.put("base_template_name", Val::text(original));
    }
    let fields: Vec<(&'static str, Val)> = record
        .into_iter()
        .filter(|(field, _)| !OWN.contains(field))
        .collect();
    let copy = state.db.insert("VM", fields);
    let db = &mut state.db;
    db.set("VM", &copy, "name_label", Val::text(name));
    db.set("VM", &copy, "domid", Val::Int(-1));
    db.set("VM", &copy, "other_config", other_config);
    db.set("VM", &copy, "ha_always_run", Val::Bool(false));
    let metrics = db.insert("VM_metrics", []);
    db.set("VM", &copy, "metrics", Val::text(metrics));
    Ok(copy)
}

/// A machine with the FIELDS that an archive has of it, as far as they are not those
/// of one machine alone, without devices.
pub fn imported(state: &mut State, fields: Vec<(&'static str, Val)>) -> String {
    let fields = fields.into_iter().filter(|(field, _)| !OWN.contains(field));
    let vm = state.db.insert("VM", fields.collect::<Vec<_>>());
    state.db.set("VM", &vm, "domid", Val::Int(-1));
    let metrics = state.db.insert("VM_metrics", []);
    state.db.set("VM", &vm, "metrics", Val::text(metrics));
    vm
}

/// Whether a copied device keeps the MAC of the one it is copied from.
#[derive(Clone, Copy, PartialEq)]
enum Mac {
    Kept,
    New,
}

/// Copy the CDs and disks of VM to TARGET; COPY_DISK answers the VDI to use instead
/// of each, or none to leave it out.
fn copy_vbds(
    shared: &Shared,
    state: &mut State,
    vm: &str,
    target: &str,
    mut copy_disk: impl FnMut(&Shared, &mut State, &str) -> Result<Option<String>, ApiError>,
) -> Result<(), ApiError> {
    for vbd in state.db.refs("VM", vm, "VBDs") {
        let mut record = state.db.get("VBD", &vbd)?.clone();
        let vdi = record["VDI"].as_text().to_owned();
        own_device(&mut record, target);
        record.insert("device", Val::text(""));
        if !is_null(&vdi) && record["type"].as_text() == "Disk" {
            match copy_disk(shared, state, &vdi)? {
                Some(copy) => record.insert("VDI", Val::text(copy)),
                None => continue,
            };
        }
        state.db.insert("VBD", record);
    }
    Ok(())
}

fn copy_vifs(state: &mut State, vm: &str, target: &str, mac: Mac) -> Result<(), ApiError> {
    for vif in state.db.refs("VM", vm, "VIFs") {
        let mut record = state.db.get("VIF", &vif)?.clone();
        own_device(&mut record, target);
        if mac == Mac::New {
            record.insert("MAC", Val::text(disks::random_mac()));
            record.insert("MAC_autogenerated", Val::Bool(true));
        }
        state.db.insert("VIF", record);
    }
    Ok(())
}

/// Make RECORD that of a fresh device of VM.
pub fn own_device(record: &mut Record, vm: &str) {
    for field in ["uuid", "current_operations", "allowed_operations"] {
        record.remove(field);
    }
    record.insert("VM", Val::text(vm));
    record.insert("currently_attached", Val::Bool(false));
}

/// Answer `VM.clone` and `VM.copy`; SR, unless null, takes the disks of a copy.
pub async fn clone(
    shared: &Arc<Shared>,
    vm: &str,
    name: &str,
    operation: &str,
    sr: &str,
    task: &str,
) -> Result<Val, ApiError> {
    if !is_null(sr) {
        shared.with(|state| state.db.get("SR", sr).map(|_| ()))?;
    }
    let busy = domains::begin(shared, vm, operation, task).await?;
    tasks::work(shared, task, domains::TOOLSTACK).await?;
    let copy = shared.with(|state| {
        let copy = copy_record(state, vm, name, false)?;
        copy_vbds(shared, state, vm, &copy, |shared, state, vdi| {
            let copy = disks::copy_of(shared, state, vdi, Copied::Clone)?;
            if !is_null(sr) {
                state.db.set("VDI", &copy, "SR", Val::text(sr));
            }
            Ok(Some(copy))
        })?;
        copy_vifs(state, vm, &copy, Mac::New)?;
        Ok(Val::Text(copy))
    });
    drop(busy);
    copy
}

/// Answer `VM.snapshot`, and `VM.checkpoint` when the VM's memory is kept as well.
pub async fn snapshot(
    shared: &Arc<Shared>,
    vm: &str,
    name: &str,
    ignored: &[&str],
    operation: &str,
    task: &str,
) -> Result<Val, ApiError> {
    let busy = domains::begin(shared, vm, operation, task).await?;
    tasks::work(shared, task, domains::TOOLSTACK).await?;
    let power = shared.with(|state| state.db.text("VM", vm, "power_state"));
    let keeps_memory = operation == "checkpoint" && power != "Halted";
    let snapshot = shared.with(|state| {
        let snapshot = copy_record(state, vm, name, true)?;
        let db = &mut state.db;
        db.set("VM", &snapshot, "is_a_snapshot", Val::Bool(true));
        db.set("VM", &snapshot, "is_a_template", Val::Bool(true));
        db.set("VM", &snapshot, "snapshot_time", now());
        db.set("VM", &snapshot, "snapshot_of", Val::text(vm));
        let parent = db.field("VM", vm, "parent");
        db.set("VM", &snapshot, "parent", parent);
        let info = Val::map_of([
            ("power-state-at-snapshot", Val::text(&power)),
            ("disk-snapshot-type", Val::text("crash_consistent")),
        ]);
        db.set("VM", &snapshot, "snapshot_info", info);
        copy_vbds(shared, state, vm, &snapshot, |shared, state, vdi| {
            if ignored.contains(&vdi) {
                return Ok(None);
            }
            disks::copy_of(shared, state, vdi, Copied::Snapshot).map(Some)
        })?;
        copy_vifs(state, vm, &snapshot, Mac::Kept)?;
        if keeps_memory {
            let image = domains::suspend_image(shared, state, vm)?;
            state
                .db
                .set("VM", &snapshot, "suspend_VDI", Val::text(image));
            state
                .db
                .set("VM", &snapshot, "power_state", Val::text("Suspended"));
        }
        // What the VM is like now is what a revert will restore.
        let record = state.db.get("VM", vm)?.clone();
        state.remembered.insert(snapshot.clone(), record);
        state.db.set(
            "VM",
            &snapshot,
            "snapshot_metadata",
            Val::text("(simulated)"),
        );
        state.db.set("VM", vm, "parent", Val::text(&snapshot));
        Ok(Val::Text(snapshot))
    });
    drop(busy);
    snapshot
}

/// Answer `VM.revert`. The VM keeps its reference.
pub async fn revert(shared: &Arc<Shared>, snapshot: &str, task: &str) -> Result<Val, ApiError> {
    let on_snapshot = domains::begin(shared, snapshot, "revert", task).await?;
    let vm = shared.with(|state| {
        let vm = state.db.text("VM", snapshot, "snapshot_of");
        state.db.get("VM", &vm).map(|_| vm.clone())
    });
    let vm = vm.map_err(|_| {
        ApiError::new(
            "OPERATION_NOT_ALLOWED",
            ["The VM of the snapshot does not exist"],
        )
    })?;
    let busy = domains::begin(shared, &vm, "reverting", task).await?;
    domains::end_domain(shared, &vm).await;
    // The fields first, and then the slow part.
    shared.with(|state| restore_fields(state, snapshot, &vm));
    tasks::work(shared, task, domains::TOOLSTACK).await?;
    let outcome = shared.with(|state| {
        domains::power_off(state, &vm);
        restore_disks(shared, state, snapshot, &vm)?;
        for vif in state.db.refs("VM", &vm, "VIFs") {
            state.db.delete("VIF", &vif);
        }
        copy_vifs(state, snapshot, &vm, Mac::Kept)?;
        restore_memory(shared, state, snapshot, &vm)?;
        state.db.set("VM", &vm, "parent", Val::text(snapshot));
        Ok(Val::Void)
    });
    drop((busy, on_snapshot));
    outcome
}

fn restore_fields(state: &mut State, snapshot: &str, vm: &str) {
    let remembered = state.remembered.get(snapshot).cloned().unwrap_or_default();
    for (field, value) in remembered {
        if !KEPT.contains(&field) {
            state.db.set("VM", vm, field, value);
        }
    }
    state.db.set("VM", vm, "ha_always_run", Val::Bool(false));
}

/// The disks that the snapshot holds are made anew from it; others are only let go of.
fn restore_disks(
    shared: &Shared,
    state: &mut State,
    snapshot: &str,
    vm: &str,
) -> Result<(), ApiError> {
    let held: Vec<String> = state
        .db
        .refs("VM", snapshot, "VBDs")
        .iter()
        .map(|vbd| state.db.text("VBD", vbd, "VDI"))
        .filter(|vdi| !is_null(vdi))
        .map(|vdi| state.db.text("VDI", &vdi, "snapshot_of"))
        .collect();
    for vbd in state.db.refs("VM", vm, "VBDs") {
        let vdi = state.db.text("VBD", &vbd, "VDI");
        state.db.delete("VBD", &vbd);
        if !is_null(&vdi) && held.contains(&vdi) {
            disks::forget(shared, state, &vdi);
        }
    }
    copy_vbds(shared, state, snapshot, vm, |shared, state, vdi| {
        let before = state.db.text("VDI", vdi, "snapshot_of");
        let copy = disks::copy_of(shared, state, vdi, Copied::Clone)?;
        // Every snapshot of the old disk is one of the new disk now.
        let others: Vec<String> = state
            .db
            .all("VDI")
            .filter(|(_, it)| !is_null(&before) && it.record["snapshot_of"].as_text() == before)
            .map(|(it, _)| it.clone())
            .collect();
        for other in others {
            state.db.set("VDI", &other, "snapshot_of", Val::text(&copy));
        }
        Ok(Some(copy))
    })
}

/// A checkpoint brings the VM's memory back: the VM is suspended then.
fn restore_memory(
    shared: &Shared,
    state: &mut State,
    snapshot: &str,
    vm: &str,
) -> Result<(), ApiError> {
    let before = state.db.text("VM", vm, "suspend_VDI");
    if !is_null(&before) {
        disks::forget(shared, state, &before);
    }
    let image = state.db.text("VM", snapshot, "suspend_VDI");
    let copy = if is_null(&image) {
        NULL.to_owned()
    } else {
        disks::copy_of(shared, state, &image, Copied::Clone)?
    };
    let power = if is_null(&copy) {
        "Halted"
    } else {
        "Suspended"
    };
    state.db.set("VM", vm, "suspend_VDI", Val::text(copy));
    state.db.set("VM", vm, "power_state", Val::text(power));
    state.db.set("VM", vm, "is_a_snapshot", Val::Bool(false));
    state
        .db
        .set("VM", vm, "snapshot_time", Val::Date(EPOCH.to_owned()));
    state.db.set("VM", vm, "snapshot_of", Val::text(NULL));
    Ok(())
}
