//! Leases: what we create carries our mark, the run it belongs to, and when it
//! may go; what a crash leaves behind is found by them and removed.
//!
//! Marks are entries of `other_config`. Nothing without our mark is ever
//! listed here, so nothing without it can be removed from here. Hosts copy
//! `other_config` when they clone, snapshot and revert, so a mark names the
//! object it was made for: on any other it means nothing.
//!
//! What is made from a record has its marks from the beginning; a copy gets them
//! afterwards. So that a crash in between leaves nothing that nobody knows, the copy
//! of a VM is called after its marks until it has them, and the task that copies a
//! disk is marked as soon as the host has named it, and destroyed when the copy is
//! marked. Hosts keep a finished task for an hour.

use super::approved;
use super::error::XapiError;
use super::replace;
use super::rpc::{self, is_null};
use super::session::Session;
use super::task;
use super::vm::{self, Shutdown};
use crate::clock;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The keys in `other_config` of everything we create.
const OWNER: &str = "fruix-scm:owner";
const RUN: &str = "fruix-scm:run";
const EXPIRES: &str = "fruix-scm:expires";

/// The UUID of the object that the marks were made for. An object has none in
/// the moment between its creation and the next call.
const OBJECT: &str = "fruix-scm:object";

/// The key in `other_config` of a task that copies a disk for us: its marks.
const MAKES: &str = "fruix-scm:makes";

/// What the name of a copy of a VM begins with, before its marks, until it has them.
const NEW: &str = "fruix-scm:new ";

/// Owner, run and when it expires; written as JSON.
type Marks = [String; 3];

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

    /// Whether what BELONGS says is this run, or one of the same owner whose time is
    /// over.
    pub fn covers(&self, belongs: &Belongs) -> bool {
        belongs.owner == self.owner && (belongs.run == self.run || belongs.expired)
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

/// Whose an object is, as its marks say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belongs {
    pub owner: String,
    pub run: String,
    /// Whether its time is over; also when nobody can read what it says.
    pub expired: bool,
}

impl fmt::Display for Belongs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "run `{}` of `{}`", self.run, self.owner)
    }
}

/// Whose the object with UUID is, as the marks in CONFIG, its `other_config`, say;
/// `None` when nobody has marked it, or another object was.
pub fn marks_of(config: &Value, uuid: &str) -> Option<Belongs> {
    let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
    config.get(OWNER)?;
    if config.get(OBJECT).is_some_and(|object| object != uuid) {
        return None;
    }
    Some(Belongs {
        owner: text(OWNER),
        run: text(RUN),
        expired: is_over(&text(EXPIRES)),
    })
}

/// Whether the moment EXPIRES, in seconds since 1970, is over.
fn is_over(expires: &str) -> bool {
    expires
        .parse::<u64>()
        .map_or(true, |expires| expires < now())
}

fn now() -> u64 {
    clock::seconds_since_1970()
}

/// Let what METHOD with PARAMS makes be called after our marks, when it is a copy
/// of a VM; the name that it is to have in the end.
pub fn announce(session: &Session, method: &str, params: &mut [Value]) -> Option<String> {
    let method = method.strip_prefix("Async.").unwrap_or(method);
    if !method.starts_with("VM.") || !approved::copies(method) {
        return None;
    }
    let name = params.get_mut(1)?;
    let wanted = name.as_str()?.to_owned();
    let marks = session.lease().marks().map(|(_, value)| value);
    *name = Value::from(format!("{NEW}{} {wanted}", json!(marks)));
    Some(wanted)
}

/// The marks after which a VM with this NAME is called, if it is.
fn announced(name: &str) -> Option<Marks> {
    let marks = name.strip_prefix(NEW)?;
    let mut values = serde_json::Deserializer::from_str(marks).into_iter();
    values.next()?.ok()
}

