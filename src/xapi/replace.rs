//! A fresh disk in the place of an old one (A/B): the image goes to a VDI of its
//! own, which takes the slot of the old one in its VM. The old VDI is kept as it
//! is, and can be put back.
//!
//! A fresh VDI is full of zeros, so only data travels; and until it has been
//! verified, nothing of the VM has changed. The fresh one carries our mark and
//! says which disk of which VM it stands for; [`super::lease`] puts the old one
//! back before it removes it.

use super::approved;
use super::error::XapiError;
use super::lease;
use super::rpc::is_null;
use super::session::Session;
use super::transfer::{self, Format, Imported, size_of};
use super::verify;
use super::vm::{self, record};
use serde_json::{Value, json};
use std::path::Path;

/// What stands in `other_config` of a VDI that stands for another: the UUIDs of
/// the VM and of the old VDI, and the slot.
pub(super) const STANDS_FOR: &str = "fruix-scm:stands-for";

/// What a replacement did.
#[derive(Clone, Debug, PartialEq)]
pub struct Replaced {
    /// The fresh VDI, which the VM has now.
    pub vdi: String,
    pub imported: Imported,
}

/// A place for a disk in a VM.
struct Slot {
    vbd: Option<String>,
    userdevice: String,
    bootable: bool,
    /// What is in it now.
    vdi: Option<String>,
}

/// The claim of a VDI to stand for another.
struct Claim {
    vm: String,
    old: String,
    userdevice: String,
}

impl Claim {
    /// The claim in CONFIG, the `other_config` of a VDI.
    fn of(config: &Value) -> Option<Claim> {
        let mut words = config[STANDS_FOR].as_str()?.split(' ');
        Some(Claim {
            vm: words.next()?.to_owned(),
            old: words.next()?.to_owned(),
            userdevice: words.next()?.to_owned(),
        })
    }
}

/// Put IMAGE on a fresh VDI and that in the place which OLD, or what stands for
/// it already, has in VM, a halted one.
pub async fn replace(
    session: &Session,
    vm: &str,
    old: &str,
    image: &Path,
    format: Format,
) -> Result<Replaced, XapiError> {
    approved::check_object(session, "VBD.create", "VM", vm).await?;
    approved::check_object(session, "VBD.create", "VDI", old).await?;
    let vm_uuid = session.uuid("VM", vm).await?;
    let old_uuid = session.uuid("VDI", old).await?;
    let tried = format!("replace VDI `{old_uuid}` of VM `{vm_uuid}`");
    insist_on_halt(session, vm, &tried).await?;
    let slot = slot(session, vm, &old_uuid, &tried).await?;
    let before = record(session, "VDI", old).await?;
    let image_bytes = std::fs::metadata(image)
        .map_err(|error| XapiError::File {
            path: image.display().to_string(),
            reason: error.to_string(),
        })?
        .len();
    let name = before["name_label"].as_str().unwrap_or_default();
    let fresh = session
        .call(
            "VDI.create",
            vec![json!({
                "name_label": format!("{name} (fruix-scm)"),
                "name_description": format!("stands for VDI {old_uuid}"),
                "SR": before["SR"],
                "virtual_size": image_bytes.max(size_of(&before)).to_string(),
                "type": "user", "sharable": false, "read_only": false, "other_config": {},
            })],
        )
        .await
        .map_err(|error| error.while_trying(&tried))?;
    let fresh = fresh.as_str().unwrap_or_default().to_owned();
    let filled = async {
        let claim = format!("{vm_uuid} {old_uuid} {}", slot.userdevice);
        lease::set_entry(session, "VDI", &fresh, STANDS_FOR, &claim).await?;
        let imported = transfer::import(session, &fresh, image, format).await?;
        verify::verify(session, &fresh, image).await?;
        put(session, vm, &slot, &fresh).await?;
        Ok(imported)
    }
    .await;
    match filled {
        Ok(imported) => {
            // An earlier one that stood for the same disk is of no use any more.
            if let Some(earlier) = slot.vdi.filter(|vdi| vdi != old) {
                lease::remove_vdi(session, &earlier).await?;
            }
            Ok(Replaced {
                vdi: fresh,
                imported,
            })
        }
        Err(error) => {
            let _ = lease::remove_vdi(session, &fresh).await;
            Err(error)
        }
    }
}

/// Put OLD back into VM, a halted one, where another stands for it, and destroy
/// that. Answers whether one did.
pub async fn restore(session: &Session, vm: &str, old: &str) -> Result<bool, XapiError> {
    let old_uuid = session.uuid("VDI", old).await?;
    let vm_uuid = session.uuid("VM", vm).await?;
    let tried = format!("put VDI `{old_uuid}` back into VM `{vm_uuid}`");
    let slot = slot(session, vm, &old_uuid, &tried).await?;
    match slot.vdi.clone().filter(|vdi| vdi != old) {
        None => Ok(false),
        Some(fresh) => {
            insist_on_halt(session, vm, &tried).await?;
            put(session, vm, &slot, old).await?;
            lease::remove_vdi(session, &fresh).await?;
            Ok(true)
        }
    }
}

