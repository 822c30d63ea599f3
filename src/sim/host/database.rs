//! The tables of the simulated host: objects, who refers to whom, and the
//! generation at which each was last touched, from which events are made.
//!
//! Back references (`VM.VBDs`, `SR.VDIs` …) are kept by the tables themselves,
//! so no call can forget them.

use super::model::{self, Writer};
use super::value::{ApiError, NULL, Val, new_ref, new_uuid};
use std::collections::{BTreeMap, BTreeSet};

pub type Record = BTreeMap<&'static str, Val>;

/// A field of a child that names its parent, and the parent's set of children.
const RELATIONS: [(&str, &str, &str, &str); 20] = [
    ("VBD", "VM", "VM", "VBDs"),
    ("VBD", "VDI", "VDI", "VBDs"),
    ("VIF", "VM", "VM", "VIFs"),
    ("VIF", "network", "network", "VIFs"),
    ("VDI", "SR", "SR", "VDIs"),
    ("VDI", "snapshot_of", "VDI", "snapshots"),
    ("console", "VM", "VM", "consoles"),
    ("VM", "resident_on", "host", "resident_VMs"),
    ("VM", "snapshot_of", "VM", "snapshots"),
    ("VM", "parent", "VM", "children"),
    ("PBD", "SR", "SR", "PBDs"),
    ("PBD", "host", "host", "PBDs"),
    ("PIF", "network", "network", "PIFs"),
    ("PIF", "host", "host", "PIFs"),
    ("host_cpu", "host", "host", "host_CPUs"),
    ("Certificate", "host", "host", "certificates"),
    ("task", "subtask_of", "task", "subtasks"),
    ("VTPM", "VM", "VM", "VTPMs"),
    ("VLAN", "tagged_PIF", "PIF", "VLAN_slave_of"),
    ("crashdump", "VM", "VM", "crash_dumps"),
];

#[derive(Clone, Debug)]
pub struct Object {
    pub record: Record,
    pub created: u64,
    pub modified: u64,
}

