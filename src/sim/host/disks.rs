//! Storage: SRs, VDIs as sparse files, and the VBDs and VIFs that lead to them.

use super::database::is_null;
use super::operations::{check_vbd, check_vdi, check_vif};
use super::state::{Shared, State};
use super::tasks;
use super::value::{ApiError, EPOCH, NULL, Val, now};
use crate::sim::guest::tree;
use crate::sim::mishap::Mishap;
use crate::temporary;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Sizes are multiples of this, as in every VHD-based SR.
pub const GRAIN: u64 = 2 << 20;

/// The largest disk of a VHD-based SR.
const LARGEST: u64 = 2_093_050 << 20;

/// Answer the calls of storage and device classes that do more than their
/// name says.
pub async fn explicit(
    shared: &Arc<Shared>,
    class: &str,
    name: &str,
    args: &[Val],
    task: &str,
) -> Option<Result<Val, ApiError>> {
    let this = args.first().map_or("", Val::as_text);
    Some(match (class, name) {
        ("SR", "scan" | "update") => shared.with(|state| {
            state.db.get("SR", this)?;
            refresh_sr(shared, state, this);
            Ok(Val::Void)
        }),
        ("VDI", "create") => create_vdi(shared, &args[0]),
        ("VDI", "destroy") => destroy_vdi(shared, this),
        ("VDI", "resize" | "resize_online") => {
            resize(shared, this, args[1].as_int(), name == "resize_online")
        }
        ("VDI", "snapshot" | "clone" | "copy") => copy_vdi(shared, this, name, args, task).await,
        ("VBD", "create") => create_vbd(shared, &args[0]),
        ("VBD", "destroy") => destroy_vbd(shared, this),
        ("VBD", "plug" | "unplug" | "unplug_force" | "assert_attachable") => {
            plug(shared, this, name)
        }
        ("VBD", "insert" | "eject") => change_cd(shared, this, args.get(1).map(Val::as_text)),
        ("VIF", "create") => create_vif(shared, &args[0]),
        ("VIF", "destroy") => shared.with(|state| {
            if state.db.get("VIF", this)?["currently_attached"].as_bool() {
                return Err(ApiError::new(
                    "OPERATION_NOT_ALLOWED",
                    ["VIF currently attached to a running VM"],
                ));
            }
            state.db.delete("VIF", this);
            Ok(Val::Void)
        }),
        ("VIF", "plug" | "unplug" | "unplug_force") => shared.with(|state| {
            let operation = if name == "plug" { "plug" } else { "unplug" };
            check_vif(state, this, operation)?;
            let attached = Val::Bool(name == "plug");
            state.db.set("VIF", this, "currently_attached", attached);
            Ok(Val::Void)
        }),
        ("VIF", "move") => shared.with(|state| {
            state.db.get("VIF", this)?;
            state.db.get("network", args[1].as_text())?;
            state.db.set("VIF", this, "network", args[1].clone());
            Ok(Val::Void)
        }),
        ("VIF", "configure_ipv4" | "configure_ipv6") => configure_ip(shared, this, name, args),
        ("VBD", "set_mode") => set_mode(shared, this, args[1].as_text()),
        ("VDI", "forget") => shared.with(|state| {
            check_vdi(state, this, "forget")?;
            forget(shared, state, this);
            Ok(Val::Void)
        }),
        ("VDI", "set_on_boot") => shared.with(|state| {
            if attached(state, this, "", false).is_some() {
                return Err(ApiError::new("VDI_IN_USE", [this, "set_on_boot"]));
            }
            state.db.get("VDI", this)?;
            state.db.set("VDI", this, "on_boot", args[1].clone());
            Ok(Val::Void)
        }),
        ("VDI", "pool_migrate") => pool_migrate(shared, this, args, task).await,
        ("VDI", "update") => shared.with(|state| {
            state.db.get("VDI", this)?;
            Ok(Val::Void)
        }),
        _ => return None,
    })
}

/// Make the file of a VDI, sparse and full of zeros.
pub fn make_file(path: &Path, size_bytes: u64) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    File::create(path)?.set_len(size_bytes)
}

