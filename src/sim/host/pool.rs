//! The pool's own things: hosts that are enabled or not, storage that is plugged or
//! not, networks, VLANs, VTPMs and secrets.
//!
//! Source: xapi's `xapi_host.ml`, `xapi_pbd.ml`, `xapi_network.ml`, `xapi_vlan.ml`.

use super::database::is_null;
use super::operations::{Strictness, check_vm};
use super::placement;
use super::state::{Shared, State};
use super::value::{ApiError, Val, now};

/// Answer the calls of the pool's classes that do more than their name says.
pub fn explicit(
    shared: &Shared,
    class: &str,
    name: &str,
    args: &[Val],
) -> Option<Result<Val, ApiError>> {
    let this = args.first().map_or("", Val::as_text);
    Some(match (class, name) {
        ("host", "get_server_certificate") => Ok(Val::text(&shared.config.certificate_pem)),
        ("host", "compute_free_memory") => shared.with(|state| {
            state.db.get("host", this)?;
            Ok(Val::Int(placement::free_memory(state, this, "")))
        }),
        ("host", "compute_memory_overhead") => shared.with(|state| {
            state.db.get("host", this)?;
            Ok(Val::Int(placement::RESERVED))
        }),
        ("host", "enable" | "disable") => shared.with(|state| {
            state.db.get("host", this)?;
            let enabled = Val::Bool(name == "enable");
            state.db.set("host", this, "enabled", enabled);
            Ok(Val::Void)
        }),
        ("host", "get_management_interface") => shared.with(|state| {
            let pifs = state.db.get("host", this)?["PIFs"].clone();
            let pif = pifs
                .items()
                .iter()
                .find(|pif| state.db.field("PIF", pif.as_text(), "management").as_bool());
            Ok(pif.cloned().unwrap_or(Val::text(super::value::NULL)))
        }),
        ("host", "has_extension") => Ok(Val::Bool(false)),
        ("host", "list_methods") => Ok(Val::texts(super::calls::list_methods())),
        ("host", "call_plugin") => Err(ApiError::new("XENAPI_MISSING_PLUGIN", [args[1].as_text()])),
        ("host", _) => shared.with(|state| {
            state.db.get("host", this)?;
            Ok(now())
        }),
        ("PBD", "create") => create_pbd(shared, &args[0]),
        ("PBD", "plug" | "unplug" | "destroy") => change_pbd(shared, this, name),
        ("network", "create") => shared.with(|state| {
            let network = state.db.construct("network", &args[0])?;
            if state.db.text("network", &network, "bridge").is_empty() {
                let count = state.db.all("network").count();
                let bridge = format!("xapi{count}");
                state
                    .db
                    .set("network", &network, "bridge", Val::text(bridge));
            }
            Ok(Val::Text(network))
        }),
        ("network", "destroy") => destroy_network(shared, this),
        ("VLAN", "create") => {
            let (tag, network) = (args[1].as_int(), args[2].as_text());
            shared.with(|state| create_vlan(state, this, tag, network).map(Val::Text))
        }
        ("pool", "create_VLAN_from_PIF") => {
            let (network, tag) = (args[1].as_text(), args[2].as_int());
            shared.with(|state| {
                let vlan = create_vlan(state, this, tag, network)?;
                Ok(Val::texts([state.db.text("VLAN", &vlan, "untagged_PIF")]))
            })
        }
        ("pool", "create_VLAN") => {
            let (network, tag) = (args[1].as_text(), args[2].as_int());
            shared.with(|state| {
                let pifs: Vec<String> = state
                    .db
                    .all("PIF")
                    .filter(|(_, pif)| {
                        pif.record["device"].as_text() == this && pif.record["VLAN"].as_int() < 0
                    })
                    .map(|(pif, _)| pif.clone())
                    .collect();
                let mut made = Vec::new();
                for pif in pifs {
                    let vlan = create_vlan(state, &pif, tag, network)?;
                    made.push(state.db.text("VLAN", &vlan, "untagged_PIF"));
                }
                Ok(Val::texts(made))
            })
        }
        ("VLAN", "destroy") => shared.with(|state| {
            let pif = state.db.get("VLAN", this)?["untagged_PIF"]
                .as_text()
                .to_owned();
            state.db.delete("VLAN", this);
            state.db.delete("PIF", &pif);
            Ok(Val::Void)
        }),
        ("VTPM", "create") => shared.with(|state| {
            check_vm(state, this, "create_vtpm", Strictness::Call)?;
            if let count @ 1.. = state.db.refs("VM", this, "VTPMs").len() {
                return Err(ApiError::new(
                    "VTPM_MAX_AMOUNT_REACHED",
                    [count.to_string()],
                ));
            }
            let unique = args[1].clone();
            let vtpm = state
                .db
                .insert("VTPM", [("VM", Val::text(this)), ("is_unique", unique)]);
            Ok(Val::Text(vtpm))
        }),
        ("VTPM", "destroy") => shared.with(|state| {
            let vm = state.db.get("VTPM", this)?["VM"].as_text().to_owned();
            let power = state.db.text("VM", &vm, "power_state");
            if power != "Halted" {
                let power = power.to_lowercase();
                return Err(ApiError::new(
                    "VM_BAD_POWER_STATE",
                    [&*vm, "halted", &*power],
                ));
            }
            state.db.delete("VTPM", this);
            Ok(Val::Void)
        }),
        ("secret", "create") => {
            shared.with(|state| state.db.construct("secret", &args[0]).map(Val::Text))
        }
        ("secret", "destroy") => shared.with(|state| {
            state.db.get("secret", this)?;
            state.db.delete("secret", this);
            Ok(Val::Void)
        }),
        _ => return None,
    })
}

