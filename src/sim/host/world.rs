//! The pool as it is before anybody has logged in: a master and a member, storage of
//! the master's, storage that both share and a library of CDs, one network, templates,
//! and a halted VM with a disk on the master's storage.

use super::database::Database;
use super::disks::{self, GRAIN};
use super::state::{Config, Landmarks, State};
use super::value::{Val, now};
use crate::sim::mishap::Mishap;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

/// The capacity of the storage repository.
const CAPACITY: i64 = 200 << 30;

/// Make the pool of a host at ADDRESS, with a VM whose disk takes the image.
pub fn make(config: &Config, address: SocketAddr, fingerprint: &str) -> io::Result<State> {
    let mut db = Database::default();
    let host = db.insert(
        "host",
        [
            ("name_label", Val::text("xcp-ng-simulated")),
            ("hostname", Val::text("xcp-ng-simulated")),
            ("address", Val::text(address.ip().to_string())),
            ("enabled", Val::Bool(true)),
            ("API_version_major", Val::Int(2)),
            ("API_version_minor", Val::Int(21)),
            ("API_version_vendor", Val::text("XenSource")),
            ("edition", Val::text("xcp-ng")),
            (
                "software_version",
                Val::map_of([
                    ("product_brand", Val::text("XCP-ng")),
                    ("product_version", Val::text("8.3.0")),
                    ("platform_name", Val::text("XCP")),
                    ("platform_version", Val::text("3.4.0")),
                    ("xapi", Val::text("26.1")),
                    ("xapi_build", Val::text("26.1.3")),
                    ("hostname", Val::text("localhost")),
                ]),
            ),
            (
                "cpu_info",
                Val::map_of([
                    ("cpu_count", Val::text("8")),
                    ("socket_count", Val::text("1")),
                    ("vendor", Val::text("GenuineIntel")),
                ]),
            ),
            ("license_params", license_params(config)),
        ],
    );
    equip(&mut db, &host, fingerprint);
    let sr = db.insert(
        "SR",
        [
            ("name_label", Val::text("Local storage")),
            ("type", Val::text("ext")),
            ("content_type", Val::text("user")),
            ("physical_size", Val::Int(CAPACITY)),
            (
                "sm_config",
                Val::map_of([("devserial", Val::text("simulated"))]),
            ),
            (
                "allowed_operations",
                Val::texts(["vdi_create", "vdi_destroy", "vdi_clone", "scan"]),
            ),
        ],
    );
    plug(&mut db, &host, &sr);
    let shared_sr = db.insert(
        "SR",
        [
            ("name_label", Val::text("Shared storage")),
            ("type", Val::text("nfs")),
            ("content_type", Val::text("user")),
            ("shared", Val::Bool(true)),
            ("physical_size", Val::Int(CAPACITY)),
        ],
    );
    plug(&mut db, &host, &shared_sr);
    let library = db.insert(
        "SR",
        [
            ("name_label", Val::text("CD library")),
            ("type", Val::text("iso")),
            ("content_type", Val::text("iso")),
            ("shared", Val::Bool(true)),
        ],
    );
    plug(&mut db, &host, &library);
    let cd = db.insert(
        "VDI",
        [
            ("name_label", Val::text("installer.iso")),
            ("SR", Val::text(&library)),
            ("type", Val::text("user")),
            ("read_only", Val::Bool(true)),
            ("virtual_size", Val::Int(GRAIN as i64)),
            ("managed", Val::Bool(true)),
            ("location", Val::text("installer.iso")),
        ],
    );
    disks::make_file(&config.disk(&db.text("VDI", &cd, "uuid")), GRAIN)?;
    let network = db.insert(
        "network",
        [
            (
                "name_label",
                Val::text("Pool-wide network associated with eth0"),
            ),
            ("bridge", Val::text("xenbr0")),
            ("MTU", Val::Int(1500)),
            ("managed", Val::Bool(true)),
        ],
    );
    wire(&mut db, &host, &network, address);
    let pool = db.insert(
        "pool",
        [
            ("name_label", Val::text("simulated")),
            ("master", Val::text(&host)),
            ("default_SR", Val::text(&sr)),
            ("suspend_image_SR", Val::text(&sr)),
        ],
    );
    let control_domain = insert_control_domain(&mut db, &host);
    for (name, disks) in [
        ("Other install media", None),
        ("Debian Bookworm 12", Some(DISKS)),
    ] {
        insert_template(&mut db, name, disks);
    }

    let (vm, vdi) = insert_machine(&mut db, config, "fruix", &sr, &network)?;
    let marks = Landmarks {
        pool,
        host,
        member: None,
        port: address.port(),
        sr,
        network,
        control_domain,
        vm,
        vdi,
    };
    Ok(State {
        db,
        marks,
        domains: HashMap::new(),
        consoles: HashMap::new(),
        ports: HashMap::new(),
        next_domid: 0,
        remembered: HashMap::new(),
        counts: HashMap::new(),
        registered: HashMap::new(),
    })
}