fn storage_error(error: &io::Error) -> ApiError {
    ApiError::new(
        "SR_BACKEND_FAILURE_1",
        [String::new(), error.to_string(), String::new()],
    )
}

/// Bytes that the files of an SR occupy.
fn used(shared: &Shared, state: &State, sr: &str) -> u64 {
    state
        .db
        .refs("SR", sr, "VDIs")
        .iter()
        .map(|vdi| {
            let path = shared.config.disk(&state.db.text("VDI", vdi, "uuid"));
            std::fs::metadata(path).map_or(0, |it| it.blocks() * 512)
        })
        .sum()
}

/// Bring the sizes of an SR and its VDIs up to date with the files.
pub fn refresh_sr(shared: &Shared, state: &mut State, sr: &str) {
    let mut allocation = 0;
    for vdi in state.db.refs("SR", sr, "VDIs") {
        let path = shared.config.disk(&state.db.text("VDI", &vdi, "uuid"));
        let blocks = std::fs::metadata(path).map_or(0, |it| it.blocks() * 512);
        allocation += state.db.field("VDI", &vdi, "virtual_size").as_int();
        state
            .db
            .set("VDI", &vdi, "physical_utilisation", Val::Int(blocks as i64));
    }
    let utilisation = used(shared, state, sr) as i64;
    let full = shared.config.has(&Mishap::SrFull);
    let utilisation = if full {
        state.db.field("SR", sr, "physical_size").as_int()
    } else {
        utilisation
    };
    state
        .db
        .set("SR", sr, "physical_utilisation", Val::Int(utilisation));
    state
        .db
        .set("SR", sr, "virtual_allocation", Val::Int(allocation));
}

/// Make the VDI of RECORD, as its `SR` allows.
pub fn create_vdi(shared: &Shared, record: &Val) -> Result<Val, ApiError> {
    shared
        .with(|state| create_vdi_in(shared, state, record))
        .map(Val::Text)
}

/// The same in STATE, with the VDI's reference for an answer.
pub fn create_vdi_in(shared: &Shared, state: &mut State, record: &Val) -> Result<String, ApiError> {
    let sr = record.get("SR").map_or("", Val::as_text).to_owned();
    let model = super::model::class("VDI").expect("model.txt has the class VDI");
    let size_field = model.field("virtual_size").expect("a VDI has a size");
    let requested = size_field
        .kind
        .coerce(record.get("virtual_size").cloned().unwrap_or(Val::Int(0)))?
        .as_int();
    state.db.get("SR", &sr)?;
    if record
        .get("type")
        .is_some_and(|it| it.as_text() == "cbt_metadata")
    {
        return Err(ApiError::new("VDI_INCOMPATIBLE_TYPE", ["", "cbt_metadata"]));
    }
    let size = rounded(requested)?;
    check_space(shared, state, &sr, size)?;
    let vdi = state.db.construct("VDI", record)?;
    finish_vdi(shared, state, &vdi, size)?;
    refresh_sr(shared, state, &sr);
    Ok(vdi)
}

/// REQUESTED bytes as the size of a disk.
fn rounded(requested: i64) -> Result<u64, ApiError> {
    let size = u64::try_from(requested)
        .ok()
        .map(|size| size.max(1).div_ceil(GRAIN) * GRAIN)
        .filter(|size| *size <= LARGEST);
    size.ok_or_else(|| {
        ApiError::new(
            "SR_BACKEND_FAILURE_79",
            [
                String::new(),
                format!("VDI Invalid size [opterr=VDI size must be between 1 MB and {LARGEST} B]"),
                String::new(),
            ],
        )
    })
}

fn check_space(shared: &Shared, state: &State, sr: &str, size: u64) -> Result<(), ApiError> {
    let capacity = state.db.field("SR", sr, "physical_size").as_int() as u64;
    let free = if shared.config.has(&Mishap::SrFull) {
        0
    } else {
        capacity.saturating_sub(used(shared, state, sr))
    };
    if size > capacity || free == 0 {
        return Err(ApiError::new(
            "SR_FULL",
            [size.to_string(), free.to_string()],
        ));
    }
    Ok(())
}

