//! Identifiers: plain symbols, and aliases, the names that macros bring in.
//!
//! An alias means what its name means where the macro was defined, which
//! `namespace::scope` keeps for each alias.

use crate::data::symbols;
use crate::data::tables::HashMap;
use crate::data::value::Value;
use std::cell::RefCell;
use std::rc::Rc;

/// An identifier: the index of a symbol or, with the highest bit set, of an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u32);

const ALIAS: u32 = 1 << 31;

/// A name brought in by one expansion of a macro.
#[derive(Clone)]
pub struct Alias {
    /// What the name was in the macro's text.
    pub inner: Id,
    /// Its number among the aliases, by which `namespace::scope` knows where the
    /// macro was defined.
    pub number: u32,
    /// Which expansion brought it in.
    pub expansion: u32,
    /// The first alias for that name in that expansion: see [`Id::marked`].
    marked: Id,
}

#[derive(Default)]
struct Table {
    names: Vec<Rc<str>>,
    index: HashMap<Rc<str>, u32>,
    aliases: Vec<Alias>,
    /// (expansion, inner) to the first alias.
    marked: HashMap<(u32, Id), Id>,
    /// (expansion, inner, scope) to alias.
    introduced: HashMap<(u32, Id, usize), Id>,
    expansions: u32,
}

impl Table {
    fn marked(&self, id: Id) -> Id {
        match id.is_alias() {
            true => self.aliases[(id.0 & !ALIAS) as usize].marked,
            false => id,
        }
    }
}

thread_local! {
    static TABLE: RefCell<Table> = RefCell::new(Table::default());
}

impl Id {
    /// The plain identifier called NAME.
    pub fn named(name: &str) -> Id {
        TABLE.with(|table| {
            let mut table = table.borrow_mut();
            if let Some(index) = table.index.get(name) {
                return Id(*index);
            }
            let index = table.names.len() as u32;
            let name: Rc<str> = name.into();
            table.names.push(name.clone());
            table.index.insert(name, index);
            Id(index)
        })
    }

    pub fn is_alias(self) -> bool {
        self.0 & ALIAS != 0
    }

    /// The alias that this is, or nothing for a plain symbol.
    pub fn alias(self) -> Option<Alias> {
        self.is_alias()
            .then(|| TABLE.with(|table| table.borrow().aliases[(self.0 & !ALIAS) as usize].clone()))
    }

    /// The plain symbol under all aliases.
    pub fn base(self) -> Id {
        let mut id = self;
        TABLE.with(|table| {
            let table = table.borrow();
            while id.is_alias() {
                id = table.aliases[(id.0 & !ALIAS) as usize].inner;
            }
            id
        })
    }

    /// What binding goes by: whatever one call of a transformer brings in under one
    /// name is one identifier, wherever its templates stand. Where they stand only
    /// decides what it means when nothing binds it.
    pub fn marked(self) -> Id {
        match self.is_alias() {
            true => TABLE.with(|table| table.borrow().marked(self)),
            false => self,
        }
    }

    /// The symbol's text.
    pub fn name(self) -> Rc<str> {
        let base = self.base();
        TABLE.with(|table| table.borrow().names[base.0 as usize].clone())
    }

    /// The alias for this name in EXPANSION of a macro defined at PLACE, and whether
    /// it has just been made.
    pub fn alias_at(self, expansion: u32, place: usize) -> (Id, bool) {
        TABLE.with(|table| {
            let mut table = table.borrow_mut();
            let key = (expansion, self, place);
            if let Some(id) = table.introduced.get(&key) {
                return (*id, false);
            }
            let number = table.aliases.len() as u32;
            let id = Id(number | ALIAS);
            let inner = table.marked(self);
            let marked = *table.marked.entry((expansion, inner)).or_insert(id);
            table.aliases.push(Alias {
                inner: self,
                number,
                expansion,
                marked,
            });
            table.introduced.insert(key, id);
            (id, true)
        })
    }

    /// The symbol as a Scheme value.
    pub fn symbol(self) -> Value {
        symbols::intern(&self.name())
    }
}

/// A number that no other expansion has.
pub fn fresh_expansion() -> u32 {
    TABLE.with(|table| {
        let mut table = table.borrow_mut();
        table.expansions += 1;
        table.expansions
    })
}
