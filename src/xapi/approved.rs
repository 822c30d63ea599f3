//! What may be changed: the VMs and VDIs that the settings approve, and what
//! we have created ourselves.
//!
//! Whatever a script calls, [`check`] looks at it first; [`super::messages`] says of
//! every message what it may change. Reading is free. A change must name approved
//! objects, or ours: those this session has made, and those that carry the mark of
//! this run in `other_config`, or of an earlier one of the same owner whose time is
//! over. Anything else, such as a reboot of the host or a message that nobody knows,
//! is refused. The refusal comes before anything is sent.
//!
//! A VM that is approved is approved with what it has: starting it writes to the
//! disks that somebody has attached to it.

use super::error::XapiError;
use super::lease;
use super::lock;
use super::messages::{self, Effect};
use super::rpc::is_null;
use super::session::Session;
use serde_json::Value;

/// The mode of a VBD through which nothing is written; hosts take other spellings of
/// the other one.
const READ_ONLY: &str = "RO";

/// UUIDs of what the settings approve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approved {
    pub vms: Vec<String>,
    pub vdis: Vec<String>,
}

impl Approved {
    fn list(&self, class: &str) -> &[String] {
        if class == "VM" { &self.vms } else { &self.vdis }
    }

    /// Whether the settings approve changes to the object of CLASS with this UUID.
    pub fn includes(&self, class: &str, uuid: &str) -> bool {
        self.list(class)
            .iter()
            .any(|approved| approved.eq_ignore_ascii_case(uuid))
    }

    fn describe(&self, class: &str) -> String {
        match self.list(class) {
            [] => format!("approved {class}s: none"),
            list => format!("approved {class}s: {}", list.join(", ")),
        }
    }
}

/// METHOD without `Async.`, as class and name.
fn split(method: &str) -> Option<(&str, &str)> {
    method
        .strip_prefix("Async.")
        .unwrap_or(method)
        .split_once('.')
}

/// Whether METHOD may be sent again when nobody knows if it has arrived.
pub fn is_repeatable(method: &str) -> bool {
    match split(method) {
        Some(("system", _)) => true,
        Some(("event", name)) => name == "from" || name == "get_current_id",
        Some((_, name)) => !method.starts_with("Async.") && name.starts_with("get_"),
        None => false,
    }
}

/// Whether METHOD changes a VM, a VDI, or what belongs to one.
pub fn changes(method: &str) -> bool {
    let effects = split(method).and_then(|(class, name)| messages::effects(class, name));
    effects.is_some_and(|effects| {
        effects
            .iter()
            .all(|effect| !matches!(effect, Effect::Reads | Effect::Refused | Effect::Task(_)))
    })
}

/// Whether METHOD is a message that changes nothing.
pub fn is_reading(method: &str) -> bool {
    split(method)
        .and_then(|(class, name)| messages::effects(class, name))
        .is_some_and(|effects| effects == [Effect::Reads])
}

/// Whether METHOD with PARAMS answers the reference of an object that it has made. A
/// disk that was there, into which another is copied, is none.
pub fn creates(method: &str, params: &[Value]) -> bool {
    let into = params.get(3).and_then(Value::as_str);
    let is_there = method == "VDI.copy" && into.is_some_and(|into| !is_null(into));
    makes(method) && !is_there
}

fn makes(method: &str) -> bool {
    matches!(
        (split(method), method.starts_with("Async.")),
        (
            Some(
                (
                    "VM",
                    "create" | "clone" | "copy" | "snapshot" | "checkpoint"
                ) | ("VDI", "create" | "clone" | "copy" | "snapshot")
                    | ("VBD" | "VIF" | "task", "create")
            ),
            false
        )
    )
}

/// Whether METHOD answers the reference of a copy, which takes no marks of its own
/// when it is made.
pub fn copies(method: &str) -> bool {
    makes(method) && !method.ends_with(".create")
}

/// Let METHOD with PARAMS pass, or say why not. A record from which an object
/// is made gets our mark.
pub async fn check(session: &Session, method: &str, params: &mut [Value]) -> Result<(), XapiError> {
    let Some((class, name)) = split(method) else {
        return Err(XapiError::Settings {
            message: format!("`{method}` does not name a method of XAPI"),
            hint: "write the class and the method, such as `VM.start`".to_owned(),
        });
    };
    // What a server says of its own messages is in no class.
    if class == "system" {
        return Ok(());
    }
    let Some(effects) = messages::effects(class, name) else {
        return Err(XapiError::UnknownMessage {
            method: method.to_owned(),
        });
    };
    for effect in effects {
        if *effect == Effect::Marks
            && let Some(Value::Object(record)) = params.first_mut()
        {
            session.lease().mark(record);
        }
        let call = Call {
            session,
            method,
            params: &*params,
        };
        call.check(*effect).await?;
    }
    Ok(())
}