/// Remember the object that METHOD has just made, and mark it; and, when it is a
/// VM made by copying another, its disks, and call it NAME.
pub async fn mark_new(
    session: &Session,
    method: &str,
    reference: &str,
    name: Option<String>,
) -> Result<(), XapiError> {
    let lease = session.lease();
    session.own(method, reference);
    match method {
        "VM.clone" | "VM.copy" | "VM.snapshot" | "VM.checkpoint" => {
            mark_with_disks(session, lease, reference).await?;
            let Some(name) = name else { return Ok(()) };
            let params = vec![json!(reference), json!(name)];
            session
                .call_within("VM.set_name_label", params, session.patience())
                .await
                .map(|_| ())
        }
        "VM.create" => mark_object(session, lease, "VM", reference).await,
        "VDI.create" | "VDI.clone" | "VDI.copy" | "VDI.snapshot" => {
            mark_object(session, lease, "VDI", reference).await
        }
        _ => Ok(()),
    }
}

/// Mark VM, a new copy, and its disks.
async fn mark_with_disks(session: &Session, lease: &Lease, vm: &str) -> Result<(), XapiError> {
    mark_object(session, lease, "VM", vm).await?;
    for vdi in disks(session, vm).await? {
        session.own("VDI.clone", &vdi);
        mark_object(session, lease, "VDI", &vdi).await?;
    }
    Ok(())
}