/// Before VDI, one of ours, is removed: what it stands for is put back.
pub async fn make_way(session: &Session, vdi: &str, config: &Value) -> Result<(), XapiError> {
    let Some(claim) = Claim::of(config) else {
        return Ok(());
    };
    let found = async {
        Ok((
            vm::find(session, "VM", &claim.vm).await?,
            vm::find(session, "VDI", &claim.old).await?,
        ))
    };
    let (vm, old) = match found.await {
        // There is nothing left to put back, or nowhere to put it.
        Err(XapiError::Refused { .. }) => return Ok(()),
        found => found?,
    };
    let tried = format!("put VDI `{}` back into VM `{}`", claim.old, claim.vm);
    let slot = at(session, &vm, &claim.userdevice).await?;
    let is_there = slot.vdi.as_deref() == Some(vdi);
    if is_there || slot.vbd.is_none() {
        insist_on_halt(session, &vm, &tried).await?;
        put(session, &vm, &slot, &old).await?;
    }
    Ok(())
}

async fn insist_on_halt(session: &Session, vm: &str, tried: &str) -> Result<(), XapiError> {
    match vm::power_state(session, vm).await?.as_str() {
        "Halted" => Ok(()),
        power => Err(XapiError::WrongState {
            tried: tried.to_owned(),
            state: format!(
                "the VM is {}, and only a halted one will do",
                power.to_lowercase()
            ),
        }),
    }
}

/// Every place for a disk in VM.
async fn slots(session: &Session, vm: &str) -> Result<Vec<Slot>, XapiError> {
    let vbds = record(session, "VM", vm).await?["VBDs"].clone();
    let mut slots = Vec::new();
    for vbd in vbds.as_array().into_iter().flatten() {
        let reference = vbd.as_str().unwrap_or_default();
        let vbd = record(session, "VBD", reference).await?;
        let vdi = vbd["VDI"].as_str().unwrap_or_default();
        slots.push(Slot {
            vbd: Some(reference.to_owned()),
            userdevice: vbd["userdevice"].as_str().unwrap_or_default().to_owned(),
            bootable: vbd["bootable"] == true,
            vdi: (!is_null(vdi)).then(|| vdi.to_owned()),
        });
    }
    Ok(slots)
}

/// The place called USERDEVICE in VM, which may be empty.
async fn at(session: &Session, vm: &str, userdevice: &str) -> Result<Slot, XapiError> {
    let known = slots(session, vm).await?;
    Ok(known
        .into_iter()
        .find(|slot| slot.userdevice == userdevice)
        .unwrap_or(Slot {
            vbd: None,
            userdevice: userdevice.to_owned(),
            bootable: true,
            vdi: None,
        }))
}

/// The place in VM of the VDI with the UUID OLD, or of what stands for it.
async fn slot(session: &Session, vm: &str, old: &str, tried: &str) -> Result<Slot, XapiError> {
    for slot in slots(session, vm).await? {
        let Some(vdi) = &slot.vdi else { continue };
        let found = record(session, "VDI", vdi).await?;
        let uuid = found["uuid"].as_str().unwrap_or_default();
        let config = &found["other_config"];
        if uuid == old {
            return Ok(slot);
        }
        let Some(marks) = lease::marks_of(config, uuid) else {
            continue;
        };
        if Claim::of(config).is_none_or(|claim| claim.old != old) {
            continue;
        }
        // It will be destroyed, so it must be ours, of whichever run.
        if marks.owner != session.lease().owner && !marks.expired {
            return Err(XapiError::WrongState {
                tried: tried.to_owned(),
                state: format!("VDI `{uuid}`, which belongs to {marks}, stands for it"),
            });
        }
        session.own("replace", vdi);
        return Ok(slot);
    }
    Err(XapiError::WrongState {
        tried: tried.to_owned(),
        state: "the VM has no such disk, nor one that stands for it".to_owned(),
    })
}

/// Let SLOT of VM lead to VDI; when that fails, to what was there before.
async fn put(session: &Session, vm: &str, slot: &Slot, vdi: &str) -> Result<(), XapiError> {
    let create = async |vdi: &str| {
        session
            .call(
                "VBD.create",
                vec![json!({
                    "VM": vm, "VDI": vdi, "userdevice": slot.userdevice,
                    "bootable": slot.bootable, "mode": "RW", "type": "Disk", "empty": false,
                    "other_config": {}, "qos_algorithm_type": "", "qos_algorithm_params": {},
                })],
            )
            .await
    };
    if let Some(vbd) = &slot.vbd {
        session.call("VBD.destroy", vec![json!(vbd)]).await?;
    }
    match (create(vdi).await, &slot.vdi) {
        (Ok(_), _) => Ok(()),
        (Err(error), Some(before)) => {
            create(before).await?;
            Err(error)
        }
        (Err(error), None) => Err(error),
    }
}