/// A call that is looked at before it is sent.
struct Call<'a> {
    session: &'a Session,
    method: &'a str,
    params: &'a [Value],
}

impl Call<'_> {
    /// Whether EFFECT is one that the settings approve.
    async fn check(&self, effect: Effect) -> Result<(), XapiError> {
        let (session, method) = (self.session, self.method);
        match effect {
            Effect::Reads | Effect::Marks => Ok(()),
            Effect::Refused => Err(self.refused(
                format!(
                    "what the class {} stands for on the host",
                    split(method).map_or(method, |(class, _)| class)
                ),
                "only VMs and VDIs can be approved",
            )),
            Effect::Task(at) => {
                let task = self.text(at);
                if session.has_task(task) || session.has_created(task) {
                    return Ok(());
                }
                Err(self.refused(
                    "the task of somebody else".to_owned(),
                    "only tasks of this session can be changed",
                ))
            }
            Effect::Vm(at) => self.changes("VM", self.text(at)).await,
            Effect::Vdi(at) => self.changes("VDI", self.text(at)).await,
            Effect::IntoVdi(at) if is_null(self.text(at)) => Ok(()),
            Effect::IntoVdi(at) => self.changes("VDI", self.text(at)).await,
            Effect::CopiedVm(at) => {
                check_use(session, method, "VM", self.text(at), Use::Copies).await
            }
            Effect::CopiedVdi(at) => {
                check_use(session, method, "VDI", self.text(at), Use::Copies).await
            }
            Effect::Device(class, at) => self.device(class, self.text(at)).await,
            Effect::Disks(at) => {
                for vdi in lease::disks(session, self.text(at)).await? {
                    self.changes("VDI", &vdi).await?;
                }
                Ok(())
            }
            Effect::MemberVm => self.changes("VM", self.member("VM")).await,
            Effect::NewVm => {
                self.devices(self.params.first().map(|record| &record["other_config"]))?;
                match self.member("suspend_VDI") {
                    none if is_null(none) => Ok(()),
                    image => self.changes("VDI", image).await,
                }
            }
            Effect::AttachedVbd => {
                self.changes("VM", self.member("VM")).await?;
                match self.member("VDI") {
                    vdi if is_null(vdi) || self.member("mode") == READ_ONLY => Ok(()),
                    vdi => self.changes("VDI", vdi).await,
                }
            }
            Effect::OpenedVbd(at) => {
                let vbd = self.text(at);
                self.device("VBD", vbd).await?;
                if self.text(at + 1) == READ_ONLY {
                    return Ok(());
                }
                match text_field(session, "VBD", vbd, "VDI").await? {
                    vdi if is_null(&vdi) => Ok(()),
                    vdi => self.changes("VDI", &vdi).await,
                }
            }
            Effect::InsertedVbd(at) => {
                let vbd = self.text(at);
                self.device("VBD", vbd).await?;
                if text_field(session, "VBD", vbd, "mode").await? == READ_ONLY {
                    return Ok(());
                }
                self.changes("VDI", self.text(at + 1)).await
            }
            Effect::RevertedVm(at) => self.reverts(self.text(at)).await,
            Effect::RevertedVdi(at) => {
                let snapshot = self.text(at);
                self.changes("VDI", snapshot).await?;
                match text_field(session, "VDI", snapshot, "snapshot_of").await? {
                    none if is_null(&none) => Ok(()),
                    origin => self.changes("VDI", &origin).await,
                }
            }
            Effect::Devices(at) => self.devices(self.params.get(at)),
        }
    }

    fn text(&self, at: usize) -> &str {
        let text = self.params.get(at).and_then(Value::as_str);
        text.unwrap_or_default()
    }

    /// The member NAME of the record in the first parameter.
    fn member(&self, name: &str) -> &str {
        let record = self.params.first().and_then(|record| record.get(name));
        record.and_then(Value::as_str).unwrap_or_default()
    }

    fn refused(&self, what: String, approved: &str) -> XapiError {
        XapiError::NotApproved {
            method: self.method.to_owned(),
            what,
            approved: approved.to_owned(),
        }
    }

    async fn changes(&self, class: &'static str, reference: &str) -> Result<(), XapiError> {
        check_use(self.session, self.method, class, reference, Use::Changes).await
    }

    async fn device(&self, class: &str, reference: &str) -> Result<(), XapiError> {
        let vm = text_field(self.session, class, reference, "VM").await?;
        self.changes("VM", &vm).await
    }

    /// Going back to SNAPSHOT destroys the disks that it holds snapshots of.
    async fn reverts(&self, snapshot: &str) -> Result<(), XapiError> {
        self.changes("VM", snapshot).await?;
        let origin = text_field(self.session, "VM", snapshot, "snapshot_of").await?;
        // The host has a word for this.
        if is_null(&origin) {
            return Ok(());
        }
        self.changes("VM", &origin).await?;
        let mut replaced = Vec::new();
        for vdi in lease::disks(self.session, snapshot).await? {
            replaced.push(text_field(self.session, "VDI", &vdi, "snapshot_of").await?);
        }
        for vdi in lease::disks(self.session, &origin).await? {
            if replaced.contains(&vdi) {
                self.changes("VDI", &vdi).await?;
            }
        }
        Ok(())
    }

    /// Whether CONFIG, an `other_config` or a key of it, gives a VM a device of the
    /// machine that it runs on, such as the controller of somebody's disks.
    fn devices(&self, config: Option<&Value>) -> Result<(), XapiError> {
        const KEY: &str = "pci";
        let gives = match config {
            Some(Value::Object(entries)) => entries.contains_key(KEY),
            Some(Value::String(key)) => key == KEY,
            _ => false,
        };
        if !gives {
            return Ok(());
        }
        Err(self.refused(
            "which PCI devices of the host a VM gets".to_owned(),
            "only VMs and VDIs can be approved",
        ))
    }
}