/// Let TASK, which makes something for us, say so. A task that has vanished
/// meanwhile cannot, and what becomes of it is told where it is waited for.
pub async fn mark_task(session: &Session, task: &str) {
    let marks = session.lease().marks().map(|(_, value)| value);
    let params = vec![json!(task), json!(MAKES), json!(json!(marks).to_string())];
    let _ = session
        .call_within("task.add_to_other_config", params, session.patience())
        .await;
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

async fn mark_object(
    session: &Session,
    lease: &Lease,
    class: &str,
    reference: &str,
) -> Result<(), XapiError> {
    let uuid = session.uuid(class, reference).await?;
    for (key, value) in lease.marks() {
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
pub(super) async fn disks(session: &Session, vm: &str) -> Result<Vec<String>, XapiError> {
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
    origin: Origin,
}

/// What says that something is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Marks,
    /// The name of a copy that is not, or not wholly, marked.
    Name,
    /// The task that has made an unmarked copy.
    Task(String),
}

/// Everything on the host that carries our mark, in whichever way: VMs first, then
/// VDIs.
pub async fn leftovers(session: &Session) -> Result<Vec<Leftover>, XapiError> {
    let made = made_by_tasks(session).await?;
    let mut found = Vec::new();
    for class in ["VM", "VDI"] {
        let records = all_records(session, class).await?;
        for (reference, record) in records.as_object().into_iter().flatten() {
            let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
            let (uuid, name) = (text("uuid"), text("name_label"));
            // What the settings approve was there before us.
            if session.approved().includes(class, &uuid) {
                continue;
            }
            let config = |key: &str| {
                let value = &record["other_config"][key];
                value.as_str().unwrap_or_default().to_owned()
            };
            let is_marked = marks_of(&record["other_config"], &uuid).is_some();
            let (marks, origin) = if let Some(marks) = announced(&name) {
                (marks, Origin::Name)
            } else if is_marked {
                ([OWNER, RUN, EXPIRES].map(config), Origin::Marks)
            } else if let Some((marks, task)) = made.get(reference) {
                (marks.clone(), Origin::Task(task.clone()))
            } else {
                continue;
            };
            let [owner, run, expires] = marks;
            found.push(Leftover {
                class,
                reference: reference.clone(),
                uuid,
                name,
                owner,
                run,
                expired: is_over(&expires),
                // A copy that nobody has marked yet says what its original says.
                image: if is_marked {
                    config(IMAGE)
                } else {
                    String::new()
                },
                origin,
            });
        }
    }
    Ok(found)
}

async fn all_records(session: &Session, class: &str) -> Result<Value, XapiError> {
    let method = format!("{class}.get_all_records");
    session
        .call_within(&method, Vec::new(), session.patience())
        .await
}

/// What tasks with our mark have made, by reference: the marks, and the task.
async fn made_by_tasks(session: &Session) -> Result<HashMap<String, (Marks, String)>, XapiError> {
    let mut made = HashMap::new();
    let tasks = all_records(session, "task").await?;
    for (name, task) in tasks.as_object().into_iter().flatten() {
        let marks = task["other_config"][MAKES].as_str().unwrap_or_default();
        let result = rpc::task_result(task["result"].as_str().unwrap_or_default());
        if let (Ok(marks), Ok(Value::String(reference))) = (serde_json::from_str(marks), result)
            && !is_null(&reference)
        {
            made.insert(reference, (marks, name.clone()));
        }
    }
    Ok(made)
}

/// Remove LEFTOVER as [`remove`] does, when it belongs to the session's owner or its
/// time is over.
pub async fn remove_own(session: &Session, leftover: &Leftover) -> Result<(), XapiError> {
    if leftover.owner != session.lease().owner && !leftover.expired {
        return Err(XapiError::NotApproved {
            method: format!("{}.destroy", leftover.class),
            what: format!(
                "{} `{}`, which belongs to run `{}` of `{}`",
                leftover.class, leftover.uuid, leftover.run, leftover.owner
            ),
            approved: "only what is one's own, or whose time is over, is removed".to_owned(),
        });
    }
    remove(session, leftover).await
}

/// Remove LEFTOVER, whosever it is: somebody has looked at it and agreed. A VM is shut
/// down first, and its disks that carry the same mark go with it. What is gone already
/// is left alone.
pub async fn remove(session: &Session, leftover: &Leftover) -> Result<(), XapiError> {
    let removed = async {
        // Whose run it was does not matter any more.
        session.own("remove", &leftover.reference);
        adopt(session, leftover).await?;
        match leftover.class {
            "VM" => remove_vm(session, leftover).await,
            _ => remove_vdi(session, &leftover.reference).await,
        }
    };
    match removed.await {
        Err(error) if error.code() == Some("HANDLE_INVALID") => Ok(()),
        outcome => outcome,
    }
}

/// Give LEFTOVER the marks that it lacks, so that what has told of them can go.
async fn adopt(session: &Session, leftover: &Leftover) -> Result<(), XapiError> {
    let lease = Lease {
        owner: leftover.owner.clone(),
        run: leftover.run.clone(),
        expires: 0,
    };
    let reference = &leftover.reference;
    match &leftover.origin {
        Origin::Marks => {}
        Origin::Name => mark_with_disks(session, &lease, reference).await?,
        Origin::Task(task) => {
            mark_object(session, &lease, leftover.class, reference).await?;
            let _ = session
                .call_within("task.destroy", vec![json!(task)], session.patience())
                .await;
        }
    }
    Ok(())
}

async fn remove_vm(session: &Session, leftover: &Leftover) -> Result<(), XapiError> {
    let vm = leftover.reference.as_str();
    let uuid = session.uuid("VM", vm).await?;
    vm::shut_down(session, vm, Shutdown::Hard, REMOVAL).await?;
    let disks = disks(session, vm).await?;
    let tried = format!("destroy VM `{uuid}`");
    destroy(session, "VM", vm, &tried).await?;
    for vdi in disks {
        let record = vm::record(session, "VDI", &vdi).await?;
        let config = &record["other_config"];
        // A golden disk outlives the machines that were made from it.
        let uuid = record["uuid"].as_str().unwrap_or_default();
        let is_of_the_vm = marks_of(config, uuid).is_some_and(|marks| {
            (marks.owner, marks.run) == (leftover.owner.clone(), leftover.run.clone())
        });
        if is_of_the_vm && !session.approved().includes("VDI", uuid) && config.get(IMAGE).is_none()
        {
            session.own("remove", &vdi);
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
                clock::sleep(Duration::from_secs(1)).await;
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
        clock::sleep(Duration::from_millis(300)).await;
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
        // Another's may hold something else than it says.
        let is_own = leftover.owner == session.lease().owner;
        if leftover.class != "VDI" || leftover.image != digest || !is_own {
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
    approved::check_object(session, "VDI.add_to_other_config", "VDI", vdi).await?;
    set_entry(session, "VDI", vdi, IMAGE, digest).await
}
