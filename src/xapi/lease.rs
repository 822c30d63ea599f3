//! Leases: what we create carries our mark, the run it belongs to, and when it
//! may go; what a crash leaves behind is found by them and removed.
//!
//! Marks are entries of `other_config`. Nothing without our mark is ever
//! listed here, so nothing without it can be removed from here. Hosts copy
//! `other_config` when they clone, snapshot and revert, so a mark names the
//! object it was made for: on any other it means nothing.

use super::error::XapiError;
use super::replace;
use super::rpc::is_null;
use super::session::Session;
use super::task;
use super::vm::{self, Shutdown};
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The keys in `other_config` of everything we create.
const OWNER: &str = "fruix-scm:owner";
const RUN: &str = "fruix-scm:run";
const EXPIRES: &str = "fruix-scm:expires";

/// The UUID of the object that the marks were made for. An object has none in
/// the moment between its creation and the next call.
const OBJECT: &str = "fruix-scm:object";

/// The key under which a VDI says which image it holds.
const IMAGE: &str = "fruix-scm:sha256";

/// How long the removal of one object may take.
const REMOVAL: Duration = Duration::from_secs(120);

/// For whom things are created, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub owner: String,
    pub run: String,
    /// Seconds since 1970.
    pub expires: u64,
}

impl Lease {
    /// A lease for RUN of OWNER that ends after TIME.
    pub fn new(owner: &str, run: &str, time: Duration) -> Lease {
        Lease {
            owner: owner.to_owned(),
            run: run.to_owned(),
            expires: now() + time.as_secs(),
        }
    }