/// The file and the fields that the host gives a new VDI.
pub fn finish_vdi(
    shared: &Shared,
    state: &mut State,
    vdi: &str,
    size: u64,
) -> Result<(), ApiError> {
    let uuid = state.db.text("VDI", vdi, "uuid");
    if let Err(error) = make_file(&shared.config.disk(&uuid), size) {
        state.db.delete("VDI", vdi);
        return Err(storage_error(&error));
    }
    let db = &mut state.db;
    db.set("VDI", vdi, "virtual_size", Val::Int(size as i64));
    db.set("VDI", vdi, "location", Val::text(&uuid));
    db.set("VDI", vdi, "managed", Val::Bool(true));
    Ok(())
}

/// The VBD through which somebody holds VDI, other than EXCEPT.
fn attached(state: &State, vdi: &str, except: &str, writing_only: bool) -> Option<String> {
    state.db.refs("VDI", vdi, "VBDs").into_iter().find(|vbd| {
        vbd != except
            && state.db.field("VBD", vbd, "currently_attached").as_bool()
            && (!writing_only || state.db.text("VBD", vbd, "mode") == "RW")
    })
}

/// Whether VBD may attach VDI.
pub fn check_attach(state: &State, vdi: &str, vbd: &str, writes: bool) -> Result<(), ApiError> {
    let record = state.db.get("VDI", vdi)?;
    if writes && record["read_only"].as_bool() {
        return Err(ApiError::new("VDI_READONLY", [vdi]));
    }
    let shared_disk = record["sharable"].as_bool();
    if !shared_disk && attached(state, vdi, vbd, !writes).is_some() {
        return Err(ApiError::new("VDI_IN_USE", [vdi]));
    }
    Ok(())
}

fn destroy_vdi(shared: &Shared, vdi: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        let sr = state.db.get("VDI", vdi)?["SR"].as_text().to_owned();
        check_vdi(state, vdi, "destroy")?;
        forget(shared, state, vdi);
        refresh_sr(shared, state, &sr);
        Ok(Val::Void)
    })
}

/// The VDI, its file and what leads to it are gone.
pub fn forget(shared: &Shared, state: &mut State, vdi: &str) {
    let uuid = state.db.text("VDI", vdi, "uuid");
    for vbd in state.db.refs("VDI", vdi, "VBDs") {
        state.db.delete("VBD", &vbd);
    }
    state.db.delete("VDI", vdi);
    let _ = std::fs::remove_file(shared.config.disk(&uuid));
    forget_system(shared, &uuid);
}

/// What guests have written to the disk with this UUID is gone: somebody else writes to
/// it now, so the next one boots from its bytes.
pub fn forget_system(shared: &Shared, uuid: &str) {
    // Nobody is there to be told, and it goes with the simulation.
    let _ = temporary::remove_tree(&shared.config.root(uuid));
}

fn resize(shared: &Shared, vdi: &str, size: i64, online: bool) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get("VDI", vdi)?;
        let (old, sr) = (
            record["virtual_size"].as_int() as u64,
            record["SR"].as_text().to_owned(),
        );
        check_vdi(state, vdi, if online { "resize_online" } else { "resize" })?;
        let size = rounded(size)?;
        if size < old {
            return Err(ApiError::new(
                "SR_BACKEND_FAILURE_79",
                ["", "VDI Invalid size [opterr=shrinking not allowed]", ""],
            ));
        }
        let path = shared.config.disk(&state.db.text("VDI", vdi, "uuid"));
        OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(size))
            .map_err(|error| storage_error(&error))?;
        state
            .db
            .set("VDI", vdi, "virtual_size", Val::Int(size as i64));
        refresh_sr(shared, state, &sr);
        Ok(Val::Void)
    })
}

/// How a copy of a VDI was made.
#[derive(Clone, Copy, PartialEq)]
pub enum Copied {
    Clone,
    Snapshot,
}

