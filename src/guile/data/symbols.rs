//! The one table of symbols: two symbols of the same name are one value.

use crate::data::tables::HashMap;
use std::cell::RefCell;
use steel::SteelVal;

thread_local! {
    static TABLE: RefCell<HashMap<String, SteelVal>> = RefCell::default();
}

/// The symbol called NAME.
pub fn intern(name: &str) -> SteelVal {
    TABLE.with(|table| {
        if let Some(symbol) = table.borrow().get(name) {
            return symbol.clone();
        }
        let symbol = SteelVal::SymbolV(name.to_owned().into());
        table.borrow_mut().insert(name.to_owned(), symbol.clone());
        symbol
    })
}
