//! What `read-options` and directives in a text say of how to read.
//!
//! Source: GNU Guile reference manual, "Scheme Read".

use std::cell::Cell;

/// What `read-options` says, for all reading or, by a directive, for one text.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    pub fold_case: Option<bool>,
    pub keywords: Option<Keywords>,
    /// `\x41;` instead of two digits.
    pub hex_escapes: Option<bool>,
    /// A line continued in a string leaves out the blanks that begin the next.
    pub hungry: Option<bool>,
    /// `|a b|` is a symbol.
    pub bars: Option<bool>,
    pub curly: Option<bool>,
    pub bracket_lists: Option<bool>,
}

impl Options {
    /// Whether nothing has been said.
    pub fn is_usual(&self) -> bool {
        *self == Options::default()
    }
}

thread_local! {
    static OPTIONS: Cell<Options> = const { Cell::new(Options {
        fold_case: None,
        keywords: None,
        hex_escapes: None,
        hungry: None,
        bars: None,
        curly: None,
        bracket_lists: None,
    }) };
}

/// The options for all reading.
pub fn options() -> Options {
    OPTIONS.with(Cell::get)
}

pub fn set_options(options: Options) {
    OPTIONS.with(|slot| slot.set(options));
}

/// Further spellings of keywords.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Keywords {
    #[default]
    Guile,
    Prefix,
    Postfix,
}