/// A halted VM called NAME, with a disk on SR that takes the image, and an interface to
/// NETWORK; answers VM and VDI.
pub fn insert_machine(
    db: &mut Database,
    config: &Config,
    name: &str,
    sr: &str,
    network: &str,
) -> io::Result<(String, String)> {
    let size = if config.has(&Mishap::SmallVdi) {
        // Smaller than the image, however small that is.
        (config.image_bytes / 2 / GRAIN * GRAIN).max(GRAIN)
    } else {
        (config.image_bytes.max(1)).div_ceil(GRAIN) * GRAIN
    };
    let vm = insert_vm(db, name);
    let vdi = db.insert(
        "VDI",
        [
            ("name_label", Val::text(name)),
            ("SR", Val::text(sr)),
            ("type", Val::text("user")),
            ("virtual_size", Val::Int(size as i64)),
            ("managed", Val::Bool(true)),
            ("xenstore_data", Val::empty_map()),
        ],
    );
    let uuid = db.text("VDI", &vdi, "uuid");
    db.set("VDI", &vdi, "location", Val::text(&uuid));
    disks::make_file(&config.disk(&uuid), size)?;
    db.insert(
        "VBD",
        [
            ("VM", Val::text(&vm)),
            ("VDI", Val::text(&vdi)),
            ("userdevice", Val::text("0")),
            ("bootable", Val::Bool(true)),
            ("mode", Val::text("RW")),
            ("type", Val::text("Disk")),
            ("unpluggable", Val::Bool(true)),
        ],
    );
    db.insert(
        "VIF",
        [
            ("VM", Val::text(&vm)),
            ("network", Val::text(network)),
            ("device", Val::text("0")),
            ("MAC", Val::text(disks::random_mac())),
            ("MTU", Val::Int(1500)),
            ("locking_mode", Val::text("network_default")),
        ],
    );
    Ok((vm, vdi))
}

/// The disks that a template asks for, as templates of hosts do.
const DISKS: &str = "<provision><disk device=\"0\" size=\"10737418240\" sr=\"\" \
                     bootable=\"true\" type=\"system\"/></provision>";

/// What every host has: metrics and a certificate with this FINGERPRINT.
fn equip(db: &mut Database, host: &str, fingerprint: &str) {
    let metrics = db.insert(
        "host_metrics",
        [
            ("memory_total", Val::Int(64 << 30)),
            ("live", Val::Bool(true)),
            ("last_updated", now()),
        ],
    );
    db.set("host", host, "metrics", Val::text(metrics));
    db.insert(
        "Certificate",
        [
            ("type", Val::text("host")),
            ("host", Val::text(host)),
            ("fingerprint", Val::text(fingerprint)),
            ("fingerprint_sha256", Val::text(fingerprint)),
        ],
    );
}

fn plug(db: &mut Database, host: &str, sr: &str) {
    db.insert(
        "PBD",
        [
            ("host", Val::text(host)),
            ("SR", Val::text(sr)),
            ("currently_attached", Val::Bool(true)),
        ],
    );
}

/// The interface of HOST, at ADDRESS, on NETWORK.
fn wire(db: &mut Database, host: &str, network: &str, address: SocketAddr) {
    db.insert(
        "PIF",
        [
            ("device", Val::text("eth0")),
            ("network", Val::text(network)),
            ("host", Val::text(host)),
            ("MAC", Val::text(disks::random_mac())),
            ("MTU", Val::Int(1500)),
            ("VLAN", Val::Int(-1)),
            ("physical", Val::Bool(true)),
            ("currently_attached", Val::Bool(true)),
            ("management", Val::Bool(true)),
            ("IP", Val::text(address.ip().to_string())),
            ("ip_configuration_mode", Val::text("Static")),
        ],
    );
}

