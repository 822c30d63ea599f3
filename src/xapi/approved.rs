//! What may be changed: the VMs and VDIs that the settings approve, and what
//! we have created ourselves.
//!
//! Whatever a script calls, [`check`] looks at it first. Reading is free. A
//! change must name approved objects, or ours: those this session has made,
//! and those that carry our mark in `other_config`. Anything else, such as a
//! reboot of the host, is refused. The refusal comes before anything is sent.

use super::error::XapiError;
use super::lease;
use super::lock;
use super::rpc::is_null;
use super::session::Session;
use serde_json::Value;

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

/// An object that a call would change.
#[derive(Clone, Debug, PartialEq)]
enum Target {
    Vm(String),
    Vdi(String),
    /// A VM that is only copied: a template will do.
    Source(String),
    /// A VBD or VIF: what it connects is changed.
    Device(&'static str, String),
}

/// What a call does, as far as it concerns what is approved.
#[derive(Debug, PartialEq)]
enum Effect {
    Reads,
    Changes(Vec<Target>),
    /// Makes an object from the record in the first parameter.
    Creates(Vec<Target>),
    /// Concerns a task, which must be one of ours.
    Task(String),
    /// Would change something that the settings cannot approve.
    Foreign,
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

/// Whether METHOD with PARAMS changes a VM, a VDI, or what belongs to one.
pub fn changes(method: &str, params: &[Value]) -> bool {
    split(method).is_some_and(|(class, name)| {
        matches!(
            effect(class, name, params),
            Effect::Changes(_) | Effect::Creates(_)
        )
    })
}

/// Whether METHOD answers the reference of an object that it has made.
pub fn creates(method: &str) -> bool {
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
    creates(method) && !method.ends_with(".create")
}

fn effect(class: &str, name: &str, params: &[Value]) -> Effect {
    let text = |index: usize| {
        params
            .get(index)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let member = |name: &str| {
        params
            .first()
            .and_then(|record| record.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if name.starts_with("get_") || name.starts_with("assert_") || class == "system" {
        return Effect::Reads;
    }
    match (class, name) {
        ("event", "from") | ("task", "create") => Effect::Reads,
        ("task", _) => Effect::Task(text(0)),
        ("VM", "create") => Effect::Creates(Vec::new()),
        ("VM", "clone" | "copy") => Effect::Changes(vec![Target::Source(text(0))]),
        ("VM", "import" | "import_convert") => Effect::Foreign,
        ("VM", _) => Effect::Changes(vec![Target::Vm(text(0))]),
        ("VDI", "create") => Effect::Creates(Vec::new()),
        ("VDI", "introduce") => Effect::Foreign,
        // The source is read; what is written is new, or the fourth parameter.
        ("VDI", "copy") => Effect::Changes(
            Some(text(3))
                .filter(|into| !is_null(into))
                .map(Target::Vdi)
                .into_iter()
                .collect(),
        ),
        ("VDI", _) => Effect::Changes(vec![Target::Vdi(text(0))]),
        ("VBD", "create") => {
            let mut targets = vec![Target::Vm(member("VM"))];
            let vdi = member("VDI");
            if !is_null(&vdi) && member("mode") != "RO" {
                targets.push(Target::Vdi(vdi));
            }
            Effect::Creates(targets)
        }
        ("VBD", "insert") => {
            Effect::Changes(vec![Target::Device("VBD", text(0)), Target::Vdi(text(1))])
        }
        ("VBD", _) => Effect::Changes(vec![Target::Device("VBD", text(0))]),
        ("VIF", "create") => Effect::Creates(vec![Target::Vm(member("VM"))]),
        ("VIF", _) => Effect::Changes(vec![Target::Device("VIF", text(0))]),
        _ => Effect::Foreign,
    }
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
    let refused = |what: String, approved: String| XapiError::NotApproved {
        method: method.to_owned(),
        what,
        approved,
    };
    let targets = match effect(class, name, params) {
        Effect::Reads => return Ok(()),
        Effect::Foreign => {
            return Err(refused(
                format!("the host or its objects of class {class}"),
                "only VMs and VDIs can be approved".to_owned(),
            ));
        }
        Effect::Task(task) if session.has_task(&task) || session.has_created(&task) => {
            return Ok(());
        }
        Effect::Task(_) => {
            return Err(refused(
                "the task of somebody else".to_owned(),
                "only tasks of this session can be changed".to_owned(),
            ));
        }
        Effect::Changes(targets) => targets,
        Effect::Creates(targets) => {
            if let Some(Value::Object(record)) = params.first_mut() {
                session.lease().mark(record);
            }
            targets
        }
    };
    for target in targets {
        match target {
            Target::Vm(reference) => {
                check_object(session, method, "VM", &reference, false).await?;
            }
            Target::Source(reference) => {
                check_object(session, method, "VM", &reference, true).await?;
            }
            Target::Vdi(reference) => {
                check_object(session, method, "VDI", &reference, false).await?;
            }
            Target::Device(class, reference) => {
                let vm = text_field(session, class, &reference, "VM").await?;
                check_object(session, method, "VM", &vm, false).await?;
            }
        }
    }
    Ok(())
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

/// Whether the object of CLASS that REFERENCE points at may be changed. What the
/// settings approve is locked from now on.
pub async fn check_object(
    session: &Session,
    method: &str,
    class: &'static str,
    reference: &str,
    template_will_do: bool,
) -> Result<(), XapiError> {
    let approved = session.approved();
    if session.has_created(reference) {
        return Ok(());
    }
    let uuid = session.uuid(class, reference).await?;
    if approved.includes(class, &uuid) {
        // What is only copied stays as it is.
        return match template_will_do {
            true => Ok(()),
            false => lock::ensure(session, class, reference, &uuid).await,
        };
    }
    let config = field(session, class, reference, "other_config").await?;
    if lease::is_ours(&config, &uuid) {
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
    if template_will_do
        && field(session, class, reference, "is_a_template").await? == Value::Bool(true)
    {
        return Ok(());
    }
    Err(XapiError::NotApproved {
        method: method.to_owned(),
        what: format!("{class} `{uuid}`"),
        approved: approved.describe(class),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_change_names_what_it_changes() {
        let vm = || Target::Vm("v".to_owned());
        let vdi = || Target::Vdi("d".to_owned());
        let cases = [
            (
                "VM",
                "start",
                json!(["v", false, false]),
                Effect::Changes(vec![vm()]),
            ),
            ("VM", "get_record", json!(["v"]), Effect::Reads),
            ("VM", "destroy", json!(["v"]), Effect::Changes(vec![vm()])),
            (
                "VM",
                "clone",
                json!(["v", "name"]),
                Effect::Changes(vec![Target::Source("v".to_owned())]),
            ),
            (
                "VDI",
                "copy",
                json!(["s", "sr", "OpaqueRef:NULL", "d"]),
                Effect::Changes(vec![vdi()]),
            ),
            ("VDI", "copy", json!(["s", "sr"]), Effect::Changes(vec![])),
            ("VDI", "destroy", json!(["d"]), Effect::Changes(vec![vdi()])),
            (
                "VBD",
                "create",
                json!([{"VM": "v", "VDI": "d", "mode": "RW"}]),
                Effect::Creates(vec![vm(), vdi()]),
            ),
            (
                "VBD",
                "create",
                json!([{"VM": "v", "VDI": "d", "mode": "RO"}]),
                Effect::Creates(vec![vm()]),
            ),
            ("host", "reboot", json!(["h"]), Effect::Foreign),
            ("SR", "destroy", json!(["s"]), Effect::Foreign),
            ("pool", "eject", json!(["h"]), Effect::Foreign),
            ("session", "logout", json!([]), Effect::Foreign),
            ("task", "cancel", json!(["t"]), Effect::Task("t".to_owned())),
            ("event", "from", json!([[], "", 1.0]), Effect::Reads),
        ];
        for (class, name, params, expected) in cases {
            let params = params.as_array().unwrap().clone();
            assert_eq!(effect(class, name, &params), expected, "{class}.{name}");
        }
    }

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
