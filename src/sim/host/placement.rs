//! Which host a VM runs on, and whether one can take it: enabled, live, plugged to
//! the VM's storage and networks, with memory and processors enough.
//!
//! Source: xapi's `xapi_vm_helpers.ml` (`assert_can_boot_here`,
//! `choose_host_for_vm_no_wlb`).

use super::database::is_null;
use super::state::State;
use super::value::{ApiError, Val};

/// What the control domain and the hypervisor take of a host's memory.
pub const RESERVED: i64 = 16 << 30;

/// What a VM takes beside its own memory.
const OVERHEAD: i64 = 12 << 20;

/// How much memory VM needs to start.
fn needed(state: &State, vm: &str) -> i64 {
    state.db.field("VM", vm, "memory_dynamic_min").as_int() + OVERHEAD
}

/// How much memory of HOST no VM has or is about to have, other than EXCEPT.
pub fn free_memory(state: &State, host: &str, except: &str) -> i64 {
    let metrics = state.db.text("host", host, "metrics");
    let total = state
        .db
        .field("host_metrics", &metrics, "memory_total")
        .as_int();
    let taken: i64 = state
        .db
        .all("VM")
        .filter(|(vm, object)| {
            let record = &object.record;
            let is_there = record["resident_on"].as_text() == host
                || record["scheduled_to_be_resident_on"].as_text() == host;
            is_there && vm.as_str() != except && !record["is_control_domain"].as_bool()
        })
        .map(|(vm, _)| needed(state, vm))
        .sum();
    (total - RESERVED - taken).max(0)
}

/// Whether HOST is plugged to SR.
pub fn sees_sr(state: &State, host: &str, sr: &str) -> bool {
    state.db.refs("SR", sr, "PBDs").iter().any(|pbd| {
        state.db.text("PBD", pbd, "host") == host
            && state.db.field("PBD", pbd, "currently_attached").as_bool()
    })
}

fn sees_network(state: &State, host: &str, network: &str) -> bool {
    let pifs = state.db.refs("network", network, "PIFs");
    // A network without PIFs is one inside each host.
    pifs.is_empty()
        || pifs.iter().any(|pif| {
            state.db.text("PIF", pif, "host") == host
                && state.db.field("PIF", pif, "currently_attached").as_bool()
        })
}

/// The SRs of the disks of VM, and of the image of a suspended one.
fn storage(state: &State, vm: &str) -> Vec<String> {
    let vbds = state.db.refs("VM", vm, "VBDs");
    let mut vdis: Vec<String> = vbds
        .iter()
        .map(|vbd| state.db.text("VBD", vbd, "VDI"))
        .collect();
    if state.db.text("VM", vm, "power_state") == "Suspended" {
        vdis.push(state.db.text("VM", vm, "suspend_VDI"));
    }
    vdis.iter()
        .filter(|vdi| !is_null(vdi))
        .map(|vdi| state.db.text("VDI", vdi, "SR"))
        .collect()
}

/// Whether VM could run on HOST, its memory left out when that is not to count.
pub fn check_host(
    state: &State,
    vm: &str,
    host: &str,
    counts_memory: bool,
) -> Result<(), ApiError> {
    let record = state.db.get("host", host)?;
    let metrics = record["metrics"].as_text();
    if !state.db.field("host_metrics", metrics, "live").as_bool() {
        return Err(ApiError::new::<String>("HOST_NOT_LIVE", []));
    }
    if !record["enabled"].as_bool() {
        return Err(ApiError::new("HOST_DISABLED", [host]));
    }
    for sr in storage(state, vm) {
        if !sees_sr(state, host, &sr) {
            return Err(ApiError::new("VM_REQUIRES_SR", [vm, &*sr]));
        }
    }
    for vif in state.db.refs("VM", vm, "VIFs") {
        let network = state.db.text("VIF", &vif, "network");
        if !sees_network(state, host, &network) {
            return Err(ApiError::new("VM_REQUIRES_NETWORK", [vm, &*network]));
        }
    }
    if counts_memory {
        check_memory(state, vm, host)?;
    }
    let processors = record["cpu_info"]
        .get("cpu_count")
        .map_or(0, |count| count.as_text().parse().unwrap_or(0));
    let wanted = state.db.field("VM", vm, "VCPUs_max").as_int();
    if wanted > processors {
        return Err(ApiError::new(
            "HOST_NOT_ENOUGH_PCPUS",
            [wanted.to_string(), processors.to_string()],
        ));
    }
    Ok(())
}

/// Whether HOST has memory enough for VM.
pub fn check_memory(state: &State, vm: &str, host: &str) -> Result<(), ApiError> {
    let (needed, free) = (needed(state, vm), free_memory(state, host, vm));
    if free < needed {
        return Err(ApiError::new(
            "HOST_NOT_ENOUGH_FREE_MEMORY",
            [needed.to_string(), free.to_string()],
        ));
    }
    Ok(())
}

/// The host that VM is started on: the one it has an affinity to, or the master, or
/// another, if it can. Where all that lacks is memory, starting there tells so.
pub fn choose_host(state: &State, vm: &str) -> Result<String, ApiError> {
    let affinity = state.db.text("VM", vm, "affinity");
    let mut hosts: Vec<String> = [affinity, state.marks.host.clone()]
        .into_iter()
        .filter(|host| state.db.exists("host", host))
        .collect();
    hosts.extend(state.db.all("host").map(|(host, _)| host.clone()));
    for counts_memory in [true, false] {
        for host in &hosts {
            if check_host(state, vm, host, counts_memory).is_ok() {
                return Ok(host.clone());
            }
        }
    }
    Err(ApiError::new::<String>("NO_HOSTS_AVAILABLE", []))
}

/// The hosts that could run VM.
pub fn possible_hosts(state: &State, vm: &str) -> Val {
    let hosts = state.db.all("host").map(|(host, _)| host.clone());
    Val::texts(hosts.filter(|host| check_host(state, vm, host, true).is_ok()))
}