fn create_pbd(shared: &Shared, record: &Val) -> Result<Val, ApiError> {
    shared.with(|state| {
        let text = |name: &str| record.get(name).map_or("", Val::as_text).to_owned();
        let (host, sr) = (text("host"), text("SR"));
        state.db.get("host", &host)?;
        state.db.get("SR", &sr)?;
        let known = state
            .db
            .refs("SR", &sr, "PBDs")
            .into_iter()
            .find(|pbd| state.db.text("PBD", pbd, "host") == host);
        if let Some(pbd) = known {
            return Err(ApiError::new("PBD_EXISTS", [sr, host, pbd]));
        }
        state.db.construct("PBD", record).map(Val::Text)
    })
}

fn change_pbd(shared: &Shared, pbd: &str, name: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        let record = state.db.get("PBD", pbd)?.clone();
        let is_plugged = record["currently_attached"].as_bool();
        match name {
            "destroy" if is_plugged => {
                return Err(ApiError::new(
                    "OPERATION_NOT_ALLOWED",
                    ["PBD is currently attached"],
                ));
            }
            "destroy" => state.db.delete("PBD", pbd),
            "plug" => state
                .db
                .set("PBD", pbd, "currently_attached", Val::Bool(true)),
            _ => {
                let (sr, host) = (record["SR"].as_text(), record["host"].as_text());
                if let Some(vdi) = held_there(state, sr, host) {
                    return Err(ApiError::new("VDI_IN_USE", [vdi]));
                }
                state
                    .db
                    .set("PBD", pbd, "currently_attached", Val::Bool(false));
            }
        }
        // What can be done with its disks depends on it.
        for vdi in state.db.refs("SR", record["SR"].as_text(), "VDIs") {
            super::operations::touch(state, "VDI", &vdi);
        }
        Ok(Val::Void)
    })
}

/// A disk of SR that a VM on HOST has.
fn held_there(state: &State, sr: &str, host: &str) -> Option<String> {
    state.db.refs("SR", sr, "VDIs").into_iter().find(|vdi| {
        state.db.refs("VDI", vdi, "VBDs").iter().any(|vbd| {
            let vm = state.db.text("VBD", vbd, "VM");
            state.db.field("VBD", vbd, "currently_attached").as_bool()
                && state.db.text("VM", &vm, "resident_on") == host
        })
    })
}