/// A new VDI with the bytes of VDI.
pub fn copy_of(
    shared: &Shared,
    state: &mut State,
    vdi: &str,
    how: Copied,
) -> Result<String, ApiError> {
    let mut record = state.db.get("VDI", vdi)?.clone();
    for field in ["uuid", "VBDs", "snapshots", "current_operations"] {
        record.remove(field);
    }
    let is_snapshot = how == Copied::Snapshot;
    record.insert("is_a_snapshot", Val::Bool(is_snapshot));
    record.insert(
        "snapshot_of",
        Val::text(if is_snapshot { vdi } else { NULL }),
    );
    record.insert(
        "snapshot_time",
        if is_snapshot {
            now()
        } else {
            Val::Date(EPOCH.to_owned())
        },
    );
    let size = record["virtual_size"].as_int() as u64;
    let copy = state.db.insert("VDI", record);
    finish_vdi(shared, state, &copy, size)?;
    let uuid = |vdi: &str| state.db.text("VDI", vdi, "uuid");
    copy_content(shared, &uuid(vdi), &uuid(&copy)).map_err(|error| storage_error(&error))?;
    Ok(copy)
}

/// Let the disk with the UUID INTO hold what the one with the UUID FROM does: its bytes,
/// and what guests have written to it.
fn copy_content(shared: &Shared, from: &str, into: &str) -> io::Result<()> {
    let config = &shared.config;
    copy_sparse(&config.disk(from), &config.disk(into))?;
    forget_system(shared, into);
    if config.root(from).symlink_metadata().is_ok() {
        tree::copy(&config.root(from), &config.root(into))?;
    }
    Ok(())
}

/// Copy the blocks of SOURCE that are not zero.
fn copy_sparse(source: &Path, target: &Path) -> io::Result<()> {
    let source = File::open(source)?;
    let target = OpenOptions::new().write(true).open(target)?;
    // Whatever the target held becomes zeros first.
    let target_length = target.metadata()?.len();
    target.set_len(0)?;
    target.set_len(target_length)?;
    tree::copy_data(&source, &target)
}

async fn copy_vdi(
    shared: &Arc<Shared>,
    vdi: &str,
    name: &str,
    args: &[Val],
    task: &str,
) -> Result<Val, ApiError> {
    shared.with(|state| check_vdi(state, vdi, name))?;
    tasks::work(shared, task, Duration::from_millis(20)).await?;
    shared.with(|state| {
        let sr = state.db.text("VDI", vdi, "SR");
        if let Some(other) = args.get(1).filter(|_| name == "copy").map(Val::as_text)
            && !is_null(other)
        {
            state.db.get("SR", other)?;
        }
        let into = args.get(3).map_or("", Val::as_text);
        let how = if name == "snapshot" {
            Copied::Snapshot
        } else {
            Copied::Clone
        };
        let result = if name == "copy" && !is_null(into) {
            if state.db.get("VDI", into)?["read_only"].as_bool() {
                return Err(ApiError::new("VDI_READONLY", [into]));
            }
            let (from_size, to_size) = (
                state.db.get("VDI", vdi)?["virtual_size"].as_int(),
                state.db.get("VDI", into)?["virtual_size"].as_int(),
            );
            if to_size < from_size {
                return Err(ApiError::new(
                    "VDI_TOO_SMALL",
                    [into.to_owned(), from_size.to_string()],
                ));
            }
            if attached(state, into, "", false).is_some() {
                return Err(ApiError::new("VDI_IN_USE", [into, "copy"]));
            }
            let uuid = |vdi: &str| state.db.text("VDI", vdi, "uuid");
            copy_content(shared, &uuid(vdi), &uuid(into)).map_err(|error| storage_error(&error))?;
            into.to_owned()
        } else {
            check_space(shared, state, &sr, 0)?;
            copy_of(shared, state, vdi, how)?
        };
        refresh_sr(shared, state, &sr);
        Ok(Val::Text(result))
    })
}