fn insert_control_domain(db: &mut Database, host: &str) -> String {
    let name = db.text("host", host, "name_label");
    let domain = insert_vm(db, &format!("Control domain on host: {name}"));
    db.set("VM", &domain, "is_control_domain", Val::Bool(true));
    db.set("VM", &domain, "domid", Val::Int(0));
    db.set("VM", &domain, "resident_on", Val::text(host));
    db.set("VM", &domain, "power_state", Val::text("Running"));
    db.set("host", host, "control_domain", Val::text(&domain));
    domain
}

fn insert_template(db: &mut Database, name: &str, disks: Option<&str>) {
    let template = insert_vm(db, name);
    db.set("VM", &template, "is_a_template", Val::Bool(true));
    db.set("VM", &template, "is_default_template", Val::Bool(true));
    db.update("VM", &template, "other_config", |config| {
        config.put("default_template", Val::text("true"));
        config.put("install-methods", Val::text("cdrom,nfs,http,ftp"));
        if let Some(disks) = disks {
            config.put("disks", Val::text(disks));
        }
    });
}

/// The other host of the pool, at ADDRESS: it runs VMs whose storage it shares, takes
/// transfers, and sends everybody else to the master.
pub fn add_member(state: &mut State, address: SocketAddr, fingerprint: &str) {
    let db = &mut state.db;
    let mut record = match db.get("host", &state.marks.host) {
        Ok(record) => record.clone(),
        Err(_) => return,
    };
    for field in [
        "uuid",
        "metrics",
        "control_domain",
        "PIFs",
        "PBDs",
        "certificates",
    ] {
        record.remove(field);
    }
    record.remove("resident_VMs");
    record.insert("name_label", Val::text("xcp-ng-simulated-2"));
    record.insert("hostname", Val::text("xcp-ng-simulated-2"));
    record.insert("address", Val::text(address.ip().to_string()));
    let host = db.insert("host", record);
    equip(db, &host, fingerprint);
    insert_control_domain(db, &host);
    let network = state.marks.network.clone();
    wire(db, &host, &network, address);
    let shared: Vec<String> = db
        .all("SR")
        .filter(|(_, sr)| sr.record["shared"].as_bool())
        .map(|(sr, _)| sr.clone())
        .collect();
    for sr in shared {
        plug(db, &host, &sr);
    }
    state.marks.member = Some(host);
}

/// XCP-ng 8.3 sends one of these members twice.
fn license_params(config: &Config) -> Val {
    let times = if config.has(&Mishap::DuplicateMember) {
        2
    } else {
        1
    };
    Val::map_of(std::iter::repeat_n(
        ("restrict_vtpm", Val::text("false")),
        times,
    ))
}

fn insert_vm(db: &mut Database, name: &str) -> String {
    let memory = Val::Int(2 << 30);
    let metrics = db.insert("VM_metrics", []);
    db.insert(
        "VM",
        [
            ("name_label", Val::text(name)),
            ("metrics", Val::text(metrics)),
            ("domid", Val::Int(-1)),
            ("power_state", Val::text("Halted")),
            ("memory_static_min", Val::Int(256 << 20)),
            ("memory_static_max", memory.clone()),
            ("memory_dynamic_min", memory.clone()),
            ("memory_dynamic_max", memory),
            ("VCPUs_max", Val::Int(2)),
            ("VCPUs_at_startup", Val::Int(2)),
            ("actions_after_shutdown", Val::text("destroy")),
            ("actions_after_reboot", Val::text("restart")),
            ("actions_after_crash", Val::text("restart")),
            ("HVM_boot_policy", Val::text("BIOS order")),
            ("domain_type", Val::text("hvm")),
            (
                "HVM_boot_params",
                Val::map_of([("order", Val::text("c")), ("firmware", Val::text("uefi"))]),
            ),
            (
                "platform",
                Val::map_of([
                    ("acpi", Val::text("1")),
                    ("apic", Val::text("true")),
                    ("pae", Val::text("true")),
                    ("viridian", Val::text("false")),
                    ("device-model", Val::text("qemu-upstream-uefi")),
                ]),
            ),
            (
                "other_config",
                Val::map_of([("mac_seed", Val::text(super::value::new_uuid()))]),
            ),
        ],
    )
}