#[derive(Debug, Default)]
pub struct Database {
    tables: BTreeMap<&'static str, BTreeMap<String, Object>>,
    deleted: Vec<(u64, &'static str, String)>,
    generation: u64,
    /// What has changed since somebody asked, other than advice.
    touched: BTreeSet<(&'static str, String)>,
}

impl Database {
    /// The number of changes so far; tokens of `event.from` are made of it.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Note that the object of CLASS is to be looked at, as if it had changed.
    pub fn note(&mut self, class: &'static str, reference: &str) {
        self.touched.insert((class, reference.to_owned()));
    }

    /// What has changed since this was last asked.
    pub fn take_touched(&mut self) -> BTreeSet<(&'static str, String)> {
        std::mem::take(&mut self.touched)
    }

    fn step(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// A new object of CLASS with FIELDS and the model's initial values for
    /// the rest. Answers its reference.
    pub fn insert(
        &mut self,
        class: &'static str,
        fields: impl IntoIterator<Item = (&'static str, Val)>,
    ) -> String {
        self.insert_as(class, new_ref(), fields)
    }

    /// The same, with REFERENCE for its reference.
    pub fn insert_as(
        &mut self,
        class: &'static str,
        reference: String,
        fields: impl IntoIterator<Item = (&'static str, Val)>,
    ) -> String {
        let model = model::class(class).expect("the host makes objects of its own classes only");
        let mut record: Record = model
            .fields
            .iter()
            .map(|field| (field.name, field.initial()))
            .collect();
        if record.contains_key("uuid") {
            record.insert("uuid", Val::text(new_uuid()));
        }
        record.extend(fields);
        let generation = self.step();
        let parents: Vec<(&str, &str, &str)> = RELATIONS
            .iter()
            .filter(|(child, ..)| *child == class)
            .map(|(_, field, parent, set)| (*field, *parent, *set))
            .collect();
        let links: Vec<(&str, String, &str)> = parents
            .into_iter()
            .map(|(field, parent, set)| (parent, record[field].as_text().to_owned(), set))
            .collect();
        self.tables.entry(class).or_default().insert(
            reference.clone(),
            Object {
                record,
                created: generation,
                modified: generation,
            },
        );
        for (parent, parent_ref, set) in links {
            self.link(parent, &parent_ref, set, &reference);
        }
        self.touched.insert((class, reference.clone()));
        reference
    }

    /// A new object of CLASS from what a client gave its constructor.
    pub fn construct(&mut self, class: &'static str, given: &Val) -> Result<String, ApiError> {
        let fields = constructor_fields(class, given)?;
        Ok(self.insert(class, fields))
    }

    pub fn get(&self, class: &str, reference: &str) -> Result<&Record, ApiError> {
        self.tables
            .get(class)
            .and_then(|table| table.get(reference))
            .map(|object| &object.record)
            .ok_or_else(|| ApiError::handle_invalid(class, reference))
    }

    pub fn exists(&self, class: &str, reference: &str) -> bool {
        self.get(class, reference).is_ok()
    }

    /// FIELD of the object, or nothing's value when there is no such object.
    pub fn field(&self, class: &str, reference: &str, field: &str) -> Val {
        self.get(class, reference)
            .ok()
            .and_then(|record| record.get(field).cloned())
            .unwrap_or(Val::Nil)
    }

    pub fn text(&self, class: &str, reference: &str, field: &str) -> String {
        self.field(class, reference, field).as_text().to_owned()
    }

    /// The references in a set field.
    pub fn refs(&self, class: &str, reference: &str, field: &str) -> Vec<String> {
        self.field(class, reference, field)
            .items()
            .iter()
            .map(|item| item.as_text().to_owned())
            .collect()
    }

    pub fn by_uuid(&self, class: &str, uuid: &str) -> Result<String, ApiError> {
        self.all(class)
            .find(|(_, object)| {
                object
                    .record
                    .get("uuid")
                    .is_some_and(|it| it.as_text() == uuid)
            })
            .map(|(reference, _)| reference.clone())
            .ok_or_else(|| ApiError::new("UUID_INVALID", [class, uuid]))
    }

    /// Every object of CLASS.
    pub fn all(&self, class: &str) -> impl Iterator<Item = (&String, &Object)> {
        self.tables.get(class).into_iter().flatten()
    }

    /// Put VALUE into a field; nothing happens when the object is gone.
    pub fn set(&mut self, class: &str, reference: &str, field: &'static str, value: Val) {
        let generation = self.generation + 1;
        let Some(object) = self
            .tables
            .get_mut(class)
            .and_then(|table| table.get_mut(reference))
        else {
            return;
        };
        let old = object.record.insert(field, value.clone());
        if old.as_ref() == Some(&value) {
            return;
        }
        object.modified = generation;
        self.generation = generation;
        if field != "allowed_operations"
            && let Some((class, _)) = self.tables.get_key_value(class)
        {
            self.touched.insert((class, reference.to_owned()));
        }
        let relation = RELATIONS
            .iter()
            .find(|(child, name, ..)| *child == class && *name == field);
        if let Some((_, _, parent, set)) = relation {
            let old = old.as_ref().map_or("", Val::as_text).to_owned();
            self.unlink(parent, &old, set, reference);
            self.link(parent, value.as_text(), set, reference);
        }
    }

    /// Change a field in place.
    pub fn update(
        &mut self,
        class: &str,
        reference: &str,
        field: &'static str,
        change: impl FnOnce(&mut Val),
    ) {
        if let Ok(record) = self.get(class, reference) {
            let mut value = record.get(field).cloned().unwrap_or(Val::Nil);
            change(&mut value);
            self.set(class, reference, field, value);
        }
    }

    /// Mark the object as changed, as `event.inject` does.
    pub fn touch(&mut self, class: &str, reference: &str) -> Result<(), ApiError> {
        let generation = self.generation + 1;
        let object = self
            .tables
            .get_mut(class)
            .and_then(|table| table.get_mut(reference))
            .ok_or_else(|| ApiError::handle_invalid(class, reference))?;
        object.modified = generation;
        self.generation = generation;
        Ok(())
    }

    pub fn delete(&mut self, class: &str, reference: &str) {
        let Some((class, table)) = self
            .tables
            .iter_mut()
            .find(|(name, _)| **name == class)
            .map(|(name, table)| (*name, table))
        else {
            return;
        };
        let Some(object) = table.remove(reference) else {
            return;
        };
        let generation = self.step();
        self.deleted.push((generation, class, reference.to_owned()));
        for (_, field, parent, set) in RELATIONS.iter().filter(|(child, ..)| *child == class) {
            let parent_ref = object.record[field].as_text().to_owned();
            self.unlink(parent, &parent_ref, set, reference);
        }
    }

    /// What was deleted after generation SINCE.
    pub fn deleted_since(&self, since: u64) -> impl Iterator<Item = &(u64, &'static str, String)> {
        self.deleted
            .iter()
            .filter(move |(generation, ..)| *generation > since)
    }

    fn link(&mut self, class: &str, reference: &str, set: &'static str, child: &str) {
        self.update(class, reference, set, |children| {
            if let Val::Set(items) = children {
                items.push(Val::text(child));
            }
        });
    }

    fn unlink(&mut self, class: &str, reference: &str, set: &'static str, child: &str) {
        self.update(class, reference, set, |children| {
            if let Val::Set(items) = children {
                items.retain(|item| item.as_text() != child);
            }
        });
    }
}

/// The fields of a constructor's struct, each of its type: those with a
/// default may be missing, unknown ones are ignored.
fn constructor_fields(
    class: &'static str,
    given: &Val,
) -> Result<Vec<(&'static str, Val)>, ApiError> {
    let model = model::class(class).expect("the host constructs its own classes only");
    let mut fields = Vec::new();
    for field in model
        .fields
        .iter()
        .filter(|field| field.writer != Writer::Host)
    {
        match given.get(field.name) {
            Some(value) => fields.push((field.name, field.kind.coerce(value.clone())?)),
            None if field.default.is_some() => {}
            None => {
                return Err(ApiError::internal(format!(
                    "Server_helpers.Dispatcher_FieldNotFound(\"{}\")",
                    field.name
                )));
            }
        }
    }
    Ok(fields)
}

/// A record as a value of the wire.
pub fn record_value(record: &Record) -> Val {
    Val::map_of(record.iter().map(|(name, value)| (*name, value.clone())))
}

/// Whether a reference points at nothing.
pub fn is_null(reference: &str) -> bool {
    reference.is_empty() || reference == NULL
}