fn create_vbd(shared: &Shared, record: &Val) -> Result<Val, ApiError> {
    shared.with(|state| {
        let text = |name: &str| record.get(name).map_or("", Val::as_text).to_owned();
        let (vm, vdi, kind, mode) = (text("VM"), text("VDI"), text("type"), text("mode"));
        state.db.get("VM", &vm)?;
        let empty = record.get("empty").is_some_and(Val::as_bool);
        if !empty {
            let vdi = state.db.get("VDI", &vdi)?;
            if vdi["read_only"].as_bool() && mode == "RW" {
                return Err(ApiError::new("VDI_READONLY", [text("VDI")]));
            }
        } else if kind != "CD" {
            return Err(ApiError::new("VBD_NOT_REMOVABLE_MEDIA", ["in constructor"]));
        }
        if kind == "CD" && mode == "RW" {
            return Err(ApiError::new::<String>("VBD_CDS_MUST_BE_READONLY", []));
        }
        let taken: Vec<String> = state
            .db
            .refs("VM", &vm, "VBDs")
            .iter()
            .map(|vbd| state.db.text("VBD", vbd, "userdevice"))
            .collect();
        let wanted = text("userdevice");
        let device = if wanted == "autodetect" {
            (0..16)
                .map(|number: u32| number.to_string())
                .find(|number| !taken.contains(number))
                .ok_or_else(|| ApiError::new("INVALID_DEVICE", [wanted.clone()]))?
        } else {
            let number = device_number(&wanted)
                .ok_or_else(|| ApiError::new("INVALID_DEVICE", [wanted.clone()]))?;
            if taken.contains(&number) {
                return Err(ApiError::new("DEVICE_ALREADY_EXISTS", [wanted]));
            }
            number
        };
        let vbd = state.db.construct("VBD", record)?;
        let db = &mut state.db;
        db.set("VBD", &vbd, "userdevice", Val::text(device));
        db.set("VBD", &vbd, "currently_attached", Val::Bool(false));
        db.set("VBD", &vbd, "device", Val::text(""));
        Ok(Val::Text(vbd))
    })
}

/// `"0"`, `"xvda"`, `"hda"` and `"sda"` all name the first device.
fn device_number(text: &str) -> Option<String> {
    if let Ok(number) = text.parse::<u32>() {
        return (number < 256).then(|| number.to_string());
    }
    let letter = ["xvd", "hd", "sd"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))?;
    match letter.as_bytes() {
        [letter @ b'a'..=b'p'] => Some((letter - b'a').to_string()),
        _ => None,
    }
}

fn destroy_vbd(shared: &Shared, vbd: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get("VBD", vbd)?;
        if record["currently_attached"].as_bool() {
            let vm = state.db.text("VM", record["VM"].as_text(), "uuid");
            let uuid = record["uuid"].as_text();
            return Err(ApiError::new(
                "OPERATION_NOT_ALLOWED",
                [format!("VBD '{uuid}' still attached to '{vm}'")],
            ));
        }
        state.db.delete("VBD", vbd);
        Ok(Val::Void)
    })
}

/// What the guest calls the disk in slot USERDEVICE.
pub fn device_name(userdevice: &str) -> String {
    match userdevice.parse::<u8>() {
        Ok(number @ 0..26) => format!("xvd{}", char::from(b'a' + number)),
        _ => String::new(),
    }
}

/// A VBD changes its mode while nobody uses it.
fn set_mode(shared: &Shared, vbd: &str, mode: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get("VBD", vbd)?.clone();
        if record["currently_attached"].as_bool() {
            let vm = record["VM"].as_text();
            let power = state.db.text("VM", vm, "power_state").to_lowercase();
            return Err(ApiError::new("VM_BAD_POWER_STATE", [vm, "halted", &*power]));
        }
        if record["type"].as_text() == "CD" && mode == "RW" {
            return Err(ApiError::new::<String>("VBD_CDS_MUST_BE_READONLY", []));
        }
        state.db.set("VBD", vbd, "mode", Val::text(mode));
        Ok(Val::Void)
    })
}

fn configure_ip(shared: &Shared, vif: &str, name: &str, args: &[Val]) -> Result<Val, ApiError> {
    let (mode_field, addresses_field, gateway_field) = if name == "configure_ipv4" {
        ("ipv4_configuration_mode", "ipv4_addresses", "ipv4_gateway")
    } else {
        ("ipv6_configuration_mode", "ipv6_addresses", "ipv6_gateway")
    };
    shared.with(|state| {
        state.db.get("VIF", vif)?;
        let text = |index: usize| args.get(index).map_or("", Val::as_text).to_owned();
        let (mode, address, gateway) = (text(1), text(2), text(3));
        let is_static = mode == "Static";
        let plain = address.split('/').next().unwrap_or_default();
        if is_static && plain.parse::<std::net::IpAddr>().is_err() {
            return Err(ApiError::new("INVALID_CIDR_ADDRESS_SPECIFIED", ["address"]));
        }
        let addresses = if is_static { vec![address] } else { Vec::new() };
        let gateway = if is_static { gateway } else { String::new() };
        state.db.set("VIF", vif, mode_field, Val::text(mode));
        state
            .db
            .set("VIF", vif, addresses_field, Val::texts(addresses));
        state.db.set("VIF", vif, gateway_field, Val::text(gateway));
        Ok(Val::Void)
    })
}