async fn field(
    session: &Session,
    class: &str,
    reference: &str,
    name: &str,
) -> Result<Value, XapiError> {
    session
        .call_within(
            &format!("{class}.get_{name}"),
            vec![Value::from(reference)],
            session.patience(),
        )
        .await
}

async fn text_field(
    session: &Session,
    class: &str,
    reference: &str,
    name: &str,
) -> Result<String, XapiError> {
    let value = field(session, class, reference, name).await?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

/// What a call does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Changes,
    /// Only its copy is changed: a template will do, and what another run of the
    /// same owner has made.
    Copies,
}

/// Whether the object of CLASS that REFERENCE points at may be changed. What the
/// settings approve is locked from now on.
pub async fn check_object(
    session: &Session,
    method: &str,
    class: &'static str,
    reference: &str,
) -> Result<(), XapiError> {
    check_use(session, method, class, reference, Use::Changes).await
}

/// Whether METHOD may use the object of CLASS that REFERENCE points at in this way.
pub async fn check_use(
    session: &Session,
    method: &str,
    class: &'static str,
    reference: &str,
    wanted: Use,
) -> Result<(), XapiError> {
    let approved = session.approved();
    if session.has_created(reference) {
        return Ok(());
    }
    let uuid = session.uuid(class, reference).await?;
    if approved.includes(class, &uuid) {
        // What is only copied stays as it is.
        return match wanted {
            Use::Copies => Ok(()),
            Use::Changes => lock::ensure(session, class, reference, &uuid).await,
        };
    }
    let config = field(session, class, reference, "other_config").await?;
    let marks = lease::marks_of(&config, &uuid);
    if let Some(marks) = &marks
        && (session.lease().covers(marks)
            || (wanted == Use::Copies && session.lease().owner == marks.owner))
    {
        return Ok(());
    }
    // A snapshot belongs to what it is a snapshot of.
    let origin = text_field(session, class, reference, "snapshot_of").await?;
    if !is_null(&origin) {
        let origin_uuid = session.uuid(class, &origin).await?;
        if session.has_created(&origin) {
            return Ok(());
        }
        if approved.includes(class, &origin_uuid) {
            return lock::ensure(session, class, &origin, &origin_uuid).await;
        }
    }
    if wanted == Use::Copies
        && class == "VM"
        && field(session, class, reference, "is_a_template").await? == Value::Bool(true)
    {
        return Ok(());
    }
    Err(XapiError::NotApproved {
        method: method.to_owned(),
        what: match marks {
            Some(marks) => format!("{class} `{uuid}`, which belongs to {marks}"),
            None => format!("{class} `{uuid}`"),
        },
        approved: approved.describe(class),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reading_is_repeated() {
        for method in ["VM.get_record", "event.from", "system.listMethods"] {
            assert!(is_repeatable(method), "{method}");
        }
        for method in [
            "VM.start",
            "Async.VM.start",
            "session.login_with_password",
            "task.create",
        ] {
            assert!(!is_repeatable(method), "{method}");
        }
    }
}
