//! Guile's hash tables.
//!
//! A table is a Steel struct of two fields. The first is ours: an index from
//! hashes to entry numbers, which holds no Scheme values. The second is a
//! Steel vector, so that the collector sees what is in the table; its elements
//! are the handles, pairs of key and value, in the order of their insertion.
//! Setting a key that is there changes its handle; hash tables of a million
//! entries cost what a vector does.
//!
//! Source: GNU Guile reference manual, "Hash Tables".

use crate::data::args::{boolean, integer, size, unspecified};
use crate::data::identity::is_eq;
use crate::data::native::{Machine, Outcome, Raise};
use crate::data::pairs::{self, cons};
use crate::data::value::Value;
use crate::data::{errors, memory, records};
use crate::library::equality::{self, hash_eq, hash_equal, hash_eqv, is_equal, is_eqv};
use crate::natives;
use steel::gc::{Gc, ShareableMut};
use steel::rvals::{Custom, IntoSteelVal, as_underlying_type, as_underlying_type_mut};

const EMPTY: u32 = u32::MAX;
const DELETED: u32 = u32::MAX - 1;

/// The place of an entry, and the hash of its key beside it, so that looking for a
/// key touches the memory of no other entry.
#[derive(Clone, Copy)]
struct Slot {
    entry: u32,
    hash: u32,
}

const FREE: Slot = Slot {
    entry: EMPTY,
    hash: 0,
};

/// Where the entries are, by hash.
struct Index {
    /// A power of two of them.
    slots: Vec<Slot>,
    live: usize,
    /// Slots that are not `EMPTY`.
    used: usize,
    weak: bool,
    /// How many entries it was made for, which Guile's count of buckets tells.
    expected: usize,
}

impl Custom for Index {
    fn fmt(&self) -> Option<Result<String, std::fmt::Error>> {
        Some(Ok("hash-table".to_owned()))
    }
}

impl Index {
    fn with_room(entries: usize) -> Index {
        let slots = (entries.max(4) * 2).next_power_of_two();
        Index {
            slots: vec![FREE; slots],
            live: 0,
            used: 0,
            weak: false,
            expected: 0,
        }
    }

    /// The index without its entries, with room for so many.
    fn emptied(&self, entries: usize) -> Index {
        Index {
            weak: self.weak,
            expected: self.expected,
            ..Index::with_room(entries)
        }
    }

    /// The slot of the entry for which IS_IT holds.
    #[inline]
    fn find(&self, hash: u32, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots[place];
            match slot.entry {
                EMPTY => return None,
                DELETED => {}
                entry if slot.hash == hash && is_it(entry as usize) => return Some(place),
                _ => {}
            }
            place = (place + 1) & mask;
        }
    }

    /// Note that ENTRY, a new one, has HASH.
    fn insert(&mut self, hash: u32, entry: usize) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.rebuild();
        }
        let entry = entry as u32;
        self.place(Slot { entry, hash });
        self.live += 1;
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut place = slot.hash as usize & mask;
        while self.slots[place].entry < DELETED {
            place = (place + 1) & mask;
        }
        if self.slots[place].entry == EMPTY {
            self.used += 1;
        }
        self.slots[place] = slot;
    }

    fn rebuild(&mut self) {
        let size = (self.live.max(4) * 4).next_power_of_two();
        let before = std::mem::replace(&mut self.slots, vec![FREE; size]);
        self.used = 0;
        for slot in before.into_iter().filter(|slot| slot.entry < DELETED) {
            self.place(slot);
        }
    }

    /// The index after the removed entries have gone and the others have moved up,
    /// with room for MORE.
    fn packed(&self, more: usize) -> Index {
        let mut slots: Vec<Slot> = self
            .slots
            .iter()
            .copied()
            .filter(|slot| slot.entry < DELETED)
            .collect();
        slots.sort_unstable_by_key(|slot| slot.entry);
        let mut index = self.emptied(slots.len() + more);
        for (entry, slot) in slots.into_iter().enumerate() {
            index.insert(slot.hash, entry);
        }
        index
    }
}