/// Move VDI to another SR; those who have it keep it.
async fn pool_migrate(
    shared: &Arc<Shared>,
    vdi: &str,
    args: &[Val],
    task: &str,
) -> Result<Val, ApiError> {
    let sr = args[1].as_text();
    shared.with(|state| {
        check_vdi(state, vdi, "mirror")?;
        state.db.get("SR", sr)?;
        if attached(state, vdi, "", false).is_none() {
            return Err(ApiError::new("VDI_NEEDS_VM_FOR_MIGRATE", [vdi]));
        }
        check_space(shared, state, sr, 0)
    })?;
    tasks::work(shared, task, Duration::from_millis(20)).await?;
    shared.with(|state| {
        state.db.set("VDI", vdi, "SR", Val::text(sr));
        Ok(Val::text(vdi))
    })
}

fn plug(shared: &Shared, vbd: &str, name: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get("VBD", vbd)?.clone();
        let vdi = record["VDI"].as_text();
        let writes = record["mode"].as_text() == "RW";
        if name == "assert_attachable" {
            check_attach(state, vdi, vbd, writes)?;
            return Ok(Val::Void);
        }
        check_vbd(state, vbd, name)?;
        let device = if name == "plug" {
            check_attach(state, vdi, vbd, writes)?;
            device_name(record["userdevice"].as_text())
        } else {
            String::new()
        };
        let attached = Val::Bool(name == "plug");
        state.db.set("VBD", vbd, "currently_attached", attached);
        state.db.set("VBD", vbd, "device", Val::text(device));
        Ok(Val::Void)
    })
}

fn change_cd(shared: &Shared, vbd: &str, vdi: Option<&str>) -> Result<Val, ApiError> {
    shared.with(|state| {
        check_vbd(state, vbd, if vdi.is_some() { "insert" } else { "eject" })?;
        if let Some(vdi) = vdi {
            state.db.get("VDI", vdi)?;
        }
        state
            .db
            .set("VBD", vbd, "VDI", Val::text(vdi.unwrap_or(NULL)));
        state.db.set("VBD", vbd, "empty", Val::Bool(vdi.is_none()));
        Ok(Val::Void)
    })
}

fn create_vif(shared: &Shared, record: &Val) -> Result<Val, ApiError> {
    shared.with(|state| {
        let text = |name: &str| record.get(name).map_or("", Val::as_text).to_owned();
        let (vm, device, mac) = (text("VM"), text("device"), text("MAC"));
        state.db.get("VM", &vm)?;
        state.db.get("network", &text("network"))?;
        if !device.parse::<u32>().is_ok_and(|number| number < 7) {
            return Err(ApiError::new("INVALID_DEVICE", [device]));
        }
        let taken = state
            .db
            .refs("VM", &vm, "VIFs")
            .iter()
            .any(|vif| state.db.text("VIF", vif, "device") == device);
        if taken {
            return Err(ApiError::new("DEVICE_ALREADY_EXISTS", [device]));
        }
        if !mac.is_empty() && !is_mac(&mac) {
            return Err(ApiError::new("MAC_INVALID", [mac]));
        }
        let vif = state.db.construct("VIF", record)?;
        if mac.is_empty() {
            state.db.set("VIF", &vif, "MAC", Val::text(random_mac()));
            state
                .db
                .set("VIF", &vif, "MAC_autogenerated", Val::Bool(true));
        }
        Ok(Val::Text(vif))
    })
}

fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6
        && parts
            .iter()
            .all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A locally administered unicast address.
pub fn random_mac() -> String {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    format!(
        "{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
        (bytes[0] & 0xfc) | 0x02,
        bytes[1],
        bytes[2],
        bytes[3],
        bytes[4],
        bytes[5]
    )
}
