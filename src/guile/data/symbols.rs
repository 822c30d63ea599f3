//! The one table of symbols: two symbols of the same name are one value.
//!
//! The machine has no keywords, so a keyword is a symbol of the machine's whose text
//! begins with `#:`. A symbol whose own name begins so has [`QUOTED`] before it, and so
//! has one whose name begins with that: no symbol of a program is a keyword.

use crate::data::tables::HashMap;
use std::borrow::Cow;
use std::cell::RefCell;
use steel::SteelVal;

thread_local! {
    static TABLE: RefCell<HashMap<String, SteelVal>> = RefCell::default();
}

/// What stands before the name of a keyword.
const KEYWORD: &str = "#:";

/// What stands before a symbol's name that would be taken for something else.
const QUOTED: char = '\u{10ffff}';

/// The machine's text for the symbol called NAME, whatever that begins with.
pub fn text_of(name: &str) -> Cow<'_, str> {
    match name.starts_with(KEYWORD) || name.starts_with(QUOTED) {
        true => format!("{QUOTED}{name}").into(),
        false => name.into(),
    }
}

/// The name of the symbol whose text in the machine is TEXT.
pub fn name_of(text: &str) -> &str {
    text.strip_prefix(QUOTED).unwrap_or(text)
}

/// The name of the keyword whose text in the machine is TEXT, when it is one.
pub fn keyword_name(text: &str) -> Option<&str> {
    text.strip_prefix(KEYWORD)
}

/// The keyword called NAME.
pub fn keyword(name: &str) -> SteelVal {
    intern(&format!("{KEYWORD}{name}"))
}

/// The symbol called NAME, whatever that begins with.
pub fn symbol(name: &str) -> SteelVal {
    intern(&text_of(name))
}

/// The symbol or keyword whose text in the machine is NAME.
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