/// The two parts of a table.
struct Table<'a> {
    index: &'a Gc<std::cell::RefCell<Box<dyn steel::rvals::CustomType>>>,
    entries: &'a Value,
}

/// A table as Guile prints it, when VALUE is one.
pub fn shown(value: &Value) -> Option<String> {
    let table = parts(value)?;
    let (live, weak, expected) = table.look(|index, _| (index.live, index.weak, index.expected));
    let mut buckets = 31;
    for size in [
        61, 113, 223, 443, 883, 1759, 3517, 7027, 14051, 28099, 56197, 112_363, 224_717, 449_419,
        898_823, 1_797_641, 3_595_271,
    ] {
        if live * 10 <= buckets * 9 && expected <= buckets {
            break;
        }
        buckets = size;
    }
    Some(if weak {
        format!("#<weak-table {live}/{buckets}>")
    } else {
        let address = match value {
            Value::CustomStruct(table) => table.as_ptr() as usize,
            _ => 0,
        };
        format!("#<hash-table {address:x} {live}/{buckets}>")
    })
}

/// Whether VALUE is a hash table.
pub fn is_hash_table(value: &Value) -> bool {
    parts(value).is_some()
}

#[inline]
fn parts(value: &Value) -> Option<Table<'_>> {
    let Value::CustomStruct(table) = value else {
        return None;
    };
    let Some(Value::Custom(index)) = table.get_index(0) else {
        return None;
    };
    let entries = table.get_index(1)?;
    as_underlying_type::<Index>(index.read().as_ref())?;
    Some(Table { index, entries })
}

fn want<'a>(procedure: &str, args: &'a [Value], position: usize) -> Result<Table<'a>, Raise> {
    parts(&args[position - 1])
        .ok_or_else(|| errors::expecting(procedure, position, "hash-table", &args[position - 1]))
}

impl Table<'_> {
    fn look<T>(&self, look: impl FnOnce(&Index, &[Value]) -> T) -> T {
        let index = self.index.read();
        let index = as_underlying_type::<Index>(index.as_ref())
            .expect("parts() has seen that this is an index");
        match self.entries {
            Value::MutableVector(entries) => entries.borrow(|entries| look(index, entries)),
            _ => look(index, &[]),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Index, &mut Vec<Value>) -> T) -> T {
        let mut index = self.index.write();
        let index = as_underlying_type_mut::<Index>(index.as_mut())
            .expect("parts() has seen that this is an index");
        let Value::MutableVector(cell) = self.entries else {
            unreachable!("a table's second field is a vector")
        };
        let mut entries = cell.set_and_return(Vec::new());
        let result = change(index, &mut entries);
        cell.set_and_return(entries);
        result
    }

    #[inline]
    fn handle(&self, key: &Value, kind: Kind) -> Option<Value> {
        self.handle_with(key, kind.hash_of(key), kind)
    }

    /// The handle of KEY, whose hash is known.
    #[inline]
    fn handle_with(&self, key: &Value, hash: u32, kind: Kind) -> Option<Value> {
        self.look(|index, entries| {
            let slot = index.find(hash, |entry| {
                pairs::car(&entries[entry]).is_some_and(|found| (kind.same)(found, key))
            })?;
            Some(entries[index.slots[slot].entry as usize].clone())
        })
    }

    fn put(&self, key: &Value, value: Value, kind: Kind) -> Value {
        let hash = kind.hash_of(key);
        if let Some(handle) = self.handle_with(key, hash, kind) {
            let _handles_are_pairs = pairs::set_cdr(&handle, value);
            return handle;
        }
        let handle = cons(key.clone(), value);
        self.change(|index, entries| {
            // Entries of removed keys are dropped when they are the most.
            if entries.len() > 32 && index.live * 2 < entries.len() {
                *index = index.packed(1);
                entries.retain(|entry| !matches!(entry, Value::Void));
            }
            index.insert(hash, entries.len());
            entries.push(handle.clone());
        });
        handle
    }

    fn remove(&self, key: &Value, kind: Kind) -> Option<Value> {
        let hash = kind.hash_of(key);
        self.change(|index, entries| {
            let slot = index.find(hash, |entry| {
                pairs::car(&entries[entry]).is_some_and(|found| (kind.same)(found, key))
            })?;
            let entry = index.slots[slot].entry as usize;
            index.slots[slot].entry = DELETED;
            index.live -= 1;
            Some(std::mem::replace(&mut entries[entry], Value::Void))
        })
    }

    /// What USE makes of the handles, in the order of their insertion.
    fn with_handles<T>(&self, use_them: impl FnOnce(&mut dyn Iterator<Item = &Value>) -> T) -> T {
        self.look(|_, entries| {
            let live = |entry: &&Value| !matches!(entry, Value::Void);
            use_them(&mut entries.iter().filter(live))
        })
    }
}