    fn marks(&self) -> [(&'static str, String); 3] {
        [
            (OWNER, self.owner.clone()),
            (RUN, self.run.clone()),
            (EXPIRES, self.expires.to_string()),
        ]
    }

    /// Mark the record of an object to be.
    pub fn mark(&self, record: &mut Map<String, Value>) {
        let config = record
            .entry("other_config")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(config) = config {
            for (key, value) in self.marks() {
                config.insert(key.to_owned(), Value::from(value));
            }
        }
    }
}

/// Whether the marks in CONFIG, the `other_config` of the object with UUID, say
/// that it is ours.
pub fn is_ours(config: &Value, uuid: &str) -> bool {
    config.get(OWNER).is_some() && config.get(OBJECT).is_none_or(|object| object == uuid)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// Mark the object that METHOD has just made, and, when it is a VM made by
/// copying another, its disks.
pub async fn mark_new(session: &Session, method: &str, reference: &str) -> Result<(), XapiError> {
    match method {
        "VM.clone" | "VM.copy" | "VM.snapshot" | "VM.checkpoint" => {
            mark_object(session, "VM", reference).await?;
            for vdi in disks(session, reference).await? {
                session.own("VDI.clone", &vdi);
                mark_object(session, "VDI", &vdi).await?;
            }
            Ok(())
        }
        "VM.create" => mark_object(session, "VM", reference).await,
        "VDI.create" | "VDI.clone" | "VDI.copy" | "VDI.snapshot" => {
            mark_object(session, "VDI", reference).await
        }
        _ => Ok(()),
    }
}

/// A VM that has gone back to SNAPSHOT has new disks, which may be changed as
/// the old ones might.
pub async fn follow_revert(session: &Session, snapshot: &str) -> Result<(), XapiError> {
    let record = vm::record(session, "VM", snapshot).await?;
    let vm = record["snapshot_of"].as_str().unwrap_or_default();
    for vdi in disks(session, vm).await? {
        session.own("VM.revert", &vdi);
    }
    Ok(())
}

async fn mark_object(session: &Session, class: &str, reference: &str) -> Result<(), XapiError> {
    let uuid = session.uuid(class, reference).await?;
    for (key, value) in session.lease().marks() {
        set_entry(session, class, reference, key, &value).await?;
    }
    set_entry(session, class, reference, OBJECT, &uuid).await?;
    // A copy of a golden disk is there to be changed, and one of a disk that
    // stands for another stands for nothing.
    remove_entry(session, class, reference, IMAGE).await?;
    remove_entry(session, class, reference, replace::STANDS_FOR).await
}

/// Put VALUE under KEY of `other_config`: adding to a key that is there would
/// be refused, removing one that is not is allowed.
pub(super) async fn set_entry(
    session: &Session,
    class: &str,
    reference: &str,
    key: &str,
    value: &str,
) -> Result<(), XapiError> {
    remove_entry(session, class, reference, key).await?;
    session
        .call_within(
            &format!("{class}.add_to_other_config"),
            vec![json!(reference), json!(key), json!(value)],
            session.patience(),
        )
        .await?;
    Ok(())
}

async fn remove_entry(
    session: &Session,
    class: &str,
    reference: &str,
    key: &str,
) -> Result<(), XapiError> {
    session
        .call_within(
            &format!("{class}.remove_from_other_config"),
            vec![json!(reference), json!(key)],
            session.patience(),
        )
        .await?;
    Ok(())
}

/// The disks of VM, without CDs.
async fn disks(session: &Session, vm: &str) -> Result<Vec<String>, XapiError> {
    let record = vm::record(session, "VM", vm).await?;
    let mut disks = Vec::new();
    for vbd in record["VBDs"].as_array().into_iter().flatten() {
        let vbd = vm::record(session, "VBD", vbd.as_str().unwrap_or_default()).await?;
        let vdi = vbd["VDI"].as_str().unwrap_or_default().to_owned();
        if vbd["type"] == "Disk" && !is_null(&vdi) {
            disks.push(vdi);
        }
    }
    Ok(disks)
}

/// Something of ours on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// `VM` or `VDI`.
    pub class: &'static str,
    pub reference: String,
    pub uuid: String,
    pub name: String,
    pub owner: String,
    pub run: String,
    /// Whether its time is over; also when nobody can read what it says.
    pub expired: bool,
    /// The SHA-256 of the image that a golden disk holds; empty otherwise.
    pub image: String,
}

/// Everything on the host that carries our mark: VMs first, then VDIs.
pub async fn leftovers(session: &Session) -> Result<Vec<Leftover>, XapiError> {
    let mut found = Vec::new();
    for class in ["VM", "VDI"] {
        let records = session
            .call_within(
                &format!("{class}.get_all_records"),
                Vec::new(),
                session.patience(),
            )
            .await?;
        for (reference, record) in records.as_object().into_iter().flatten() {
            let config = |key: &str| {
                record["other_config"][key]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            };
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            // What the settings approve was there before us.
            let uuid = text("uuid");
            if !is_ours(&record["other_config"], &uuid) || session.approved().includes(class, &uuid)
            {
                continue;
            }
            found.push(Leftover {
                class,
                reference: reference.clone(),
                uuid,
                name: text("name_label"),
                owner: config(OWNER),
                run: config(RUN),
                expired: config(EXPIRES)
                    .parse()
                    .is_ok_and(|expires: u64| expires < now())
                    || config(EXPIRES).parse::<u64>().is_err(),
                image: config(IMAGE),
            });
        }
    }
    Ok(found)
}

/// Remove LEFTOVER; a VM is shut down first, and its disks that carry our mark
/// go with it. What is gone already is left alone.
pub async fn remove(session: &Session, leftover: &Leftover) -> Result<(), XapiError> {
    let outcome = match leftover.class {
        "VM" => remove_vm(session, &leftover.reference).await,
        _ => remove_vdi(session, &leftover.reference).await,
    };
    match outcome {
        Err(error) if error.code() == Some("HANDLE_INVALID") => Ok(()),
        outcome => outcome,
    }
}

async fn remove_vm(session: &Session, vm: &str) -> Result<(), XapiError> {
    let uuid = session.uuid("VM", vm).await?;
    // `run` below asks what is approved once more, and our mark is the answer.
    vm::shut_down(session, vm, Shutdown::Hard, REMOVAL).await?;
    let disks = disks(session, vm).await?;
    let tried = format!("destroy VM `{uuid}`");
    destroy(session, "VM", vm, &tried).await?;
    for vdi in disks {
        let record = vm::record(session, "VDI", &vdi).await?;
        let config = &record["other_config"];
        // A golden disk outlives the machines that were made from it.
        let uuid = record["uuid"].as_str().unwrap_or_default();
        if is_ours(config, uuid)
            && !session.approved().includes("VDI", uuid)
            && config.get(IMAGE).is_none()
        {
            remove_vdi(session, &vdi).await?;
        }
    }
    Ok(())
}

/// Destroy VDI, one of ours; what it stands for is put back first.
pub(super) async fn remove_vdi(session: &Session, vdi: &str) -> Result<(), XapiError> {
    let record = vm::record(session, "VDI", vdi).await?;
    replace::make_way(session, vdi, &record["other_config"]).await?;
    let uuid = session.uuid("VDI", vdi).await?;
    let tried = format!("destroy VDI `{uuid}`");
    // A transfer that has just ended lets go of the disk a moment later.
    for _ in 0..5 {
        match destroy(session, "VDI", vdi, &tried).await {
            Err(error) if error.code() == Some("VDI_IN_USE") => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            outcome => return outcome,
        }
    }
    destroy(session, "VDI", vdi, &tried).await
}

/// Destroy the object of CLASS; when nobody knows how that ended, look.
async fn destroy(
    session: &Session,
    class: &str,
    reference: &str,
    tried: &str,
) -> Result<(), XapiError> {
    let method = format!("{class}.destroy");
    let outcome = task::run(session, &method, vec![json!(reference)], REMOVAL, tried).await;
    let Err(unknown @ XapiError::OutcomeUnknown { .. }) = outcome else {
        return outcome.map(|_| ());
    };
    for _ in 0..10 {
        match vm::record(session, class, reference).await {
            Err(error) if error.code() == Some("HANDLE_INVALID") => return Ok(()),
            looked => looked?,
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    Err(unknown)
}

/// The VDI of ours on SR that holds the image with the SHA-256 DIGEST, if there
/// is one.
pub async fn golden(
    session: &Session,
    sr: &str,
    digest: &str,
) -> Result<Option<String>, XapiError> {
    for leftover in leftovers(session).await? {
        if leftover.class != "VDI" || leftover.image != digest {
            continue;
        }
        let record = vm::record(session, "VDI", &leftover.reference).await?;
        if record["SR"] == sr {
            return Ok(Some(leftover.reference));
        }
    }
    Ok(None)
}

/// Let VDI, one of ours, say that it holds the image with the SHA-256 DIGEST.
pub async fn make_golden(session: &Session, vdi: &str, digest: &str) -> Result<(), XapiError> {
    super::approved::check_object(session, "VDI.add_to_other_config", "VDI", vdi, false).await?;
    set_entry(session, "VDI", vdi, IMAGE, digest).await
}
