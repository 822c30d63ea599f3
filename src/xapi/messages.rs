//! What every message of XAPI's datamodel may change, read from `messages.txt`.
//!
//! The file has a paragraph a class and in it a line an effect, with the messages
//! that have it; a message is refused unless it stands there with another effect
//! than `refused`. A number is that of the parameter, after the session, through
//! which the message reaches what it changes.
//!
//! | effect | what may change |
//! |---|---|
//! | `reads` | nothing |
//! | `refused` | what nobody can approve: hosts, networks, repositories, … |
//! | `VM:0`, `VDI:1` | this object |
//! | `VBD:0`, `VIF:0`, `VTPM:0`, `VGPU:0` | the VM that this device belongs to |
//! | `disks:0` | every disk of this VM |
//! | `task:0` | this task, which must be ours |
//! | `copied-VM:0`, `copied-VDI:0` | nothing of this object: its copy is new |
//! | `into-VDI:3` | this VDI, unless it is null |
//! | `marks` | nothing: what is made from the record in parameter 0 is new |
//! | `new-VM` | what the record of a VM brings with it: its suspend image, devices |
//! | `member-VM` | the VM that the record in parameter 0 names |
//! | `attached-VBD` | the VM of that record, and its VDI unless it is attached read-only |
//! | `opened-VBD:0` | the VM of the VBD, and its VDI when the mode is to be anything but `RO` |
//! | `inserted-VBD:0` | the VM of the VBD, and the VDI in parameter 1 unless the VBD is read-only |
//! | `reverted-VM:0` | the VM that this is a snapshot of, and the disks that the snapshot replaces |
//! | `reverted-VDI:0` | the VDI that this is a snapshot of |
//! | `devices:1` | the machine that a VM runs on, when it is given one of its PCI devices |
//!
//! Source: the published XenAPI datamodel, whose messages are all here; a test holds
//! the file against it.

use std::collections::HashMap;
use std::sync::OnceLock;

/// What a message may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Reads,
    Refused,
    Vm(usize),
    Vdi(usize),
    /// A device of this class.
    Device(&'static str, usize),
    Disks(usize),
    Task(usize),
    CopiedVm(usize),
    CopiedVdi(usize),
    IntoVdi(usize),
    Marks,
    NewVm,
    MemberVm,
    AttachedVbd,
    OpenedVbd(usize),
    InsertedVbd(usize),
    RevertedVm(usize),
    RevertedVdi(usize),
    Devices(usize),
}

impl Effect {
    /// The effect that WORD names; `None` when nothing is called so.
    fn named(word: &'static str) -> Option<Effect> {
        let (name, number) = match word.split_once(':') {
            Some((name, number)) => (name, number.parse().ok()?),
            None => (word, 0),
        };
        Some(match name {
            "reads" => Effect::Reads,
            "refused" => Effect::Refused,
            "VM" => Effect::Vm(number),
            "VDI" => Effect::Vdi(number),
            "VBD" | "VIF" | "VTPM" | "VGPU" => Effect::Device(name, number),
            "disks" => Effect::Disks(number),
            "task" => Effect::Task(number),
            "copied-VM" => Effect::CopiedVm(number),
            "copied-VDI" => Effect::CopiedVdi(number),
            "into-VDI" => Effect::IntoVdi(number),
            "marks" => Effect::Marks,
            "new-VM" => Effect::NewVm,
            "member-VM" => Effect::MemberVm,
            "attached-VBD" => Effect::AttachedVbd,
            "opened-VBD" => Effect::OpenedVbd(number),
            "inserted-VBD" => Effect::InsertedVbd(number),
            "reverted-VM" => Effect::RevertedVm(number),
            "reverted-VDI" => Effect::RevertedVdi(number),
            "devices" => Effect::Devices(number),
            _ => return None,
        })
    }
}

