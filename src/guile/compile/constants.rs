//! Constants of programs: each quoted datum that is not a simple atom becomes
//! a global of the machine, made once. Symbols are shared by all programs.

use crate::data::native::Machine;
use crate::data::tables::HashMap;
use crate::data::value::Value;
use crate::syntax::identifier::Id;
use crate::syntax::stx::{Form, Stx};
use std::cell::RefCell;
use std::collections::HashSet;

#[derive(Default)]
struct Table {
    data: Vec<Option<Stx>>,
    symbols: HashMap<Id, usize>,
    keywords: HashMap<String, usize>,
    names: Vec<Id>,
    name_index: HashMap<Id, usize>,
    /// What makes stand-ins of procedures that are compiled later, by name.
    stand_ins: HashSet<String>,
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::new(Table::default());
}

/// The global that holds the datum STX, `kNUMBER`, and whether it has to be made.
pub fn global(stx: &Stx) -> (String, bool) {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        let number = table.data.len();
        let known = match stx.form() {
            Form::Id(id) => {
                let base = id.base();
                let known = *table.symbols.entry(base).or_insert(number);
                (known != number).then_some(known)
            }
            Form::Atom(Value::SymbolV(name)) => {
                let known = *table.keywords.entry(name.to_string()).or_insert(number);
                (known != number).then_some(known)
            }
            _ => None,
        };
        match known {
            Some(known) => (format!("k{known}"), false),
            None => {
                table.data.push(Some(stx.clone()));
                (format!("k{number}"), true)
            }
        }
    })
}

/// The value of constant NUMBER.
pub fn value(number: usize, machine: &mut Machine) -> Option<Value> {
    let stx = TABLE.with(|table| {
        table
            .borrow_mut()
            .data
            .get_mut(number)
            .and_then(Option::take)
    })?;
    Some(stx.datum(&mut |items| machine.vector(items)))
}

/// A number by which a unit tells a native of NAME.
pub fn number(name: Id) -> usize {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        if let Some(number) = table.name_index.get(&name) {
            return *number;
        }
        let number = table.names.len();
        table.names.push(name);
        table.name_index.insert(name, number);
        number
    })
}

/// The name with NUMBER.
pub fn name(number: usize) -> Option<Id> {
    TABLE.with(|table| table.borrow().names.get(number).copied())
}

/// Whether MAKER, a global that makes stand-ins, has to be made.
pub fn is_first_stand_in(maker: &str) -> bool {
    TABLE.with(|table| table.borrow_mut().stand_ins.insert(maker.to_owned()))
}

/// Forget everything: another engine begins with none of its globals made.
pub fn reset() {
    TABLE.with(|table| *table.borrow_mut() = Table::default());
}