/// How keys are compared.
#[derive(Clone, Copy)]
struct Kind {
    hash: fn(&Value) -> u64,
    same: fn(&Value, &Value) -> bool,
}

impl Kind {
    /// The hash of KEY, as much of it as is kept.
    #[inline]
    fn hash_of(self, key: &Value) -> u32 {
        (self.hash)(key) as u32
    }
}

const Q: Kind = Kind {
    hash: hash_eq,
    same: is_eq,
};
const V: Kind = Kind {
    hash: hash_eqv,
    same: is_eqv,
};
const EQUAL: Kind = Kind {
    hash: hash_equal,
    same: is_equal,
};
const TEXT_CI: Kind = Kind {
    hash: |value| match value {
        Value::StringV(text) => equality::hash_text(&text.to_lowercase()),
        other => hash_equal(other),
    },
    same: |a, b| match (a, b) {
        (Value::StringV(a), Value::StringV(b)) => a.to_lowercase() == b.to_lowercase(),
        _ => is_equal(a, b),
    },
};

fn make_table(machine: &mut Machine, args: &[Value], weak: bool) -> Outcome {
    let expected = match args {
        [] => 0,
        _ => size("make-hash-table", args, 1)?,
    };
    let room = expected.clamp(8, 1 << 24);
    memory::claim(room, 2 * size_of::<Value>())?;
    let mut index = Index::with_room(room);
    index.weak = weak;
    index.expected = expected;
    let entries = machine.vector(Vec::with_capacity(room));
    let index = index
        .into_steelval()
        .expect("a custom value is always a value");
    Ok(records::make(index, vec![entries]))
}

fn make(machine: &mut Machine, args: &[Value]) -> Outcome {
    make_table(machine, args, false)
}

fn make_weak(machine: &mut Machine, args: &[Value]) -> Outcome {
    make_table(machine, args, true)
}

fn predicate(args: &[Value]) -> Outcome {
    Ok(boolean(is_hash_table(&args[0])))
}

fn weak_predicate(args: &[Value]) -> Outcome {
    Ok(boolean(
        parts(&args[0]).is_some_and(|table| table.look(|index, _| index.weak)),
    ))
}

const GET: &str = "scm_hash_fn_get_handle";
const CREATE: &str = "scm_hash_fn_create_handle_x";

fn reference(args: &[Value], kind: Kind) -> Outcome {
    let table = want(GET, args, 1)?;
    Ok(match table.handle(&args[1], kind) {
        Some(handle) => pairs::cdr(&handle).expect("handles are pairs"),
        None => args.get(2).cloned().unwrap_or(Value::BoolV(false)),
    })
}

fn set(args: &[Value], kind: Kind) -> Outcome {
    let table = want(CREATE, args, 1)?;
    table.put(&args[1], args[2].clone(), kind);
    Ok(args[2].clone())
}

fn remove(args: &[Value], kind: Kind) -> Outcome {
    let table = want("scm_hash_fn_remove_x", args, 1)?;
    Ok(table.remove(&args[1], kind).unwrap_or(Value::BoolV(false)))
}

fn get_handle(args: &[Value], kind: Kind) -> Outcome {
    let table = want(GET, args, 1)?;
    Ok(table.handle(&args[1], kind).unwrap_or(Value::BoolV(false)))
}