fn destroy_network(shared: &Shared, network: &str) -> Result<Val, ApiError> {
    shared.with(|state| {
        state.db.get("network", network)?;
        for (set, code) in [
            ("PIFs", "NETWORK_CONTAINS_PIF"),
            ("VIFs", "NETWORK_CONTAINS_VIF"),
        ] {
            let users = state.db.refs("network", network, set);
            let used = users.iter().any(|it| {
                set == "PIFs" || state.db.field("VIF", it, "currently_attached").as_bool()
            });
            if used {
                return Err(ApiError::new(code, users));
            }
        }
        for vif in state.db.refs("network", network, "VIFs") {
            state.db.delete("VIF", &vif);
        }
        state.db.delete("network", network);
        Ok(Val::Void)
    })
}

/// A VLAN with TAG on the tagged PIF for NETWORK.
fn create_vlan(state: &mut State, pif: &str, tag: i64, network: &str) -> Result<String, ApiError> {
    let record = state.db.get("PIF", pif)?.clone();
    state.db.get("network", network)?;
    if !(0..4095).contains(&tag) {
        return Err(ApiError::new("VLAN_TAG_INVALID", [tag.to_string()]));
    }
    let exists = state.db.all("PIF").any(|(_, other)| {
        other.record["host"] == record["host"]
            && other.record["device"] == record["device"]
            && other.record["VLAN"].as_int() == tag
    });
    if exists {
        return Err(ApiError::new("PIF_VLAN_EXISTS", [pif]));
    }
    let untagged = state.db.insert(
        "PIF",
        [
            ("device", record["device"].clone()),
            ("network", Val::text(network)),
            ("host", record["host"].clone()),
            ("MAC", record["MAC"].clone()),
            ("MTU", record["MTU"].clone()),
            ("VLAN", Val::Int(tag)),
            ("currently_attached", Val::Bool(true)),
        ],
    );
    let vlan = state.db.insert(
        "VLAN",
        [
            ("tagged_PIF", Val::text(pif)),
            ("untagged_PIF", Val::text(&untagged)),
            ("tag", Val::Int(tag)),
        ],
    );
    state
        .db
        .set("PIF", &untagged, "VLAN_master_of", Val::text(&vlan));
    Ok(vlan)
}

/// Answer `SR.create` and `SR.forget`: an SR on one host, or what the pool knows of it.
pub fn storage(shared: &Shared, name: &str, args: &[Val]) -> Result<Val, ApiError> {
    let text = |index: usize| args.get(index).map_or("", Val::as_text).to_owned();
    shared.with(|state| match name {
        "forget" => {
            let sr = text(0);
            state.db.get("SR", &sr)?;
            let plugged = state
                .db
                .refs("SR", &sr, "PBDs")
                .iter()
                .any(|pbd| state.db.field("PBD", pbd, "currently_attached").as_bool());
            if plugged {
                return Err(ApiError::new("SR_HAS_PBD", [sr]));
            }
            for (set, class) in [("PBDs", "PBD"), ("VDIs", "VDI")] {
                for child in state.db.refs("SR", &sr, set) {
                    state.db.delete(class, &child);
                }
            }
            state.db.delete("SR", &sr);
            Ok(Val::Void)
        }
        _ => {
            let host = text(0);
            state.db.get("host", &host)?;
            let kind = text(5);
            if !["ext", "lvm", "nfs", "iso", "dummy"].contains(&&*kind) {
                return Err(ApiError::new("SR_UNKNOWN_DRIVER", [kind]));
            }
            let sr = state.db.insert(
                "SR",
                [
                    ("name_label", Val::text(text(3))),
                    ("name_description", Val::text(text(4))),
                    ("type", Val::text(kind)),
                    ("content_type", Val::text(text(6))),
                    ("physical_size", Val::Int(args[2].as_int().max(100 << 30))),
                    ("shared", args.get(7).cloned().unwrap_or(Val::Bool(false))),
                ],
            );
            state.db.insert(
                "PBD",
                [
                    ("host", Val::text(host)),
                    ("SR", Val::text(&sr)),
                    ("device_config", args[1].clone()),
                    ("currently_attached", Val::Bool(true)),
                ],
            );
            Ok(Val::Text(sr))
        }
    })
}

/// Whether REFERENCE of CLASS may be put into a field.
pub fn check_reference(state: &State, class: &str, reference: &str) -> Result<(), ApiError> {
    if is_null(reference) || super::model::class(class).is_none() {
        return Ok(());
    }
    state.db.get(class, reference).map(|_| ())
}