type Table = HashMap<&'static str, HashMap<&'static str, Vec<Effect>>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Table::new();
        let mut class = "";
        let mut effects: Vec<Effect> = Vec::new();
        for line in include_str!("messages.txt").lines() {
            if let Some(name) = line.strip_prefix("class ") {
                class = name;
                continue;
            }
            for word in line.split_whitespace() {
                match word.strip_suffix(':') {
                    Some(names) => {
                        effects = names
                            .split(',')
                            .map(|name| {
                                Effect::named(name).expect("messages.txt names known effects")
                            })
                            .collect();
                    }
                    None => {
                        table
                            .entry(class)
                            .or_default()
                            .insert(word, effects.clone());
                    }
                }
            }
        }
        table
    })
}

/// What the message NAME of CLASS may change; `None` when the datamodel has no such
/// message.
pub fn effects(class: &str, name: &str) -> Option<&'static [Effect]> {
    // Hosts have it for every class that they list; the datamodel does not publish it.
    let name = match name {
        "get_all_records_where" => "get_all_records",
        name => name,
    };
    table().get(class)?.get(name).map(Vec::as_slice)
}

/// Every message, as class and name.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    table()
        .iter()
        .flat_map(|(class, messages)| messages.keys().map(|name| (*class, *name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_datamodel_has_an_effect() {
        assert_eq!(all().count(), 2007);
        for (class, name) in all() {
            assert!(!effects(class, name).unwrap().is_empty(), "{class}.{name}");
        }
        // `FRUIX_XENAPI_JSON` names a copy of the published datamodel.
        let Some(path) = std::env::var_os("FRUIX_XENAPI_JSON") else {
            println!("skipped: FRUIX_XENAPI_JSON does not name the published datamodel");
            return;
        };
        let text = std::fs::read(path).expect("the datamodel can be read");
        let datamodel: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        let mut count = 0;
        for class in datamodel.as_array().unwrap() {
            for message in class["messages"].as_array().unwrap() {
                let names = [&class["name"], &message["name"]].map(|it| it.as_str().unwrap());
                let effects = effects(names[0], names[1]);
                count += 1;
                let parameters: Vec<&str> = message["params"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|it| it["name"] != "session_id")
                    .map(|it| it["type"].as_str().unwrap())
                    .collect();
                for effect in effects.unwrap_or_else(|| panic!("{names:?} is missing")) {
                    // What the effect says of a parameter, the datamodel says too.
                    let (number, kind) = match effect {
                        Effect::Vm(number)
                        | Effect::Disks(number)
                        | Effect::CopiedVm(number)
                        | Effect::RevertedVm(number) => (*number, "VM ref".to_owned()),
                        Effect::Vdi(number)
                        | Effect::CopiedVdi(number)
                        | Effect::IntoVdi(number)
                        | Effect::RevertedVdi(number) => (*number, "VDI ref".to_owned()),
                        Effect::Device(class, number) => (*number, format!("{class} ref")),
                        Effect::OpenedVbd(number) | Effect::InsertedVbd(number) => {
                            (*number, "VBD ref".to_owned())
                        }
                        Effect::Task(number) => (*number, "task ref".to_owned()),
                        Effect::Marks => (0, format!("{} record", names[0])),
                        _ => continue,
                    };
                    assert_eq!(parameters[number], kind, "{names:?}");
                }
                // No reference of a VM or VDI is overlooked, unless nothing changes.
                let reaches = |number: usize| {
                    effects.unwrap().iter().any(|effect| match effect {
                        Effect::Reads | Effect::Refused => true,
                        Effect::Vm(at) | Effect::Vdi(at) | Effect::IntoVdi(at) => *at == number,
                        Effect::CopiedVm(at) | Effect::CopiedVdi(at) => *at == number,
                        Effect::RevertedVm(at) | Effect::RevertedVdi(at) => *at == number,
                        Effect::InsertedVbd(at) => at + 1 == number,
                        _ => false,
                    })
                };
                for (number, kind) in parameters.iter().enumerate() {
                    // Source and base of a copy are read, and so is what a snapshot leaves out.
                    let is_read = matches!(
                        (names, number),
                        (["VDI", "copy"], 0 | 2)
                            | (["VM", "snapshot"], 2)
                            | (["VM", "migrate_send"], _)
                    );
                    if kind.contains("VM ref") || kind.contains("VDI ref") {
                        assert!(is_read || reaches(number), "{names:?}, parameter {number}");
                    }
                }
            }
        }
        assert_eq!(count, 2007);
    }
}