fn create_handle(args: &[Value], kind: Kind) -> Outcome {
    let table = want(CREATE, args, 1)?;
    Ok(match table.handle(&args[1], kind) {
        Some(handle) => handle,
        None => table.put(&args[1], args[2].clone(), kind),
    })
}

macro_rules! by_kind {
    ($($operation:ident: $q:ident $v:ident $equal:ident;)*) => {
        $(
            fn $q(args: &[Value]) -> Outcome { $operation(args, Q) }
            fn $v(args: &[Value]) -> Outcome { $operation(args, V) }
            fn $equal(args: &[Value]) -> Outcome { $operation(args, EQUAL) }
        )*
    };
}

by_kind! {
    reference: refq refv ref_equal;
    set: setq setv set_equal;
    remove: removeq removev remove_equal;
    get_handle: get_handleq get_handlev get_handle_equal;
    create_handle: create_handleq create_handlev create_handle_equal;
}

fn ref_ci(args: &[Value]) -> Outcome {
    reference(args, TEXT_CI)
}
fn set_ci(args: &[Value]) -> Outcome {
    set(args, TEXT_CI)
}
fn remove_ci(args: &[Value]) -> Outcome {
    remove(args, TEXT_CI)
}

fn clear(args: &[Value]) -> Outcome {
    want("hash-clear!", args, 1)?.change(|index, entries| {
        entries.clear();
        *index = index.emptied(8);
    });
    Ok(unspecified())
}

fn handles(args: &[Value]) -> Outcome {
    let table = want("hash-fold", args, 1)?;
    Ok(table.with_handles(|handles| pairs::list_in_order(handles, pairs::nil())))
}

fn count(args: &[Value]) -> Outcome {
    Ok(integer(
        want("hash-table-size", args, 1)?.look(|index, _| index.live),
    ))
}

fn copy(machine: &mut Machine, args: &[Value]) -> Outcome {
    let table = want("hash-table-copy", args, 1)?;
    let copied = |handle: &Value| {
        cons(
            pairs::car(handle).cloned().unwrap_or(Value::Void),
            pairs::cdr(handle).unwrap_or(Value::Void),
        )
    };
    let handles: Vec<Value> = table.with_handles(|handles| handles.map(copied).collect());
    let mut index = table.look(|index, _| index.packed(0));
    index.weak = false;
    let entries = machine.vector(handles);
    let index = index
        .into_steelval()
        .expect("a custom value is always a value");
    Ok(records::make(index, vec![entries]))
}

/// WHAT of each handle, the newest first.
fn of_handles(procedure: &str, args: &[Value], what: fn(&Value) -> Option<Value>) -> Outcome {
    let table = want(procedure, args, 1)?;
    let found = table.with_handles(|handles| handles.filter_map(what).collect::<Vec<_>>());
    Ok(pairs::list(found.into_iter().rev()))
}

fn keys(args: &[Value]) -> Outcome {
    of_handles("%hash-keys", args, |handle| pairs::car(handle).cloned())
}

fn values(args: &[Value]) -> Outcome {
    of_handles("%hash-values", args, pairs::cdr)
}

natives! {
    /// (make-hash-table [size]) -> hash table
    "make-hash-table" (0, 1) with machine => make,
    /// (make-weak-key-hash-table [size]) -> a new table whose entries go when nothing else has the key
    "make-weak-key-hash-table" (0, 1) with machine => make_weak,
    /// (make-weak-value-hash-table [size]) -> a new table whose entries go when nothing else has the value
    "make-weak-value-hash-table" (0, 1) with machine => make_weak,
    /// (make-doubly-weak-hash-table [size]) -> a new table whose entries go when nothing else has the key or the value
    "make-doubly-weak-hash-table" (0, 1) with machine => make_weak,
    /// (hash-table? object) -> whether it is a hash table
    "hash-table?" (1) => predicate,
    /// (weak-key-hash-table? object) -> whether it is a hash table with weak keys
    "weak-key-hash-table?" (1) => weak_predicate,
    /// (weak-value-hash-table? object) -> whether it is a hash table with weak values
    "weak-value-hash-table?" (1) => weak_predicate,
    /// (doubly-weak-hash-table? object) -> whether it is a hash table with weak keys and values
    "doubly-weak-hash-table?" (1) => weak_predicate,
    /// (hash-ref table key [default]) -> what a key that is `equal?` has, or DEFAULT, else #f
    "hash-ref" (2, 1) => ref_equal,
    /// (hashq-ref table key [default]) -> what a key that is `eq?` has, or DEFAULT, else #f
    "hashq-ref" (2, 1) => refq,
    /// (hashv-ref table key [default]) -> what a key that is `eqv?` has, or DEFAULT, else #f
    "hashv-ref" (2, 1) => refv,
    /// (hash-set! table key value) -> VALUE, which the key that is `equal?` has from now on
    "hash-set!" (3) => set_equal,
    /// (hashq-set! table key value) -> VALUE, which the key that is `eq?` has from now on
    "hashq-set!" (3) => setq,
    /// (hashv-set! table key value) -> VALUE, which the key that is `eqv?` has from now on
    "hashv-set!" (3) => setv,
    /// (hash-remove! table key) -> take out the entry whose key is `equal?`
    "hash-remove!" (2) => remove_equal,
    /// (hashq-remove! table key) -> take out the entry whose key is `eq?`
    "hashq-remove!" (2) => removeq,
    /// (hashv-remove! table key) -> take out the entry whose key is `eqv?`
    "hashv-remove!" (2) => removev,
    /// (hash-get-handle table key) -> the pair of a key that is `equal?` and its value, or #f
    "hash-get-handle" (2) => get_handle_equal,
    /// (hashq-get-handle table key) -> the pair of a key that is `eq?` and its value, or #f
    "hashq-get-handle" (2) => get_handleq,
    /// (hashv-get-handle table key) -> the pair of a key that is `eqv?` and its value, or #f
    "hashv-get-handle" (2) => get_handlev,
    /// (hash-create-handle! table key value) -> the pair of a key that is `equal?` and its value, made where there is none
    "hash-create-handle!" (3) => create_handle_equal,
    /// (hashq-create-handle! table key value) -> the pair of a key that is `eq?` and its value, made where there is none
    "hashq-create-handle!" (3) => create_handleq,
    /// (hashv-create-handle! table key value) -> the pair of a key that is `eqv?` and its value, made where there is none
    "hashv-create-handle!" (3) => create_handlev,
    /// (%hash-ci-ref table key [default]) -> what a string that is the same but for case has, or DEFAULT
    "%hash-ci-ref" (2, 1) => ref_ci,
    /// (%hash-ci-set! table key value) -> the same as `hash-set!` where case does not count
    "%hash-ci-set!" (3) => set_ci,
    /// (%hash-ci-remove! table key) -> the same as `hash-remove!` where case does not count
    "%hash-ci-remove!" (2) => remove_ci,
    /// (hash-clear! table) -> take out all entries
    "hash-clear!" (1) => clear,
    /// (%hash-handles table) -> list of the pairs of key and value, oldest first
    "%hash-handles" (1) => handles,
    /// (%hash-count table) -> how many entries it has
    "%hash-count" (1) => count,
    /// (%hash-copy table) -> a new table with the same entries
    "%hash-copy" (1) with machine => copy,
    /// (%hash-keys table) -> its keys as a list
    "%hash-keys" (1) => keys,
    /// (%hash-values table) -> its values as a list
    "%hash-values" (1) => values,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_after_removals_is_found_in_its_new_place() {
        let hash = |entry: usize| entry as u32 * 7;
        let mut index = Index::with_room(4);
        for entry in 0..100 {
            index.insert(hash(entry), entry);
        }
        for entry in (0..100).filter(|entry| entry % 3 != 0) {
            let slot = index.find(hash(entry), |found| found == entry).unwrap();
            index.slots[slot].entry = DELETED;
            index.live -= 1;
        }
        let packed = index.packed(1);
        assert_eq!(packed.live, 34);
        for (place, entry) in (0..100).step_by(3).enumerate() {
            let slot = packed.find(hash(entry), |found| found == place);
            assert!(slot.is_some(), "{entry}");
        }
        assert!(packed.find(hash(1), |_| true).is_none());
    }
}
